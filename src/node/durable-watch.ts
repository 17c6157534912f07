/**
 * Lets main and the writer stay awake for each other while one of them is all that the other waits for: two wake-ups less, which cost an append more
 * than a fast disk does. Only with few appends in flight; else there is work to do meanwhile, and the processors are needed. Main thread.
 */
import { FIRST_POSITION, type Position } from '../base/units.js';
import { Cursor } from '../ring/cursor.js';
import { CONTROL, type RingMemory } from '../ring/layout.js';
import { Vigil } from '../ring/vigil.js';

export class DurableWatch {
  readonly #control: Int32Array;
  readonly #durable: Cursor;
  readonly #vigil: Vigil;
  readonly #isDurable = () => this.#durable.load() >= this.#end;
  readonly #keepVigil: () => void;
  /** What is waited for; 0 if nothing is. */
  #end: Position = FIRST_POSITION;
  #publishedMs = 0;

  /** `durableMoved` is called when a vigil has not been in vain. */
  constructor({ control, descriptor }: RingMemory, busyWaitUs: number, durableMoved: () => void) {
    this.#control = control;
    this.#durable = new Cursor(control, CONTROL.durable, descriptor.start);
    this.#vigil = new Vigil(busyWaitUs / 1000);
    this.#keepVigil = () => {
      if (this.#end > 0 && this.#vigil.keep(this.#isDurable)) durableMoved();
    };
  }

  /** The log was published up to `end`; `isAwaited`: those few who have written wait for this node's disk, and for nothing else. */
  published(end: Position, isAwaited: boolean): void {
    Atomics.store(this.#control, CONTROL.isAwaited, isAwaited ? 1 : 0);
    if (!isAwaited || this.#end > 0) return;
    this.#end = end;
    this.#publishedMs = performance.now();
    // When all that has come for this turn is dealt with.
    if (this.#vigil.pays) setImmediate(this.#keepVigil);
  }

  /** Main has learned how far the log is durable. */
  learned(durable: Position): void {
    if (this.#end === 0 || durable < this.#end) return;
    this.#end = 0;
    this.#vigil.took(performance.now() - this.#publishedMs);
  }
}
