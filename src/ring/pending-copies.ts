/**
 * Copies into the ring that are gathered and done in one call of the kernel, at the latest when the records are sealed.
 * The source must stay as it is until then: the end of the event loop's turn. Main thread only.
 */
import type { Bytes, RecordKernel } from '../base/ports.js';

/** Enough for a turn under load to be a few calls; three words each. */
const RUNS_MAX = 1024;
const RUN_WORDS = 3;
const NOTHING = new Uint8Array(0);

export class PendingCopies {
  readonly #kernel: RecordKernel;
  readonly #target: Bytes;
  readonly #runs = new Int32Array(RUNS_MAX * RUN_WORDS);
  #count = 0;
  #source: Bytes = NOTHING;

  constructor(kernel: RecordKernel, target: Bytes) {
    this.#kernel = kernel;
    this.#target = target;
  }

  /** Will copy `source[from, from+length)` to `target[to, to+length)`. */
  add(source: Bytes, from: number, length: number, to: number): void {
    if (source !== this.#source || this.#count === RUNS_MAX) {
      this.flush();
      this.#source = source;
    }
    const word = this.#count++ * RUN_WORDS;
    this.#runs[word] = from;
    this.#runs[word + 1] = to;
    this.#runs[word + 2] = length;
  }

  flush(): void {
    if (this.#count === 0) return;
    this.#kernel.copyRuns(this.#source, this.#target, this.#runs, this.#count);
    this.#count = 0;
    this.#source = NOTHING;
  }
}
