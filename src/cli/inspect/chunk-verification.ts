/**
 * Verifies one chunk: every checksum, every link of the chain, and that records agree with their place and with the footer. Pure but
 * for reading; runs in a pool of workers, one chunk a job, and in tests.
 */
import type { ChainState, Disk, RecordKernel } from '../../base/ports.js';
import { CHUNK_HEADER_BYTES, type ChunkFooter } from '../../log/chunk.js';
import { ChunkReader } from '../../log/chunk-reader.js';
import { TailSummary } from '../../log/tail-summary.js';
import { type WalkStep, walkChunk } from './chunk-walk.js';
import type { Problem } from './folder-survey.js';

/** Problems of one chunk that are listed one by one; a chunk of garbage has no end of them. */
export const PROBLEMS_PER_CHUNK_MAX = 100;

/** A job for a worker: plain data. */
export interface VerificationTask {
  readonly path: string;
  readonly chunkSize: number;
  /** Positions to verify; `from` is the start of the chunk. */
  readonly from: number;
  readonly to: number;
  /** Whether the records must reach `to`; else zeros may follow. */
  readonly isFull: boolean;
  /** What the first record continues; undefined = unknown, because the chunk before has no footer that counts. */
  readonly before: ChainState | undefined;
  /** What the records must end with; undefined = they end anywhere. */
  readonly footer: ChunkFooter | undefined;
}

export interface VerificationResult {
  readonly records: number;
  /** Bytes of valid records. */
  readonly bytes: number;
  readonly problems: readonly Problem[];
  /** How many there are, the ones that are not listed included. */
  readonly problemCount: number;
}

/** Verifies a chunk. Damage is an answer; throws `DiskError` if the file can't be read. */
export function verifyChunk(disk: Disk, kernel: RecordKernel, task: VerificationTask): VerificationResult {
  const verification = new Verification(task);
  const reader = new ChunkReader({ disk, kernel }, task.chunkSize);
  try {
    reader.open(task.path, task.from, task.from, task.to);
    const walk = walkChunk(kernel, reader, task, task.before);
    for (let step = walk.next(); ; step = walk.next()) {
      if (step.done === true) return verification.end(step.value);
      verification.take(step.value);
    }
  } finally {
    reader.close();
  }
}

class Verification {
  readonly #task: VerificationTask;
  readonly #summary: TailSummary;
  readonly #problems: Problem[] = [];
  #problemCount = 0;
  #bytes = 0;

  constructor(task: VerificationTask) {
    this.#task = task;
    this.#summary = new TailSummary(task.chunkSize);
  }

  take(step: WalkStep): void {
    if (step.kind === 'damage') {
      this.#add(step.position, step.reason);
      return;
    }
    this.#bytes += step.length;
    this.#summary.note(step.bytes, step.at, step.length);
  }

  end(state: Readonly<ChainState>): VerificationResult {
    const { footer, isFull, to } = this.#task;
    const { recordCount } = this.#summary;
    if (state.position < to && isFull) this.#add(state.position, 'the records end here, zeros follow');
    if (footer !== undefined && this.#problemCount === 0) {
      const agrees =
        footer.chain === state.chain &&
        footer.previousLength === state.previousLength &&
        footer.epoch === state.epoch &&
        footer.recordCount === recordCount;
      if (!agrees) this.#add(to, 'the chunk footer is not that of the records before it');
    }
    const { contradiction } = this.#summary;
    if (contradiction !== undefined) this.#add(contradiction.position, contradiction.reason);
    return {
      records: recordCount,
      bytes: this.#bytes,
      problems: this.#problems,
      problemCount: this.#problemCount,
    };
  }

  #add(position: number, reason: string): void {
    this.#problemCount++;
    if (this.#problems.length >= PROBLEMS_PER_CHUNK_MAX) return;
    const { path, from } = this.#task;
    this.#problems.push({ file: path, offset: CHUNK_HEADER_BYTES + position - from, position, reason });
  }
}
