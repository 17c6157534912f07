/**
 * The lock that keeps a second node off a data folder: flock on a file in it. The kernel drops it when the process dies,
 * however it dies, so it is never left behind. Main thread, at the start.
 */
import { constants } from 'node:fs';
import { checked, errnoName } from './errno.js';
import type { Addon } from './load.js';
import { FILE_MODE } from './open-flags.js';

/** A lock that is held. */
export interface FolderLock {
  /** Gives it up. The file stays: removing it would let two processes hold locks on two files of one name. */
  release(): void;
}

/**
 * Takes the lock on the file at `path`, making the file if it is missing and leaving alone what it says. Undefined if
 * another open of it holds the lock; `unsupported` if its file system has no locks. Other failures throw DiskError.
 */
export function tryLock(addon: Addon, path: string): FolderLock | undefined | 'unsupported' {
  const file = checked(addon.open(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE), 'open', path);
  const result = addon.lock(file);
  if (result < 0) {
    addon.close(file);
    const errno = errnoName(-result);
    if (errno === 'EAGAIN' || errno === 'EWOULDBLOCK') return undefined;
    if (['ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'].includes(errno)) return 'unsupported';
    checked(result, 'flock', path);
  }
  let isHeld = true;
  return {
    release(): void {
      if (isHeld) checked(addon.close(file), 'close', path);
      isHeld = false;
    },
  };
}
