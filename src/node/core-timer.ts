/** Calls the cluster core when its time has come. A timer is moved only when it has to be: the core is asked after each input. */

export class CoreTimer {
  readonly #deadlineMs: () => number;
  readonly #tick: () => void;
  #timer: NodeJS.Timeout | undefined;
  #setForMs = Number.POSITIVE_INFINITY;
  #isStopped = false;

  /** Times are those of `performance.now()`. */
  constructor(deadlineMs: () => number, tick: () => void) {
    this.#deadlineMs = deadlineMs;
    this.#tick = tick;
  }

  /** The deadline may have moved. One that moved away is noticed when the timer fires: a tick may come early. */
  schedule(): void {
    const deadlineMs = this.#deadlineMs();
    if (this.#isStopped || deadlineMs >= this.#setForMs) return;
    clearTimeout(this.#timer);
    this.#setForMs = deadlineMs;
    // Timers count whole milliseconds, and fire up to one early.
    const delayMs = Math.max(0, Math.ceil(deadlineMs - performance.now()));
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #fire(): void {
    this.#setForMs = Number.POSITIVE_INFINITY;
    if (this.#deadlineMs() <= performance.now()) this.#tick();
    this.schedule();
  }
}
