/**
 * A read that a client has open: turns pages of records into Events frames as long as the client's window allows, waits for
 * credit otherwise, and leaves the event loop to others between pages. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { LogRead, ReadAnswer, ReadPage } from '../reader/read-page.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import { EVENTS_FRAME_BYTES_MAX, EVENTS_LAST, EVENTS_PREFIX_BYTES } from '../wire/frames.js';
import { fillEventsPrefix } from '../wire/read-frames.js';

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

const RECORD_BYTES_MAX = EVENTS_FRAME_BYTES_MAX - EVENTS_PREFIX_BYTES;

export class OpenRead {
  readonly #requestId: number;
  readonly #read: LogRead;
  readonly #events: OpenReadEvents;
  #windowBytes: number;
  #isCancelled = false;
  #resume: (() => void) | undefined;

  constructor(requestId: number, read: LogRead, windowBytes: number, events: OpenReadEvents) {
    this.#requestId = requestId;
    this.#read = read;
    this.#windowBytes = windowBytes;
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
    this.#wake();
  }

  /** Sends pages until the read is over. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#isCancelled) {
        if (this.#windowBytes <= 0) await this.#credited();
        else if (await this.#sendPage()) return;
        else await nextTurn();
      }
      this.#events.ended(this.#requestId, 'cancelled');
    } catch (error) {
      this.#events.ended(this.#requestId, rejectionOf(error));
    }
  }

  /** Returns true when the read is over. */
  async #sendPage(): Promise<boolean> {
    await this.#events.turn();
    try {
      return this.#isCancelled ? false : this.#take(await this.#read.nextPage(RECORD_BYTES_MAX));
    } finally {
      this.#events.turnOver();
    }
  }

  #take(answer: ReadAnswer): boolean {
    switch (answer.kind) {
      case 'page':
        this.#send(answer);
        if (answer.isLast) this.#events.ended(this.#requestId, 'complete');
        return answer.isLast;
      case 'stream-not-found':
        this.#events.ended(this.#requestId, STREAM_NOT_FOUND);
        return true;
      case 'bad-position':
        this.#events.ended(this.#requestId, badPosition(answer.position));
        return true;
    }
  }

  #send(page: ReadPage): void {
    const { bytes, eventCount, next, head, isLast } = page;
    const flags = isLast ? EVENTS_LAST : 0;
    fillEventsPrefix(bytes, { requestId: this.#requestId, flags, eventCount, next, head });
    this.#windowBytes -= bytes.length;
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

/** Other sessions and the writer's rings get their turn between two pages. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const STREAM_NOT_FOUND: Rejection = {
  code: 'stream-not-found',
  message: 'there is no such stream; it comes into being with its first event',
  details: {},
};

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
