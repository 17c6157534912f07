/**
 * Waiting awake: to wake a thread takes longer than a fast disk's write, so who is mostly rung after a moment stays awake for that moment. Who is
 * mostly rung later, or never, sleeps: an idle node costs nothing. Any thread.
 */

/** However long a wait was, it counts as no more than so many of the longest vigils: a few short ones are noticed soon. */
const LONG_WAIT = 4;
/** How much the last wait counts against those before it. */
const LAST_SHARE = 1 / 8;
/** A vigil lasts so many usual waits. */
const PATIENCE = 2;
/** Looks between two readings of the clock, which takes as long as a few of them. */
const LOOKS = 64;

export class Vigil {
  readonly #longestMs: number;
  readonly #nowMs: () => number;
  /** What a wait takes, going by the last ones. */
  #usualMs: number;

  /** `longestMs`: of a vigil; 0 for none at all. */
  constructor(longestMs: number, nowMs = () => performance.now()) {
    this.#longestMs = longestMs;
    this.#nowMs = nowMs;
    this.#usualMs = LONG_WAIT * longestMs;
  }

  /** Whether what is waited for mostly comes within a vigil. */
  get pays(): boolean {
    return PATIENCE * this.#usualMs < this.#longestMs;
  }

  /** Stays awake until `isOver` says so; false if that took too long. */
  keep(isOver: () => boolean): boolean {
    const endMs = this.#nowMs() + PATIENCE * this.#usualMs;
    do {
      for (let look = 0; look < LOOKS; look++) if (isOver()) return true;
    } while (this.#nowMs() < endMs);
    return false;
  }

  /** Notes how long a wait took, awake or asleep. */
  took(ms: number): void {
    this.#usualMs += (Math.min(ms, LONG_WAIT * this.#longestMs) - this.#usualMs) * LAST_SHARE;
  }
}
