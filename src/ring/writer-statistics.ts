/**
 * What the writer thread counts, in shared memory for main to read at any time: single-writer f64 words, each exact on its
 * own, the set not taken at one instant.
 */
import { CONTROL, type RingMemory } from './layout.js';

const FIELD = { batches: 0, recordBytes: 1, diskBytes: 2, writeMs: 3, syncMs: 4, chunks: 5 } as const;

/** Sums since the node started. `recordBytes` counts what was made durable, `diskBytes` what was written for it. */
export interface WriterStatistics {
  readonly batches: number;
  readonly recordBytes: number;
  readonly diskBytes: number;
  readonly writeMs: number;
  readonly syncMs: number;
  readonly chunks: number;
}

export class StatisticsWords {
  readonly #words: Float64Array;

  constructor(memory: RingMemory) {
    const { control } = memory;
    this.#words = new Float64Array(control.buffer, control.byteOffset + CONTROL.writerStatistics * 4, 8);
  }

  add(field: keyof typeof FIELD, amount: number): void {
    this.#words[FIELD[field]]! += amount;
  }

  read(): WriterStatistics {
    const [batches = 0, recordBytes = 0, diskBytes = 0, writeMs = 0, syncMs = 0, chunks = 0] = this.#words;
    return { batches, recordBytes, diskBytes, writeMs, syncMs, chunks };
  }
}
