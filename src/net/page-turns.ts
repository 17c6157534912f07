/**
 * The reads of one connection take turns: a few at a time make a page, the others wait. So what a connection costs follows from
 * the pages under way, not from the number of reads that a client may open, each with as wide a window as it likes. Main thread.
 */

/** Enough to keep the disk and the socket busy at once; of 1 MiB each. */
const PAGES_MAX = 4;

export class PageTurns {
  #free = PAGES_MAX;
  /** First come, first served. */
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn, which it must give back with {@link leave}. */
  enter(): Promise<void> {
    if (this.#free === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#free--;
    return Promise.resolve();
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
