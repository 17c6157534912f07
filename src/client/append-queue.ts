/**
 * The appends that a client has taken on and that are not answered yet, oldest first. Appends are answered in the order in which
 * they were sent, so the queue is all there is to match answers with requests:
 *
 *      head         refused      sent                 encoded           tail
 *       │ to be sent   │ sent, not   │ encoded, waits for  │ being written   │
 *       │ again        │ answered    │ room in flight      │ in this turn    │
 *       ▼              ▼             ▼                     ▼                 ▼
 *   ────┬──────────────┬─────────────┬─────────────────────┬─────────────────┬────
 *
 * After a lost connection `refused` and `sent` go back to `head`, and everything is sent again: the same bytes, hence the same event
 * ids, in the same order. A node that can't decide about an append takes none behind it either (docs/protocol.md, "Interruptions"), so from
 * the first one refused on nothing more is sent over that connection.
 */

import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';

/** What an append came to. */
export interface AppendResult {
  /** Of the last event appended: its number in the stream. */
  readonly revision: number;
  /** Of the last event appended: its place in the log. */
  readonly position: number;
  /** Whether events with these ids were in the log already: then nothing was written, and this is the first result. */
  readonly duplicate: boolean;
}

/** What an append to several streams came to. */
export interface TransactionResult {
  /** Of the last event in each stream, in the order of the parts. */
  readonly revisions: readonly number[];
  /** Of the last event of all: its place in the log. */
  readonly position: number;
  /** Whether events with these ids were in the log already: then nothing was written, and this is the first result. */
  readonly duplicate: boolean;
}

/** Either, as the answer has it. */
export interface AppendAnswer extends AppendResult {
  /** Of an append to several streams. */
  readonly revisions?: readonly number[];
}

/** An append without an answer. */
export interface PendingAppend {
  readonly requestId: number;
  /** Its frame, in {@link message}. */
  readonly at: number;
  readonly length: number;
  /** The message that holds the frame, once it is written. */
  message: Uint8Array<ArrayBuffer> | undefined;
  readonly deadlineMs: number;
  /** Whether the answer means that the events can't be lost with the leader. */
  readonly isForQuorum: boolean;
  /** Whether the user has been told something: then the answer, if one comes, is for nobody. */
  isSettled: boolean;
  /** Whether it was sent over an earlier connection, and no answer said that nothing was written. */
  mayBeWritten: boolean;
  resolve: (answer: AppendAnswer) => void;
  reject: (error: CairnError) => void;
}

/** What is known of an append when it is encoded. */
export type EncodedAppend = Pick<PendingAppend, 'requestId' | 'at' | 'length' | 'deadlineMs' | 'isForQuorum'>;

/** What an append costs besides its frame: the entry, its promise and closures, roughly. */
const ENTRY_BYTES = 256;
const ENTRIES_AT_FIRST = 256;

/** How an entry is answered before it has its promise. */
function unclaimed(): never {
  assert(false, 'an append has its promise when it is answered');
}

export class AppendQueue {
  #entries = new Array<PendingAppend | undefined>(ENTRIES_AT_FIRST).fill(undefined);
  /** These only grow; an entry stands at its number modulo the array's length, a power of two. */
  #head = 0;
  #refused = 0;
  #sent = 0;
  #encoded = 0;
  #tail = 0;
  #bytes = 0;
  readonly #slabDone: (slab: ArrayBuffer) => void;
  /** What a promise begins with: it becomes the newest entry's. One for all, because a closure for each append would have to be collected. */
  readonly #claimNewest = (
    resolve: (answer: AppendAnswer) => void,
    reject: (error: CairnError) => void,
  ): void => {
    const newest = this.#at(this.#tail - 1);
    newest.resolve = resolve;
    newest.reject = reject;
  };

  /** `slabDone`: all appends whose messages were cut from this memory are answered, so the server has had every byte of it. */
  constructor(slabDone: (slab: ArrayBuffer) => void) {
    this.#slabDone = slabDone;
  }

  /** Appends without an answer. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Appends sent and not answered. */
  get inFlight(): number {
    return this.#sent - this.#refused;
  }

  /** Whether some were refused that have to be sent again: nothing more is sent until {@link unsend}. */
  get isInterrupted(): boolean {
    return this.#refused > this.#head;
  }

  /** Memory that the queue stands for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an append that is encoded and not sent. Resolves to its answer. */
  add({ requestId, at, length, deadlineMs, isForQuorum }: EncodedAppend): Promise<AppendAnswer> {
    this.push({
      requestId,
      at,
      length,
      deadlineMs,
      isForQuorum,
      message: undefined,
      isSettled: false,
      mayBeWritten: false,
      resolve: unclaimed,
      reject: unclaimed,
    });
    return new Promise(this.#claimNewest);
  }

  push(entry: PendingAppend): void {
    if (this.size === this.#entries.length) this.#grow();
    this.#entries[this.#tail++ & (this.#entries.length - 1)] = entry;
    this.#bytes += entry.length + ENTRY_BYTES;
  }

  /** The frames of all entries pushed since the last call are in `message`. */
  encoded(message: Uint8Array<ArrayBuffer>): void {
    for (; this.#encoded < this.#tail; this.#encoded++) this.#at(this.#encoded).message = message;
  }

  /**
   * Takes the next run of frames to send: as many as are encoded, stand one behind the other, and fit into
   * `inFlightMax` and `bytesMax` (or one, however large). Undefined if there is nothing to send.
   */
  nextRun(inFlightMax: number, bytesMax: number): Uint8Array<ArrayBuffer> | undefined {
    const limit = Math.min(this.#encoded, this.#head + inFlightMax);
    if (this.#sent >= limit || this.isInterrupted) return undefined;
    const first = this.#at(this.#sent++);
    let end = first.at + first.length;
    while (this.#sent < limit) {
      const next = this.#at(this.#sent);
      const fits = next.at + next.length - first.at <= bytesMax;
      if (next.message !== first.message || next.at !== end || !fits) break;
      end += next.length;
      this.#sent++;
    }
    assert(first.message !== undefined, 'a frame that is to be sent has been written');
    return first.message.subarray(first.at, end);
  }

  /** Removes and returns the oldest entry, if it was sent and has this id. */
  answered(requestId: number): PendingAppend | undefined {
    if (this.#head === this.#sent || this.isInterrupted) return undefined;
    const slot = this.#head & (this.#entries.length - 1);
    const entry = this.#entries[slot]!;
    if (entry.requestId !== requestId) return undefined;
    this.#entries[slot] = undefined;
    this.#head++;
    this.#refused++;
    this.#bytes -= entry.length + ENTRY_BYTES;
    const next = this.#head < this.#encoded ? this.#at(this.#head).message : undefined;
    if (entry.message !== next && entry.message!.buffer !== next?.buffer) {
      this.#slabDone(entry.message!.buffer);
    }
    return entry;
  }

  /**
   * The oldest that was sent and not refused has to be sent again, if it has this id; returns whether it has. `mayBeWritten`: the node does not
   * know what became of it.
   */
  refused(requestId: number, mayBeWritten: boolean): boolean {
    if (this.#refused === this.#sent) return false;
    const entry = this.#at(this.#refused);
    if (entry.requestId !== requestId) return false;
    entry.mayBeWritten ||= mayBeWritten;
    this.#refused++;
    return true;
  }

  /** The connection is gone: what was sent has to be sent again, unless the user has been told something meanwhile. */
  unsend(): void {
    for (let i = this.#refused; i < this.#sent; i++) this.#at(i).mayBeWritten = true;
    this.#refused = this.#sent = this.#head;
    this.#keep((entry) => !entry.isSettled);
  }

  /**
   * Settles all entries with a deadline not after `nowMs`, calling `expire` for each: `wasSent` = it may have taken
   * effect. Those that this connection has not seen are removed.
   */
  expire(nowMs: number, expire: (entry: PendingAppend, wasSent: boolean) => void): void {
    let expired = this.#head;
    for (; expired < this.#encoded && this.#at(expired).deadlineMs <= nowMs; expired++) {
      const entry = this.#at(expired);
      if (entry.isSettled) continue;
      entry.isSettled = true;
      expire(entry, this.#mayBeWritten(expired));
    }
    if (expired > this.#sent) this.#keep((entry, isInFlight) => isInFlight || !entry.isSettled);
  }

  /** The first deadline to come, or `Infinity`. */
  firstDeadlineMs(): number {
    for (let i = this.#head; i < this.#tail; i++) {
      const { isSettled, deadlineMs } = this.#at(i);
      if (!isSettled) return deadlineMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Settles and removes all. */
  drain(settle: (entry: PendingAppend, wasSent: boolean) => void): void {
    for (let i = this.#head; i < this.#tail; i++) {
      const entry = this.#at(i);
      if (entry.isSettled) continue;
      entry.isSettled = true;
      settle(entry, this.#mayBeWritten(i));
    }
    this.#keep(() => false);
  }

  #mayBeWritten(number: number): boolean {
    return this.#at(number).mayBeWritten || (number >= this.#refused && number < this.#sent);
  }

  /** Rebuilds the queue of what `keep` says; for the rare cases. */
  #keep(keep: (entry: PendingAppend, isInFlight: boolean) => boolean): void {
    const from = this.#head;
    const [refused, sent, encoded] = [this.#refused, this.#sent, this.#encoded];
    const all = Array.from({ length: this.#tail - from }, (_, i) => this.#at(from + i));
    this.#entries.fill(undefined);
    this.#bytes = 0;
    this.#tail = this.#refused = this.#sent = this.#encoded = from;
    all.forEach((entry, i) => {
      if (!keep(entry, from + i < sent)) return;
      this.push(entry);
      if (from + i < sent) this.#sent = this.#tail;
      if (from + i < refused) this.#refused = this.#tail;
      if (from + i < encoded) this.#encoded = this.#tail;
    });
  }

  #at(number: number): PendingAppend {
    return this.#entries[number & (this.#entries.length - 1)]!;
  }

  #grow(): void {
    const larger = new Array<PendingAppend | undefined>(this.#entries.length * 2).fill(undefined);
    for (let i = this.#head; i < this.#tail; i++) larger[i & (larger.length - 1)] = this.#at(i);
    this.#entries = larger;
  }
}
