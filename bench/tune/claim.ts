/**
 * The data folder while it is measured: it is there, can be written to, and no node starts on it meanwhile. Nothing is left behind but what
 * was there before: a `lock` that belongs to root would keep the node's own user out. Main thread.
 */
import { accessSync, chownSync, constants, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '../../src/base/errors.js';
import { listFolder, readChunkBlocks } from '../../src/log/folder.js';
import type { Platform } from '../../src/native/platform.js';
import { fileLocks } from '../../src/node/data-folder.js';
import { type FolderLock, lockFolder } from '../../src/node/folder-lock.js';
import type { CheckRow } from './check-row.js';

export interface Claim {
  readonly check: CheckRow;
  /** Why it could not be taken. */
  readonly refusal: CairnError | undefined;
  /** Bytes of the chunks of a log that is there already. */
  readonly chunkSize: number | undefined;
  release(): void;
}

/** Takes the folder, or says who has it. Throws `CairnError` if it is not one that can be measured at all. */
export function claimFolder(folder: string, platform: Platform): Claim {
  requireFolder(folder);
  const { lock, refusal } = tryLock(folder, platform);
  const current = refusal === undefined ? 'free' : refusal.message;
  const required = 'no node runs on it';
  return {
    check: { condition: 'data folder', required, current, severity: 'error', passed: refusal === undefined },
    refusal,
    chunkSize: chunkSizeIn(folder, platform),
    release: () => lock?.release(),
  };
}

function requireFolder(folder: string): void {
  const fault = faultOf(folder);
  if (fault === undefined) return;
  throw new CairnError(
    'invalid-configuration',
    `${folder} ${fault}: name a folder on the disk that the node is to use, with --db`,
    { path: folder },
  );
}

function faultOf(folder: string): string | undefined {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return 'does not exist';
  if (!found.isDirectory()) return 'is not a folder';
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `can't be written to (${(error as NodeJS.ErrnoException).code})`;
  }
}

function tryLock(folder: string, platform: Platform): { lock?: FolderLock; refusal?: CairnError } {
  const path = join(folder, 'lock');
  const before = statSync(path, { throwIfNoEntry: false });
  try {
    const lock = lockFolder(folder, fileLocks(platform));
    // Taking the lock has made the file anew: it keeps its owner.
    if (before !== undefined && process.getuid?.() === 0) chownSync(path, before.uid, before.gid);
    return { lock: before === undefined ? removing(lock, path) : lock };
  } catch (error) {
    if (error instanceof CairnError && error.code === 'folder-locked') return { refusal: error };
    throw error;
  }
}

/**
 * The lock whose file goes with it. It goes while the lock is held: who has opened it before finds our claim there, or, once that is released,
 * that the file is no longer the one of that name.
 */
function removing(lock: FolderLock, path: string): FolderLock {
  return {
    release: () => {
      rmSync(path, { force: true });
      lock.release();
    },
  };
}

function chunkSizeIn(folder: string, { disk }: Platform): number | undefined {
  const first = listFolder(disk, folder).chunks[0];
  if (first === undefined) return undefined;
  const { header } = readChunkBlocks(disk, first.path);
  return header.kind === 'header' ? header.header.chunkSize : undefined;
}
