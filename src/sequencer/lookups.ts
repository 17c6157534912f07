/**
 * What is being looked up in the log, and the appends that wait for it: each tries again as soon as what it waits for is there, whatever
 * the others wait for. Main thread only.
 */
import { assert } from '../base/assert.js';

export class Lookups {
  /** Who waits, by the name of what is looked up. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Those whose wait is over. */
  #ready: (() => void)[] = [];
  /** What the append waits for that was last told to. */
  #last = '';
  /** How many were begun. */
  begun = 0;

  get size(): number {
    return this.#waiting.size;
  }

  has(name: string): boolean {
    return this.#waiting.has(name);
  }

  begin(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.set(name, []);
    this.begun++;
  }

  /** It is there, or will never be: who waits for it tries again, on a stack of its own. */
  end(name: string): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    if (waiting.length === 0) return;
    if (this.#ready.length === 0) queueMicrotask(() => this.#run());
    this.#ready.push(...waiting);
  }

  /** An append has to wait for this, which is being looked up. */
  waitFor(name: string): 'sought' {
    this.#last = name;
    return 'sought';
  }

  /** Calls back, once, when that is there which {@link waitFor} was called for last. */
  whenFound(callback: () => void): void {
    const waiting = this.#waiting.get(this.#last);
    assert(waiting !== undefined, 'what is waited for is being looked up');
    waiting.push(callback);
  }

  /** All who wait try again, now: nothing more will be looked up for them. */
  releaseAll(): void {
    for (const waiting of this.#waiting.values()) this.#ready.push(...waiting.splice(0));
    this.#run();
  }

  #run(): void {
    for (const callback of this.#ready.splice(0)) callback();
  }
}
