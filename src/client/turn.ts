/**
 * A turn of the event loop, as a client sees it: it begins with the first request and ends when everything that was going
 * to run in it has run; then all its requests leave together. Node and browsers.
 */

/** After all callbacks and promises of this turn; a page has nothing better than after those promises already due. */
export const atTurnEnd: (callback: () => void) => void =
  typeof setImmediate === 'function' ? (callback) => void setImmediate(callback) : queueMicrotask;

export class Turn {
  #nowMs = 0;
  #isOn = false;
  readonly #end: () => void;

  /** `ended` is called once at the end of each turn that was begun. */
  constructor(ended: () => void) {
    this.#end = () => {
      this.#isOn = false;
      ended();
    };
  }

  /**
   * Begins a turn if none is on. Returns when it began: a clock read for each request costs as much as encoding it. Rounded up to a
   * whole millisecond, which whoever keeps it can do without memory for a fraction.
   */
  begin(): number {
    if (!this.#isOn) {
      this.#isOn = true;
      this.#nowMs = Math.ceil(performance.now());
      atTurnEnd(this.#end);
    }
    return this.#nowMs;
  }
}
