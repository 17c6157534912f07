/**
 * The reads that a client has open, and up to where the client has seen the log, by whatever answer: no later answer shows less of it, whichever node
 * gives it. Node and browsers.
 */

import type { CairnError } from '../base/errors.js';
import type { OpenRead } from './open-read.js';

export class OpenReads {
  readonly #reads = new Map<number, OpenRead>();
  #seen = 0;

  get size(): number {
    return this.#reads.size;
  }

  /** Whether any is a subscription. */
  get isFollowing(): boolean {
    for (const { isFollowing } of this.#reads.values()) if (isFollowing) return true;
    return false;
  }

  /** All of them, also if some end meanwhile. */
  all(): readonly OpenRead[] {
    return [...this.#reads.values()];
  }

  get(requestId: number): OpenRead | undefined {
    return this.#reads.get(requestId);
  }

  add(requestId: number, read: OpenRead): void {
    this.#reads.set(requestId, read);
  }

  over(requestId: number): void {
    this.saw(this.#reads.get(requestId)?.seen ?? 0);
    this.#reads.delete(requestId);
  }

  /** The client has been shown something that is in the log before this position. */
  saw(end: number): void {
    if (end > this.#seen) this.#seen = end;
  }

  /** Up to here the log of whoever answers must reach. */
  seen(): number {
    for (const { seen } of this.#reads.values()) this.saw(seen);
    return this.#seen;
  }

  /** The first deadline of those that wait for the server, or `Infinity`. */
  firstDeadlineMs(timeoutMs: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { waitingSinceMs } of this.#reads.values()) {
      if (waitingSinceMs !== undefined) first = Math.min(first, waitingSinceMs + timeoutMs);
    }
    return first;
  }

  /** Gives up those that have waited for longer, but for subscriptions; returns whether there were any. */
  expire(nowMs: number, timeoutMs: number, error: (refusal: CairnError | undefined) => CairnError): boolean {
    const late = this.all().filter(
      ({ waitingSinceMs }) => waitingSinceMs !== undefined && waitingSinceMs + timeoutMs <= nowMs,
    );
    for (const read of late) {
      if (read.isLive) read.waitAnew();
      else read.abandon(error(read.refusal));
    }
    return late.length > 0;
  }
}
