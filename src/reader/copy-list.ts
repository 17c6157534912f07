/**
 * Copies of runs of bytes that are noted one by one and then made in one call of the kernel: the price of a copy of a few hundred
 * bytes in JavaScript is several times that of the bytes. Main thread; used again and again, never across an await.
 */
import type { Bytes, RecordKernel } from '../base/ports.js';

const RUN_WORDS = 3;
/** A page of 1 MiB has some 4000 records of the usual size; the list grows when they are smaller. */
const RUNS_AT_FIRST = 4096;

export class CopyList {
  readonly #kernel: RecordKernel;
  #runs = new Int32Array(RUNS_AT_FIRST * RUN_WORDS);
  #count = 0;

  constructor(kernel: RecordKernel) {
    this.#kernel = kernel;
  }

  /** Notes a copy of `length` bytes from the place `from` in the source to the place `to` in the target. */
  add(from: number, to: number, length: number): void {
    if ((this.#count + 1) * RUN_WORDS > this.#runs.length) this.#grow();
    const word = this.#count++ * RUN_WORDS;
    this.#runs[word] = from;
    this.#runs[word + 1] = to;
    this.#runs[word + 2] = length;
  }

  /** Makes the copies noted since the last time. */
  copy(source: Bytes, target: Bytes): void {
    this.#kernel.copyRuns(source, target, this.#runs, this.#count);
    this.#count = 0;
  }

  #grow(): void {
    const runs = this.#runs;
    this.#runs = new Int32Array(2 * runs.length);
    this.#runs.set(runs);
  }
}
