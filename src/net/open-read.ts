/**
 * A read that a client has open, or a subscription: turns pages of records into Events frames as long as the client's window allows, waits
 * for credit otherwise, and leaves the event loop to others between pages. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { LogRead, ReadAnswer, ReadPage } from '../reader/read-page.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import {
  EVENTS_BEHIND,
  EVENTS_CAUGHT_UP,
  EVENTS_FRAME_BYTES_MAX,
  EVENTS_LAST,
  EVENTS_PREFIX_BYTES,
} from '../wire/frames.js';
import { fillEventsPrefix } from '../wire/read-frames.js';
import type { CountedSubscription } from './node-subscriptions.js';

/** What an open read tells its session. */
export interface OpenReadEvents {
  /** A whole Events frame; `release` is to be called when it is sent. */
  frame(bytes: Uint8Array, release: () => void): void;
  /** Resolves when it is this read's turn to make a page, and the connection can take it. */
  turn(): Promise<void>;
  /** Its turn is over. Once for each {@link turn}. */
  turnOver(): void;
  /** The read is over: with a last frame, by cancelling, or with an error. */
  ended(requestId: number, how: 'complete' | 'cancelled' | Rejection): void;
}

/** What a read is besides its pages. */
export interface OpenReadSettings {
  readonly windowBytes: number;
  /** Pages and positions are of the whole log. */
  readonly isAll: boolean;
  /** Most bytes of records in a frame, unless one record alone is longer. */
  readonly recordBytesMax: number;
  /** A subscription: who counts what is sent. */
  readonly counted: CountedSubscription | undefined;
}

/** Of a read's frames. */
export const READ_RECORD_BYTES_MAX = EVENTS_FRAME_BYTES_MAX - EVENTS_PREFIX_BYTES;
/** Of a subscription's frames: a stopped subscriber costs two of them besides what the network has. */
export const LIVE_RECORD_BYTES_MAX = 256 * 1024;
/** A client that gets nothing learns how far the log was searched for it, after so many bytes: how much it reads again at most after a break. */
export const CHECKPOINT_BYTES = 4 * 1024 * 1024;

export class OpenRead {
  readonly #requestId: number;
  readonly #read: LogRead;
  readonly #events: OpenReadEvents;
  readonly #settings: OpenReadSettings;
  #windowBytes: number;
  #isCancelled = false;
  #resume: (() => void) | undefined;
  /** Position up to which the client knows that the log was searched; undefined before the first page. */
  #toldNext: number | undefined;

  constructor(requestId: number, read: LogRead, settings: OpenReadSettings, events: OpenReadEvents) {
    this.#requestId = requestId;
    this.#read = read;
    this.#settings = settings;
    this.#windowBytes = settings.windowBytes;
    this.#events = events;
  }

  /** The client may be sent `bytes` more. */
  credit(bytes: number): void {
    this.#windowBytes += bytes;
    this.#wake();
  }

  /** Ends the read after the page it is at. */
  cancel(): void {
    this.#isCancelled = true;
    this.#read.close?.();
    this.#wake();
  }

  /** Sends pages until the read is over. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#isCancelled) {
        const ready = this.#windowBytes <= 0 ? this.#credited() : this.#read.whenReady?.();
        if (ready !== undefined) await ready;
        else if (await this.#sendPage()) return;
        else await nextTurn();
      }
      this.#events.ended(this.#requestId, 'cancelled');
    } catch (error) {
      this.#events.ended(this.#requestId, rejectionOf(error));
    } finally {
      this.#read.close?.();
    }
  }

  /** Returns true when the read is over. */
  async #sendPage(): Promise<boolean> {
    await this.#events.turn();
    try {
      return this.#isCancelled ? false : this.#take(await this.#read.nextPage(this.#settings.recordBytesMax));
    } finally {
      this.#events.turnOver();
    }
  }

  #take(answer: ReadAnswer): boolean {
    switch (answer.kind) {
      case 'page':
        if (this.#isWorthSending(answer)) this.#send(answer);
        else answer.release();
        if (answer.isLast) this.#events.ended(this.#requestId, 'complete');
        return answer.isLast;
      case 'stream-not-found':
        this.#events.ended(this.#requestId, streamNotFound(answer.lastRevision));
        return true;
      case 'stream-deleted':
        this.#events.ended(this.#requestId, STREAM_DELETED);
        return true;
      case 'bad-position':
        this.#events.ended(this.#requestId, badPosition(answer.position));
        return true;
    }
  }

  /** A page without events is, if it ends or tells something, or if it is long that the client was told how far the search is. */
  #isWorthSending({ eventCount, next, isLast, isCaughtUp, isBehind }: ReadPage): boolean {
    this.#toldNext ??= next;
    if (eventCount > 0 || isLast || isCaughtUp === true || isBehind === true) return true;
    return this.#settings.isAll && Math.abs(next - this.#toldNext) >= CHECKPOINT_BYTES;
  }

  #send(page: ReadPage): void {
    const { bytes, eventCount, next, head } = page;
    const flags = flagsOf(page);
    this.#toldNext = next;
    fillEventsPrefix(bytes, { requestId: this.#requestId, flags, eventCount, next, head });
    this.#windowBytes -= bytes.length;
    this.#settings.counted?.sent(page);
    this.#events.frame(bytes, page.release);
  }

  #credited(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }
}

function flagsOf({ isLast, isCaughtUp, isBehind }: ReadPage): number {
  return (
    (isLast ? EVENTS_LAST : 0) |
    (isCaughtUp === true ? EVENTS_CAUGHT_UP : 0) |
    (isBehind === true ? EVENTS_BEHIND : 0)
  );
}

/** Other sessions and the writer's rings get their turn between two pages. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const STREAM_NOT_FOUND: Rejection = {
  code: 'stream-not-found',
  message: 'there is no such stream; it comes into being with its first event',
  details: {},
};

const STREAM_DELETED: Rejection = {
  code: 'stream-deleted',
  message: 'the stream has a tombstone: its events are gone for good, and there will be no others',
  details: {},
};

function streamNotFound(lastRevision: number): Rejection {
  if (lastRevision < 0) return STREAM_NOT_FOUND;
  const message = `all events of the stream, up to revision ${lastRevision}, are deleted; what is appended to it goes on behind them`;
  return { code: 'stream-not-found', message, details: { lastRevision } };
}

function badPosition(position: number): Rejection {
  return {
    code: 'bad-position',
    message: `no record starts (backwards: ends) at position ${position}; use positions of events, or 'next' of a read`,
    details: { position },
  };
}

/** What a read failed with, for the client; a bug of ours goes on to the last handler. */
function rejectionOf(error: unknown): Rejection {
  if (error instanceof CairnError)
    return { code: error.code, message: error.message, details: error.details };
  throw error;
}
