/**
 * When a message that enters a link leaves it: the link's bandwidth, delay, jitter and loss, one message behind the other. Pure: the time is an
 * argument. Order is kept, as TCP keeps it: who is late makes those behind it late.
 */
import type { Random } from '../../../src/sim/random.js';
import { type LinkShape, transitMs, transmissionMs } from '../link-shape.js';

/** What all connections over a directed link share. */
export class LinkPipe {
  shape: LinkShape;
  /** Until when the bytes that came before are being sent. */
  #busyUntilMs = 0;

  constructor(
    shape: LinkShape,
    private readonly random: Random,
  ) {
    this.shape = shape;
  }

  /** When `bytes` that enter now come out at the other end, if nothing is before them on their connection. */
  leaves(nowMs: number, bytes: number): number {
    this.#busyUntilMs = Math.max(nowMs, this.#busyUntilMs) + transmissionMs(this.shape, bytes);
    return this.#busyUntilMs + transitMs(this.shape, this.random);
  }
}

/** One connection's direction of a link. */
export class PipeOrder {
  #lastMs = 0;

  /** As {@link LinkPipe.leaves}, but not before what entered earlier on this connection. */
  leaves(pipe: LinkPipe, nowMs: number, bytes: number): number {
    this.#lastMs = Math.max(this.#lastMs, pipe.leaves(nowMs, bytes));
    return this.#lastMs;
  }
}
