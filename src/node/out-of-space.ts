/** What a client is told when the preparer can't make another chunk. Pure. */
import { constants } from 'node:os';
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

const OUT_OF_SPACE: ReadonlyMap<number, Rejection> = new Map([
  [
    constants.errno.EDQUOT,
    diskFull(
      'EDQUOT',
      "this user's disk quota has no room for another chunk; nothing was written. Raise it, or free space: writes resume by themselves within a second",
    ),
  ],
  [
    constants.errno.EFBIG,
    diskFull(
      'EFBIG',
      "a chunk is larger than this process's limit on file size, or than its file system allows; nothing was written. Raise the limit (ulimit -f) and start the node again",
    ),
  ],
]);

function diskFull(errno: string, message: string): Rejection {
  return { code: 'disk-full', message, details: { errno } };
}
