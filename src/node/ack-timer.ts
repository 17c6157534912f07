/** How long commits take: from publishing to the quorum's last fsync. One at a time is timed, and no more than one in a while, so that it costs nothing. */
import type { Position } from '../base/units.js';

/** Between two commits that are timed: a hundred a second say enough, and observing one costs some ten microseconds. */
const PAUSE_MS = 10;

export class AckTimer {
  readonly #observe: (seconds: number) => void;
  /** What is being timed; undefined if nothing is. */
  #end: Position | undefined;
  #startMs = 0;
  #nextMs = 0;

  constructor(observe: (seconds: number) => void) {
    this.#observe = observe;
  }

  published(end: Position): void {
    if (this.#end !== undefined) return;
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + PAUSE_MS;
    this.#end = end;
    this.#startMs = nowMs;
  }

  committed(position: Position): void {
    if (this.#end === undefined || position < this.#end) return;
    this.#end = undefined;
    this.#observe((performance.now() - this.#startMs) / 1000);
  }

  /** The reign is over: what was published may never be committed. */
  reset(): void {
    this.#end = undefined;
  }
}
