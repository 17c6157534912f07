/**
 * How a client leaves a connection that works: nothing more is sent, and when all that is in flight is answered it is gone from, so that no
 * outcome is unknown because of it. Node and browsers.
 */

import type { CairnError } from '../base/errors.js';

/** A node refuses at once all that came behind an append that it refused; if it doesn't, it is left without waiting for that. */
const LEAVE_MS = 1000;

export class Departure {
  #reason: CairnError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leave: ((reason: CairnError) => void) | undefined;
  #quiet: (() => void) | undefined;

  /** Whether nothing may be sent any more. */
  get isUnderWay(): boolean {
    return this.#reason !== undefined || this.#quiet !== undefined;
  }

  /** Calls `leave` with the reason when nothing is in flight, or that takes too long. The first reason says best what is the matter. */
  because(reason: CairnError, leave: (reason: CairnError) => void): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#leave = leave;
    this.#timer = setTimeout(() => leave(reason), LEAVE_MS);
  }

  /** Resolves when nothing is in flight, or the connection is lost. */
  quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#quiet = resolve;
    });
  }

  /** Nothing is in flight. */
  nothingInFlight(): void {
    this.#quiet?.();
    if (this.#reason !== undefined) this.#leave?.(this.#reason);
  }

  /** The connection is gone, or is stayed with after all. */
  over(): void {
    clearTimeout(this.#timer);
    this.#quiet?.();
    this.#reason = undefined;
    this.#leave = undefined;
    this.#quiet = undefined;
  }
}
