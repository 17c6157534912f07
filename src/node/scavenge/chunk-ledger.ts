/**
 * Which chunks were gone over, and through which point: the file `scavenge`, and what is known of it in memory. Main thread. It counts for the very files
 * that were there then.
 */
import type { Position } from '../../base/units.js';
import {
  decodeScavengeState,
  encodeScavengeState,
  type ScavengedChunk,
} from '../../scavenge/scavenge-state.js';
import type { ChunkSurvey } from './scavenge-job.js';

export interface LedgerFile {
  /** Undefined if there is none, or it can't be read. */
  load(): Promise<Uint8Array | undefined>;
  /** Durably, in the place of the last. Rejects if it can't be done. */
  save(bytes: Uint8Array): Promise<void>;
}

export class ChunkLedger {
  readonly #logId: string;
  readonly #file: LedgerFile;
  #chunks: (ScavengedChunk | undefined)[] | undefined;

  constructor(logId: string, file: LedgerFile) {
    this.#logId = logId;
    this.#file = file;
  }

  /** Reads the file, the first time, and forgets what is about other files than those that were found. */
  async compare(found: ChunkSurvey): Promise<void> {
    const bytes = this.#chunks === undefined ? await this.#file.load() : undefined;
    this.#chunks ??= (bytes && decodeScavengeState(bytes, this.#logId)) ?? [];
    for (const [number, chunk] of found.entries()) {
      if (this.#chunks[number]?.chunkId !== chunk?.chunkId) this.#chunks[number] = undefined;
    }
  }

  /** Those of the first `count` chunks that were not gone over through this point. */
  pending(count: number, point: Position): number[] {
    const numbers = Array.from({ length: count }, (_, number) => number);
    return numbers.filter((number) => this.through(number) < point);
  }

  /** 0 if it was never gone over. */
  through(number: number): Position {
    return this.#chunks?.[number]?.through ?? 0;
  }

  /** The file with this id was gone over. Rejects if that can't be saved; it is known all the same. */
  async done(number: number, chunk: ScavengedChunk): Promise<void> {
    const chunks = this.#chunks ?? [];
    while (chunks.length < number) chunks.push(undefined);
    chunks[number] = chunk;
    this.#chunks = chunks;
    await this.#file.save(encodeScavengeState(this.#logId, chunks));
  }

  /** Another file is in its place. */
  forget(number: number): void {
    if (this.#chunks?.[number] !== undefined) this.#chunks[number] = undefined;
  }
}
