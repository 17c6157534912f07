/**
 * The work of all filters of a node, shared out: so much in each turn of the event loop, whoever asks for it, first come, first served. So appends and other reads
 * go on beside any number of filters, however expensive. Main thread.
 */

/** Steps of matching in one turn: some milliseconds. The last who gets one may take a page's work more. */
const WORK_PER_TURN = 200_000;
/**
 * A page can't be left off in the middle of a name, and with a hostile pattern one name may take tens of milliseconds. As long as somebody took several turns' work at
 * once, filters rest for about as long: for each turn's work so much, so that others have at least half of the time.
 */
const REST_MS_PER_TURN = 8;

export class WorkTurns {
  #left = WORK_PER_TURN;
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** Resolves when it is the caller's turn, undefined if it is already. {@link spent} has to follow, in the same turn. */
  enter(): Promise<void> | undefined {
    if (this.#left > 0 && this.#waiting.length === 0) return undefined;
    this.#schedule();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What the caller has done in its turn. */
  spent(work: number): void {
    this.#left -= work;
    if (this.#left > 0) this.#waiting.shift()?.();
    this.#schedule();
  }

  /** The next turn of the event loop has as much again. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      const turnsAhead = Math.floor(-this.#left / WORK_PER_TURN);
      if (turnsAhead > 0) setTimeout(this.#next, turnsAhead * REST_MS_PER_TURN);
      else this.#next();
    });
  }

  readonly #next = (): void => {
    this.#isScheduled = false;
    this.#left = WORK_PER_TURN;
    this.#waiting.shift()?.();
  };
}
