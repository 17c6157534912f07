/** How much room the file system of a folder has. Any thread: main asks without waiting, a thread of its own may block. */
import { type StatsFs, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '../base/disk-space.js';

/** Undefined if the file system does not say. Rejects with what the system says. */
export async function askDiskSpace(folder: string): Promise<DiskSpace | undefined> {
  return spaceIn(await statfs(folder));
}

/** The same at once; undefined also if it can't be found out. */
export function diskSpaceOf(folder: string): DiskSpace | undefined {
  try {
    return spaceIn(statfsSync(folder));
  } catch {
    // Main, which asks as well, tells of it.
    return undefined;
  }
}

/** Some file systems that are no disks have no blocks. */
function spaceIn({ bavail, blocks, bsize }: StatsFs): DiskSpace | undefined {
  return blocks === 0 ? undefined : { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
