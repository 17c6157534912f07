/** What is said when there is no room for a chunk: to clients by a node that works, and by one whose log can't be made. Pure. */
import { constants } from 'node:os';
import { CairnError } from '../base/errors.js';
import type { DiskError } from '../base/ports.js';
import type { Rejection } from '../sequencer/pending-replies.js';

/** Why the preparer can't make another chunk; undefined if it can. `errno` is what it noted, 0 if nothing. */
export function outOfSpace(errno: number): Rejection | undefined {
  if (errno === 0) return undefined;
  return OUT_OF_SPACE.get(errno) ?? DISK_FULL;
}

const DISK_FULL = diskFull(
  'ENOSPC',
  'the disk has no room for another chunk; nothing was written. Free space: writes resume by themselves within a second',
);

const LIMITED = diskFull(
  'EFBIG',
  "a chunk is larger than this process's limit on file size, or than its file system allows; nothing was written. Raise the limit (ulimit -f) and start the node again",
);

const OUT_OF_SPACE: ReadonlyMap<number, Rejection> = new Map([
  [
    constants.errno.EDQUOT,
    diskFull(
      'EDQUOT',
      "this user's disk quota has no room for another chunk; nothing was written. Raise it, or free space: writes resume by themselves within a second",
    ),
  ],
  [constants.errno.EFBIG, LIMITED],
]);

function diskFull(errno: string, message: string): Rejection {
  return { code: 'disk-full', message, details: { errno } };
}

/** What ends a node that has no room for the first chunk of its log. */
export function noRoomForLog(error: DiskError): CairnError {
  const { errno } = error;
  const message =
    errno === 'EFBIG'
      ? LIMITED.message
      : `${errno === 'EDQUOT' ? "this user's disk quota" : 'the disk'} has no room for the first chunk of the log; nothing was written. Free space, and start the node again`;
  return new CairnError('disk-full', message, { errno }, error);
}
