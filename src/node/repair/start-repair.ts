/**
 * Mends the log of a node that can't start because of it, with the help of the other members: they are asked again and again for a while, as
 * they may be starting, too. Meanwhile this node serves what it has itself, so that nodes with different damage mend each other. Main thread,
 * before the node is open.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnError } from '../../base/errors.js';
import { chunkFileName } from '../../log/chunk.js';
import type { LogFolder } from '../../log/damaged-chunk.js';
import type { Platform } from '../../native/platform.js';
import { ChunkCaller } from '../../net/chunk-caller.js';
import type { ChunkSource } from '../../net/chunk-routes.js';
import { ChunkFiles } from '../../reader/chunk-files.js';
import { fileLocks } from '../data-folder.js';
import { lockFolder } from '../folder-lock.js';
import { repairChunk } from './chunk-repair.js';
import { damagedChunkOf, isDamage, unmended } from './damage-report.js';
import { identifyLog, type LogIdentity } from './log-identity.js';

export interface StartRepairParts {
  readonly platform: Platform;
  readonly folder: string;
  /** This node's own name. */
  readonly name: string;
  /** Where members may be found, besides those that the folder knows. */
  readonly seeds: () => readonly string[];
  readonly isBlocked: (name: string) => boolean;
  /** How long the others are asked, all in all. */
  readonly patienceMs: number;
  readonly warn: (message: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** Between two rounds of asking everybody. */
const ROUND_MS = 1_000;
/** A chunk that is damaged again right after it was mended, twice, is on a disk that does not keep what it is given. */
const REPAIRS_MAX = 2;

export class StartRepair {
  readonly #parts: StartRepairParts;
  /** How often each chunk was mended. */
  readonly #repairs = new Map<string, number>();
  #deadlineMs: number | undefined;
  #source: ChunkSource | undefined;

  constructor(parts: StartRepairParts) {
    this.#parts = parts;
  }

  /** What this node can give to others while it mends itself. */
  get source(): ChunkSource | undefined {
    return this.#source;
  }

  /** Chunks that were mended. */
  get repairs(): number {
    return [...this.#repairs.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Opens what `open` opens, mending the log as long as that fails because of it. Throws what can't be helped. */
  async open<T>(open: () => T): Promise<T> {
    for (;;) {
      try {
        return open();
      } catch (error) {
        if (!(error instanceof CairnError) || !isDamage(error, this.#parts.folder)) throw error;
        await this.#mend(error);
      }
    }
  }

  /** Resolves when a chunk was mended; throws the error, and says who was asked, if none could be. */
  async #mend(error: CairnError): Promise<void> {
    const { platform, folder, warn } = this.#parts;
    const lock = lockFolder(folder, fileLocks(platform));
    let files: ChunkFiles | undefined;
    try {
      const identity = identifyLog(platform.disk, folder);
      const peers = identity === undefined ? [] : this.#peers(identity);
      const number = identity && damagedChunkOf(error, folder, identity.chunkSize);
      if (identity === undefined || number === undefined || peers.length === 0) throw error;
      if ((this.#repairs.get(chunkFileName(number, 0)) ?? 0) >= REPAIRS_MAX) throw error;
      warn('the log is damaged: asking the other members', { ...error.details, peers });
      const pathOf = (chunk: number) => join(folder, chunkFileName(chunk, 0));
      files = new ChunkFiles(pathOf, identity.chunkSize, platform.kernel);
      this.#source = folderSource(identity, files);
      await this.#repair({ platform, identity, number, peers }, error);
    } finally {
      this.#source = undefined;
      await files?.close();
      lock.release();
    }
  }

  async #repair({ platform, identity, number, peers }: Mending, error: CairnError): Promise<void> {
    const { folder, name, patienceMs, warn } = this.#parts;
    const { disk, kernel } = platform;
    const { logId, chunkSize } = identity;
    const log: LogFolder = { disk, kernel, folder, logId, chunkSize };
    const caller = new ChunkCaller({ name, logId, chunkSize });
    this.#deadlineMs ??= performance.now() + patienceMs;
    for (;;) {
      const outcome = await repairChunk(log, number, peers, (...asked) => caller.fetch(...asked));
      const { file } = outcome;
      if (outcome.kind === 'repaired') {
        this.#repairs.set(file, (this.#repairs.get(file) ?? 0) + 1);
        warn('mended a damaged chunk', { file, from: outcome.from ?? '' });
        return;
      }
      if (performance.now() + ROUND_MS > this.#deadlineMs) throw unmended(error, outcome.answers);
      await sleep(ROUND_MS);
    }
  }

  #peers({ members }: LogIdentity): string[] {
    const { name, seeds, isBlocked } = this.#parts;
    return [...new Set([...seeds(), ...members])].filter((peer) => peer !== name && !isBlocked(peer));
  }
}

interface Mending {
  readonly platform: Platform;
  readonly identity: LogIdentity;
  readonly number: number;
  readonly peers: readonly string[];
}

/** Reads the folder's files as they are: whoever gets them checks them. */
function folderSource({ logId, chunkSize, committed }: LogIdentity, files: ChunkFiles): ChunkSource {
  return {
    ...{ logId, chunkSize, committed },
    read: (position, target) => files.read(position, target, 0, target.length),
    fileVersionOf: (chunk) => files.versionOf(chunk),
  };
}
