/**
 * The appends that a follower has taken on for its leader, oldest first. The leader answers in the order in which it was sent to, so the queue is all
 * there is to match answers with clients:
 *
 *      head             sent             tail
 *       │ sent, not      │ waits for      │
 *       ▼ answered       ▼ the leader     ▼
 *   ────┬────────────────┬────────────────┬────
 *
 * An entry that has its answer already (a rejection) only waits for its turn. Main thread.
 */
import { assert } from '../base/assert.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';

export interface ForwardedAppend {
  readonly sink: AppendSink;
  readonly token: number;
  readonly sinceMs: number;
  /** Bytes of the frame; 0 if there never was one. */
  readonly bytes: number;
  /** The whole frame, until it is sent. */
  frame: Uint8Array | undefined;
  /** Under which it was sent. */
  requestId: number;
  /** What it is answered with when its turn comes. */
  rejection: Rejection | undefined;
}

/** Forget what was taken out once it is this many, and most of the array. */
const COMPACT_ENTRIES = 1024;

export class ForwardingQueue {
  #entries: ForwardedAppend[] = [];
  #head = 0;
  #sent = 0;
  #bytes = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get inFlight(): number {
    return this.#sent - this.#head;
  }

  /** Of all frames without an answer. */
  get bytes(): number {
    return this.#bytes;
  }

  push(entry: ForwardedAppend): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
  }

  /** The oldest that was not sent. */
  get nextToSend(): ForwardedAppend | undefined {
    return this.#entries[this.#sent];
  }

  /** {@link nextToSend} is sent, or needs no sending. */
  sent(): void {
    assert(this.#sent < this.#entries.length, 'there was something to send');
    this.#sent++;
  }

  /** The oldest of those sent. */
  get oldest(): ForwardedAppend | undefined {
    return this.#head < this.#sent ? this.#entries[this.#head] : undefined;
  }

  /** {@link oldest} is answered. */
  answered(): void {
    this.#bytes -= this.#entries[this.#head]!.bytes;
    this.#head++;
    if (this.#head < COMPACT_ENTRIES || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#sent -= this.#head;
    this.#head = 0;
  }

  /** Those sent, oldest first. */
  inFlightEntries(): readonly ForwardedAppend[] {
    return this.#entries.slice(this.#head, this.#sent);
  }

  /** Those not sent, oldest first. */
  waitingEntries(): readonly ForwardedAppend[] {
    return this.#entries.slice(this.#sent);
  }
}
