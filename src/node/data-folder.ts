/** Making a folder for data that has to last, and what keeps others out of it. At start, on a thread that may block. */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CairnError } from '../base/errors.js';
import type { Disk } from '../base/ports.js';
import type { Platform } from '../native/platform.js';
import type { FileLocks } from './folder-lock.js';

/**
 * Makes the folder, and every name on the way to it durable: a log is gone when the folder that it is in is. `option`: which one named it. Throws
 * `invalid-configuration`, or `DiskError`.
 */
export function makeFolder(folder: string, disk: Disk, option = '--db'): void {
  try {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = resolve(folder); made.length >= first.length; made = dirname(made))
      disk.syncDirectory(dirname(made));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CairnError(
      'invalid-configuration',
      `the ${option === '--db' ? 'data ' : ''}folder ${folder} can't be made (${code}); choose another with ${option}`,
      { path: folder, errno: code ?? '' },
      error,
    );
  }
}

/** flock where the addon has it. */
export function fileLocks(platform: Platform): FileLocks | undefined {
  if (platform.describe.disk !== 'native') return undefined;
  return {
    tryLock: (path) => {
      const lock = platform.tryLock(path);
      return lock === 'unsupported' ? undefined : lock;
    },
  };
}
