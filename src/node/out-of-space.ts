/** What is said when there is no room for a chunk, or less than the reserve: to clients by a node that works, and by one whose log can't be made. Pure. */
import { constants } from 'node:os';
import { CairnError } from '../base/errors.js';
import type { DiskError } from '../base/ports.js';
import { BEYOND_RESERVE } from '../preparer/commands.js';
import type { Rejection } from '../sequencer/pending-replies.js';

/** What is free, and what of it is kept. */
export interface SpaceFigures {
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

/** Why the preparer can't make another chunk; undefined if it can. `errno` is what it noted, 0 if nothing. */
export function outOfSpace(errno: number, figures: SpaceFigures | undefined): Rejection | undefined {
  if (errno === 0) return undefined;
  if (errno === BEYOND_RESERVE) return chunkBeyondReserve(figures);
  return OUT_OF_SPACE.get(errno) ?? DISK_FULL;
}

const WAY_OUT =
  'nothing was written. Free space, or lower DiskSpaceReserve: writes resume by themselves within two seconds of space being there';

/** What every append is told while there is less than the reserve. */
export function belowReserve({ freeBytes, reserveBytes }: SpaceFigures): Rejection {
  const message = `the disk has ${mebibytes(freeBytes)} free, less than the ${mebibytes(reserveBytes)} that are kept for what was accepted and for the index; ${WAY_OUT}`;
  return { code: 'disk-full', message, details: { freeBytes, reserveBytes } };
}

function chunkBeyondReserve(figures: SpaceFigures | undefined): Rejection {
  const { freeBytes = 0, reserveBytes = 0 } = figures ?? {};
  const message = `the disk has ${mebibytes(freeBytes)} free, and another chunk would leave less than the ${mebibytes(reserveBytes)} that are kept for what was accepted and for the index; ${WAY_OUT}`;
  return { code: 'disk-full', message, details: { freeBytes, reserveBytes } };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
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
