/**
 * How one thread wakes another: a count of rings and a flag that says the other is parked. Waking a sleeper costs over
 * 10 µs and ringing an awake one some 30 ns, so the notify is left out unless the flag is up. No ring is lost: the
 * sleeper raises the flag before it compares the count, the ringer counts before it looks at the flag, and both use
 * sequentially consistent atomics (Dekker's pattern).
 */

const PARKED = 1;
const AWAKE = 0;

/** A doorbell in two shared words: `[at]` counts rings, `[at + 1]` is 1 while the owner is parked. */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Wakes the owner if it is parked; else makes its next attempt to park return at once. */
  ring(): void {
    Atomics.add(this.#words, this.#at, 1);
    if (Atomics.load(this.#words, this.#at + 1) === PARKED) Atomics.notify(this.#words, this.#at);
  }

  /** How often it was rung; pass it to `park` or `whenRung` after having looked for work. */
  rings(): number {
    return Atomics.load(this.#words, this.#at);
  }

  /** Blocks the owner's thread until it is rung after `seen` was read, or the time is up. Workers only. */
  park(seen: number, timeoutMs: number): void {
    Atomics.store(this.#words, this.#at + 1, PARKED);
    Atomics.wait(this.#words, this.#at, seen, timeoutMs);
    Atomics.store(this.#words, this.#at + 1, AWAKE);
  }

  /** The same for the event loop, which must not block: calls back once it is rung after `seen` was read. */
  whenRung(seen: number, callback: () => void): void {
    Atomics.store(this.#words, this.#at + 1, PARKED);
    const waiting = Atomics.waitAsync(this.#words, this.#at, seen);
    if (waiting.async) void waiting.value.then(callback);
    else queueMicrotask(callback);
  }
}
