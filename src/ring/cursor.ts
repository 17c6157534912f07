/**
 * A position in the log that one thread moves and others follow, kept in one 32-bit word of shared memory: position / 8
 * modulo 2^32. Whoever follows it knows it to within 16 GiB, half of what the word can tell apart, because nothing
 * in a ring of at most 1 GiB lags further behind: so the full position is recovered from the difference, with no 64-bit
 * atomics (BigInt would allocate) and no torn reads. Any thread.
 */
import { FIRST_POSITION } from '../base/units.js';

const UNIT_BYTES = 8;

/** One thread's view of a shared position. Every thread makes its own over the same word. */
export class Cursor {
  readonly #words: Int32Array;
  readonly #index: number;
  #word: number;
  #position: number = FIRST_POSITION;

  /** `position` is what the word holds now, or is about to hold: it anchors the differences. */
  constructor(words: Int32Array, index: number, position: number) {
    this.#words = words;
    this.#index = index;
    this.#position = position;
    this.#word = (position / UNIT_BYTES) | 0;
  }

  /** The position as of the last `load` or `store` through this object. */
  get position(): number {
    return this.#position;
  }

  /** Reads the shared word (acquire) and returns the position. */
  load(): number {
    const word = Atomics.load(this.#words, this.#index);
    if (word !== this.#word) {
      this.#position += ((word - this.#word) | 0) * UNIT_BYTES;
      this.#word = word;
    }
    return this.#position;
  }

  /** Moves the shared position (release). Only the owning thread may. */
  store(position: number): void {
    this.#position = position;
    this.#word = (position / UNIT_BYTES) | 0;
    Atomics.store(this.#words, this.#index, this.#word);
  }
}
