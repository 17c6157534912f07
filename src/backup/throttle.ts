/** Keeps a copy to a rate. Any thread; never blocks it. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A debt smaller than what a timer can wait for is carried on. */
const SLEEP_MS_MIN = 4;
/** What was lost to slow writes and late timers is made up for, as far as it is not longer ago than this. */
const CREDIT_MS = 200;

export class Throttle {
  readonly #bytesPerMs: number;
  /** When everything so far would have been copied at the rate. */
  #paidUntilMs = 0;

  /** Undefined: as fast as it goes. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMs = (bytesPerSecond ?? Number.POSITIVE_INFINITY) / 1000;
  }

  /** Resolves when so many bytes more may have been copied. */
  async pay(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs - CREDIT_MS) + bytes / this.#bytesPerMs;
    const debtMs = this.#paidUntilMs - nowMs;
    if (debtMs >= SLEEP_MS_MIN) await sleep(debtMs);
  }
}
