/**
 * What the writer thread counts, in shared memory for main to read at any time: single-writer f64 words, each exact on its
 * own, the set not taken at one instant unless that is asked for.
 */
import { BATCH_SIZE_CLASSES, batchSizeClass } from '../base/batch-sizes.js';
import type { Position } from '../base/units.js';
import { CONTROL, type RingMemory } from './layout.js';

const FIELD = { batches: 0, recordBytes: 1, diskBytes: 2, writeMs: 3, syncMs: 4, chunks: 5 } as const;
/** Where the last batch stands behind them: from, to, and three times. */
const LAST_BATCH = 6;
const WORDS = 11;
/** Int32 word behind them: odd while a batch is being noted or counted. */
const SEQUENCE_AT = 24;

/** Sums since the node started. `recordBytes` counts what was made durable, `diskBytes` what was written for it. */
export interface WriterStatistics {
  readonly batches: number;
  readonly recordBytes: number;
  readonly diskBytes: number;
  readonly writeMs: number;
  readonly syncMs: number;
  readonly chunks: number;
  /** How many batches were of each class of {@link BATCH_SIZE_BOUNDS}. */
  readonly batchSizes: readonly number[];
}

export const NOTHING_WRITTEN: WriterStatistics = {
  ...{ batches: 0, recordBytes: 0, diskBytes: 0, writeMs: 0, syncMs: 0, chunks: 0 },
  batchSizes: new Array<number>(BATCH_SIZE_CLASSES).fill(0),
};

/** What the writer counts of a batch: bytes of records, bytes written for them, and how long that took. */
export interface CountedBatch {
  readonly recordBytes: number;
  readonly diskBytes: number;
  readonly writeMs: number;
  readonly syncMs: number;
}

/** What the writer did last. Times are the reader's `performance.now()`. */
export interface LastBatch {
  readonly from: Position;
  readonly to: Position;
  readonly beganMs: number;
  readonly writtenMs: number;
  readonly syncedMs: number;
}

export class StatisticsWords {
  readonly #words: Float64Array;
  readonly #batchSizes: Float64Array;
  readonly #control: Int32Array;

  constructor(memory: RingMemory) {
    const { control } = memory;
    const words = (at: number, count: number) =>
      new Float64Array(control.buffer, control.byteOffset + at * 4, count);
    this.#control = control;
    this.#words = words(CONTROL.writerStatistics, WORDS);
    this.#batchSizes = words(CONTROL.batchSizes, BATCH_SIZE_CLASSES);
  }

  /** A batch is durable. */
  addBatch(batch: CountedBatch): void {
    this.#turn();
    this.add('batches', 1);
    this.add('recordBytes', batch.recordBytes);
    this.add('diskBytes', batch.diskBytes);
    this.add('writeMs', batch.writeMs);
    this.add('syncMs', batch.syncMs);
    this.#batchSizes[batchSizeClass(batch.recordBytes)]! += 1;
    this.#turn();
  }

  add(field: keyof typeof FIELD, amount: number): void {
    this.#words[FIELD[field]]! += amount;
  }

  read(): WriterStatistics {
    const [batches = 0, recordBytes = 0, diskBytes = 0, writeMs = 0, syncMs = 0, chunks = 0] = this.#words;
    const batchSizes = Array.from(this.#batchSizes);
    return { batches, recordBytes, diskBytes, writeMs, syncMs, chunks, batchSizes };
  }

  /** All of it as it was at one instant; undefined while a batch is being counted. */
  readAtOnce(): WriterStatistics | undefined {
    const before = this.#sequence;
    const statistics = this.read();
    return before % 2 === 0 && before === this.#sequence ? statistics : undefined;
  }

  /** The batch that is about to be told durable, with times of the writer's `performance.now()`. */
  setLastBatch(batch: LastBatch): void {
    const words = this.#words;
    // Threads have clocks that began at different times.
    const { timeOrigin } = performance;
    this.#turn();
    words[LAST_BATCH] = batch.from;
    words[LAST_BATCH + 1] = batch.to;
    words[LAST_BATCH + 2] = timeOrigin + batch.beganMs;
    words[LAST_BATCH + 3] = timeOrigin + batch.writtenMs;
    words[LAST_BATCH + 4] = timeOrigin + batch.syncedMs;
    this.#turn();
  }

  /** Undefined while the writer is noting another one. */
  lastBatch(): LastBatch | undefined {
    const before = this.#sequence;
    const [from = 0, to = 0, began = 0, written = 0, synced = 0] = this.#words.subarray(LAST_BATCH);
    if (before !== this.#sequence || before % 2 !== 0) return undefined;
    const { timeOrigin } = performance;
    const times = [began, written, synced].map((ms) => ms - timeOrigin) as [number, number, number];
    return { from, to, beganMs: times[0], writtenMs: times[1], syncedMs: times[2] };
  }

  get #sequence(): number {
    return Atomics.load(this.#control, CONTROL.writerStatistics + SEQUENCE_AT);
  }

  #turn(): void {
    Atomics.add(this.#control, CONTROL.writerStatistics + SEQUENCE_AT, 1);
  }
}
