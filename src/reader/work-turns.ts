/**
 * The work of all filters of a node, shared out: so much in each turn of the event loop, whoever asks for it, first come, first served. So appends and other reads
 * go on beside any number of filters, however expensive. Main thread.
 */

/** Steps of matching in one turn: some milliseconds. The last who gets one may take a page's work more. */
const WORK_PER_TURN = 200_000;

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
      this.#isScheduled = false;
      this.#left = WORK_PER_TURN;
      this.#waiting.shift()?.();
    });
  }
}
