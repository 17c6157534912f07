/** What is to be done when, earliest first; what is due at the same time in the order in which it came. Pure: the time is an argument. */

interface Due {
  readonly atMs: number;
  readonly act: () => void;
}

export class DueList {
  /** Rising. Messages enter nearly in the order in which they leave, so a search from the end is short. */
  readonly #items: Due[] = [];

  /** Infinity if there is nothing. */
  get nextMs(): number {
    return this.#items[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(atMs: number, act: () => void): void {
    let at = this.#items.length;
    while (at > 0 && this.#items[at - 1]!.atMs > atMs) at--;
    this.#items.splice(at, 0, { atMs, act });
  }

  /** Does what is due, also what becomes due by it. */
  run(nowMs: number): void {
    while (this.nextMs <= nowMs) this.#items.shift()!.act();
  }
}
