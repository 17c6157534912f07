/**
 * The log in a data folder that no node works on; holds the folder's lock. What counts is what is committed: in a cluster of several
 * that is what the log itself says, as more may be cut off again; alone it is all of it. On a thread that may block.
 */

import { alignUp } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { votersOf } from '../cluster/configuration.js';
import { isHistoryOf, loadHistory, NOTHING_KNOWN } from '../cluster/history-file.js';
import { continueHistory } from '../cluster/log-history.js';
import { NodeStateFile } from '../cluster/node-state-file.js';
import { CHUNK_HEADER_BYTES } from '../log/chunk.js';
import { ChunkContents } from '../log/chunk-contents.js';
import { logCorrupt } from '../log/damage.js';
import { type RecoveredLog, recoverLog } from '../log/recovery.js';
import type { Platform } from '../native/platform.js';
import { fileLocks } from '../node/data-folder.js';
import { type FolderLock, lockFolder } from '../node/folder-lock.js';
import { requireDataFolder } from '../node/restored-folder.js';
import { BLOCK_BYTES } from './backup-chunk.js';
import { type BackupSource, type ChunkTarget, PIECE_BYTES_MAX } from './backup-source.js';

export class FolderSource implements BackupSource {
  readonly name: string;
  readonly committed: Position;
  readonly #platform: Platform;
  readonly #log: RecoveredLog;
  readonly #lock: FolderLock;

  /** Throws `folder-locked` if a node runs on it, and all that says that there is no sound log. */
  static open(platform: Platform, folder: string): FolderSource {
    const lock = lockFolder(folder, fileLocks(platform));
    try {
      requireDataFolder(platform.disk, folder);
      const state = NodeStateFile.peek(platform.disk, folder);
      const { disk, kernel } = platform;
      const log = recoverLog({ disk, kernel, folder, catchingUpFrom: state?.catchingUpFrom });
      const committed = log.kind === 'empty' ? 0 : committedEnd(platform, folder, log, state?.memberId);
      if (log.kind === 'empty' || committed === 0) {
        const message = `there is nothing in ${folder} that is known to be committed, and so nothing to back up`;
        throw new CairnError('bad-data-folder', message, { path: folder });
      }
      return new FolderSource(platform, folder, log, { committed, lock });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(
    platform: Platform,
    folder: string,
    log: RecoveredLog,
    { committed, lock }: { readonly committed: Position; readonly lock: FolderLock },
  ) {
    this.#platform = platform;
    this.#log = log;
    this.#lock = lock;
    this.name = folder;
    this.committed = committed;
  }

  get logId(): string {
    return this.#log.logId;
  }

  get chunkSize(): number {
    return this.#log.chunkSize;
  }

  fileOf(number: number): string {
    return this.#log.chunks[number]!.path;
  }

  async read(number: number, length: number, { restart, take }: ChunkTarget): Promise<Position> {
    const path = this.fileOf(number);
    const start = number * this.chunkSize;
    const file = new ChunkContents(this.#platform, path, start, { direct: true });
    try {
      restart();
      const bytes: Bytes = this.#platform.disk.alignedBuffer(PIECE_BYTES_MAX);
      for (let at = 0; at < length; at += PIECE_BYTES_MAX) {
        const wanted = Math.min(PIECE_BYTES_MAX, length - at);
        const got = file.read(start + at, bytes, 0, alignUp(wanted, BLOCK_BYTES));
        if (got < wanted) {
          const offset = CHUNK_HEADER_BYTES + at + got;
          const place = { file: path, offset, position: start + at + got };
          throw logCorrupt(place, 'the file was cut short');
        }
        await take(bytes.subarray(0, wanted));
      }
      return this.committed;
    } finally {
      file.close();
    }
  }

  close(): void {
    this.#lock.release();
  }
}

function committedEnd(
  { disk, kernel }: Platform,
  folder: string,
  recovered: RecoveredLog,
  memberId: string | undefined,
): Position {
  const saved = loadHistory(disk, folder, recovered.logId);
  const known = saved !== undefined && isHistoryOf(disk, saved, recovered) ? saved : NOTHING_KNOWN;
  const { configurations, committed, end } = continueHistory({ disk, kernel, recovered }, known);
  const configuration = configurations.at(-1)?.configuration;
  // Without one it is a log from before there were clusters.
  const voters = configuration === undefined ? [] : votersOf(configuration);
  const isAlone = configuration === undefined || (voters.length === 1 && voters[0]!.id === memberId);
  return isAlone ? end.position : committed;
}
