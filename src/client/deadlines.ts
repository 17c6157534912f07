/**
 * One timer for everything that a client waits for: it fires at the first deadline, and when nothing was heard for a while although something is
 * unanswered. Node and browsers.
 */

import { atTurnEnd } from './turn.js';

export interface DeadlineOwner {
  /** The first deadline to come, or `Infinity` if nothing is open. */
  firstDeadlineMs(): number;
  /** Settles what has a deadline not after `nowMs`. */
  expire(nowMs: number): void;
  /** Something is unanswered, and nothing was heard for {@link SILENCE_MS}. Said again after each further such while. */
  silent(): void;
}

/** An answer rarely takes this long; asking another node about this one costs little. */
const SILENCE_MS = 1000;

export class Deadlines {
  /** When something was heard from the server last. */
  heardMs = 0;
  readonly #timeoutMs: number;
  readonly #owner: DeadlineOwner;
  #suspectedMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** All deadlines are `timeoutMs` after the request. */
  constructor(timeoutMs: number, owner: DeadlineOwner) {
    this.#timeoutMs = timeoutMs;
    this.#owner = owner;
  }

  /** Something may be open: sees to it that the timer runs. */
  watch(): void {
    if (this.#timer !== undefined || this.#isOver) return;
    const deadlineMs = this.#owner.firstDeadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const nextMs = Math.min(deadlineMs, this.#silentMs(deadlineMs));
    const delayMs = Math.max(1, Math.ceil(nextMs - performance.now()));
    // At the end of a turn: when the process was busy for long, answers may have come that it has not looked at yet.
    this.#timer = setTimeout(() => atTurnEnd(this.#check), delayMs);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  readonly #check = () => {
    this.#timer = undefined;
    if (this.#isOver) return;
    const nowMs = performance.now();
    this.#owner.expire(nowMs);
    const deadlineMs = this.#owner.firstDeadlineMs();
    if (deadlineMs !== Number.POSITIVE_INFINITY && nowMs >= this.#silentMs(deadlineMs)) {
      this.#suspectedMs = nowMs;
      this.#owner.silent();
    }
    this.watch();
  };

  /** When the silence has lasted long enough to be remarkable, counted from the oldest request at the earliest. */
  #silentMs(deadlineMs: number): number {
    return Math.max(this.heardMs, this.#suspectedMs, deadlineMs - this.#timeoutMs) + SILENCE_MS;
  }
}
