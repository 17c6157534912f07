/**
 * A read that is under way, or a subscription: the frames that have come and not been consumed, the credit that goes back for what has
 * been, and where to go on after a lost connection. Node and browsers. It never holds more than its window and one frame.
 */

import type { CairnError } from '../base/errors.js';
import type { OpenFrame } from '../wire/frame-reader.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import {
  EVENTS_BEHIND,
  EVENTS_CAUGHT_UP,
  EVENTS_LAST,
  EVENTS_PREFIX_BYTES,
  type ReadConsistency,
} from '../wire/frames.js';
import type { ReadFilter } from '../wire/read-filter.js';
import {
  decodeEventsPrefix,
  type EventsPrefix,
  encodeCancel,
  encodeCredit,
  encodeReadAll,
  encodeReadStream,
} from '../wire/read-frames.js';
import { countEvents, endOfEvent } from '../wire/record-view.js';
import type { NameDecoder } from './names.js';
import { eventsOf, type RecordedEvent } from './recorded-event.js';

/** What to read. */
export interface ReadRange {
  /** Undefined = the whole log. */
  readonly stream: string | undefined;
  /** A revision, in the log a position; `Infinity` = from the end, backwards or live. */
  readonly from: number;
  /** The event at `from` is left out. */
  readonly isAfter?: boolean;
  /** A subscription. */
  readonly isLive?: boolean;
  readonly filter?: ReadFilter | undefined;
  /** `Infinity` = no limit. */
  readonly count: number;
  readonly isBackwards: boolean;
  readonly consistency: ReadConsistency;
}

/** What a read needs of the client that it belongs to. */
export interface ReadPort {
  readonly windowBytes: number;
  readonly names: NameDecoder;
  readonly isConnected: boolean;
  /** Where to write requests that leave at the end of this turn. */
  outgoing(): FrameWriter;
  /** No frame will come for this read any more. */
  over(requestId: number): void;
  /** Up to where the client has seen the log: whoever answers next must have it, too. */
  atLeast(): number;
  nowMs(): number;
}

/** Credit goes back in portions of a quarter of the window: few frames, and the server never has to wait for it. */
const PORTIONS_PER_WINDOW = 4;

/** What one frame brought. */
export interface ReadBatch {
  /** None, if the frame only says how far the read is. */
  readonly events: readonly RecordedEvent[];
  /** A subscription: with these it has all that was committed. */
  readonly isCaughtUp: boolean;
  /** A subscription that had caught up: it fell behind before these. */
  readonly isBehind: boolean;
  /** Where it goes on: a revision, in the log a position. */
  readonly next: number;
}

interface ReceivedFrame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
  readonly eventCount: number;
  readonly isCaughtUp: boolean;
  readonly isBehind: boolean;
  readonly next: number;
}

interface Waiter {
  readonly resolve: (batch: ReadBatch | undefined) => void;
  readonly reject: (error: CairnError) => void;
  readonly sinceMs: number;
}

export class OpenRead {
  readonly #requestId: number;
  readonly #port: ReadPort;
  readonly #range: ReadRange;
  #from: number;
  /** Whether the event at `from` is to be left out. */
  #isAfter: boolean;
  #left: number;
  #received: ReceivedFrame[] = [];
  /** Bytes of frames received and not consumed. */
  #heldBytes = 0;
  /** Bytes of frames consumed for which no credit has gone back. */
  #uncreditedBytes = 0;
  /** Bytes of the frame that the consumer is working on. */
  #consumingBytes = 0;
  #state: 'open' | 'complete' | 'cancelled' | 'failed' = 'open';
  #error: CairnError | undefined;
  #waiter: Waiter | undefined;
  #waiting: Promise<unknown> | undefined;
  #heardMs: number;
  /** A subscription: since when the node owes the first answer. */
  #askedMs: number | undefined;
  /** Whether a subscription has all that was committed, as far as it was told; after a lost connection it has not. */
  #liveState: 'new' | 'caught-up' | 'behind' = 'new';
  /** Why the last node that was asked could not answer. */
  #refusal: CairnError | undefined;
  /** Up to where this read has shown the log, but for {@link #newest}. */
  #seen = 0;
  /** The frame with the event of the highest position, if that was not looked up yet. */
  #newest: ReceivedFrame | undefined;

  constructor(requestId: number, range: ReadRange, port: ReadPort) {
    this.#requestId = requestId;
    this.#range = range;
    this.#port = port;
    this.#from = range.from;
    this.#isAfter = range.isAfter === true;
    this.#left = range.count;
    this.#heardMs = port.nowMs();
  }

  /** Since when it has been waiting for the server; undefined if it isn't. */
  get waitingSinceMs(): number | undefined {
    if (this.isLive) return this.#askedMs;
    return this.#waiter === undefined ? undefined : Math.max(this.#waiter.sinceMs, this.#heardMs);
  }

  get isLive(): boolean {
    return this.#range.isLive === true;
  }

  /** Whether it waits for whatever is committed next. */
  get isFollowing(): boolean {
    return this.isLive && this.#state === 'open';
  }

  /** Why the last node that was asked could not answer; undefined if it did. */
  get refusal(): CairnError | undefined {
    return this.#refusal;
  }

  /** Up to where it has shown the log. Looked up only when somebody wants to know, because it takes a walk over a frame. */
  get seen(): number {
    const newest = this.#newest;
    if (newest !== undefined) {
      this.#newest = undefined;
      const recordsAt = newest.at + EVENTS_PREFIX_BYTES;
      const number = this.#range.isBackwards ? 0 : newest.eventCount - 1;
      this.#seen = Math.max(this.#seen, endOfEvent(newest.view, recordsAt, number));
    }
    return this.#seen;
  }

  /** Asks the server, from the start or from where the last connection left off. */
  request(): void {
    if (this.#state !== 'open') return;
    if (this.#left === 0) {
      // All had come, only the word that it was the last had not.
      this.#complete();
      return;
    }
    const { stream, isBackwards, consistency, filter } = this.#range;
    const windowBytes = Math.max(0, this.#port.windowBytes - this.#heldBytes);
    this.#uncreditedBytes = 0;
    // Refused again and again it is not heard of.
    if (this.#refusal === undefined) this.#heardMs = this.#port.nowMs();
    const atLeast = this.#port.atLeast();
    const kind = { isLive: this.isLive, isAfter: this.#isAfter };
    const [from, count] = [this.#from, this.#left];
    const request = { from, count, isBackwards, windowBytes, consistency, atLeast, ...kind };
    if (this.isLive) this.#askedMs = this.#port.nowMs();
    const filtered = filter === undefined ? request : { ...request, filter };
    if (stream === undefined) encodeReadAll(this.#port.outgoing(), this.#requestId, filtered);
    else encodeReadStream(this.#port.outgoing(), this.#requestId, { ...request, stream });
  }

  /** Takes an Events frame; returns what is wrong with it. */
  frame(frame: OpenFrame): string | undefined {
    const decoded = decodeEventsPrefix(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const { flags, eventCount, head } = decoded.frame;
    const recordsAt = frame.at + EVENTS_PREFIX_BYTES;
    if (countEvents(frame.view, recordsAt, frame.length - EVENTS_PREFIX_BYTES) !== eventCount) {
      return 'the records of an Events frame are not whole, or not as many as it says';
    }
    if (eventCount > this.#left) return 'more events than were asked for';
    const isLast = (flags & EVENTS_LAST) !== 0;
    if (this.#state === 'open') {
      // In the whole log the head is a position, up to which the read goes.
      if (this.#range.stream === undefined) this.#seen = Math.max(this.#seen, head);
      this.#take(frame, decoded.frame);
    } else if (isLast) this.#port.over(this.#requestId);
    return undefined;
  }

  /**
   * What the next frame brought; undefined after the last. Of a read that is neither live nor filtered, at least one event. Credits what was
   * handed out before. Throws what failed.
   */
  nextBatch(): Promise<ReadBatch | undefined> {
    if (this.#waiting !== undefined) return this.#waiting.then(() => this.nextBatch());
    this.#consumed(this.#consumingBytes);
    this.#consumingBytes = 0;
    const frame = this.#received.shift();
    if (frame !== undefined) return Promise.resolve(this.#open(frame));
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#state !== 'open') return Promise.resolve(undefined);
    const sinceMs = this.#port.nowMs();
    const batch = new Promise<ReadBatch | undefined>((resolve, reject) => {
      this.#waiter = { resolve, reject, sinceMs };
    });
    this.#waiting = batch;
    return batch;
  }

  /** The consumer wants no more. */
  cancel(): void {
    this.#received = [];
    if (this.#state !== 'open') return;
    this.#state = 'cancelled';
    this.#wake()?.resolve(undefined);
    this.#stopServer();
  }

  /** The node can't answer, another may: it is asked for again over the next connection. */
  refused(refusal: CairnError): void {
    if (this.#state !== 'open') this.#port.over(this.#requestId);
    this.#refusal = refusal;
    this.#askedMs = undefined;
  }

  /** A subscription is not given up because a node is slow: it is waited for anew. */
  waitAnew(): void {
    this.#askedMs = this.#port.nowMs();
  }

  /** The server has given it up, or is gone for good; what has come can still be consumed. */
  fail(error: CairnError): void {
    this.#port.over(this.#requestId);
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.#wake()?.reject(error);
  }

  /** The client gives it up, while the server may go on with it. */
  abandon(error: CairnError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.#wake()?.reject(error);
    this.#stopServer();
  }

  /** The connection is gone. */
  suspend(): void {
    this.#askedMs = undefined;
    if (this.#liveState === 'caught-up') this.#liveState = 'behind';
    if (this.#state !== 'open') this.#port.over(this.#requestId);
  }

  /** Frames may be on their way; the last one, which answers the Cancel, ends it. */
  #stopServer(): void {
    if (this.#port.isConnected) encodeCancel(this.#port.outgoing(), this.#requestId);
    else this.#port.over(this.#requestId);
  }

  #take({ bytes, view, at, length }: OpenFrame, { flags, eventCount, next }: EventsPrefix): void {
    this.#heardMs = this.#port.nowMs();
    this.#askedMs = undefined;
    this.#refusal = undefined;
    this.#from = next;
    this.#isAfter = false;
    this.#left -= eventCount;
    this.#heldBytes += length;
    const isCaughtUp = (flags & EVENTS_CAUGHT_UP) !== 0;
    const isBehind = (flags & EVENTS_BEHIND) !== 0 || this.#liveState === 'behind';
    if (isBehind) this.#liveState = 'new';
    if (isCaughtUp) this.#liveState = 'caught-up';
    const received = { bytes, view, at, length, eventCount, isCaughtUp, isBehind, next };
    this.#note(received);
    const isLast = (flags & EVENTS_LAST) !== 0;
    if (eventCount === 0 && (isLast || !this.#tellsProgress)) {
      this.#consumed(length);
    } else {
      const waiter = this.#wake();
      if (waiter === undefined) this.#received.push(received);
      else waiter.resolve(this.#open(received));
    }
    if (isLast) this.#complete();
  }

  /** Whether a frame without events has something to say. */
  get #tellsProgress(): boolean {
    return this.isLive || this.#range.filter !== undefined;
  }

  /** Forwards the last frame has the highest position, backwards the first. */
  #note(frame: ReceivedFrame): void {
    const { stream, isBackwards } = this.#range;
    if (stream === undefined || frame.eventCount === 0) return;
    if (!isBackwards || (this.#seen === 0 && this.#newest === undefined)) this.#newest = frame;
  }

  #open({ bytes, view, at, length, eventCount, ...progress }: ReceivedFrame): ReadBatch {
    this.#consumingBytes = length;
    const events = eventsOf({ bytes, view, names: this.#port.names }, at + EVENTS_PREFIX_BYTES, eventCount);
    const { isCaughtUp, isBehind, next } = progress;
    return { events, isCaughtUp, isBehind, next };
  }

  #consumed(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#uncreditedBytes += bytes;
    if (this.#state !== 'open' || !this.#port.isConnected) return;
    if (this.#uncreditedBytes < this.#port.windowBytes / PORTIONS_PER_WINDOW) return;
    encodeCredit(this.#port.outgoing(), this.#requestId, this.#uncreditedBytes);
    this.#uncreditedBytes = 0;
  }

  #complete(): void {
    this.#state = 'complete';
    this.#wake()?.resolve(undefined);
    this.#port.over(this.#requestId);
  }

  /** Takes the waiting consumer, who is about to be told something. */
  #wake(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#waiting = undefined;
    return waiter;
  }
}
