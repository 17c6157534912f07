/** The waiting of one live read, at the feed or at the tail of a stream. Main thread. */
import type { Wake } from './stream-tails.js';

export class LiveWait {
  #wait: Promise<void> | undefined;
  #resolve: (() => void) | undefined;
  readonly wake: Wake = () => {
    this.#resolve?.();
    this.#resolve = undefined;
    this.#wait = undefined;
  };

  /** Resolves when it is woken. `enter` is called if it did not wait already. */
  begin(enter: (wake: Wake) => void): Promise<void> {
    this.#wait ??= new Promise((resolve) => {
      this.#resolve = resolve;
      enter(this.wake);
    });
    return this.#wait;
  }
}
