/**
 * What goes out on one connection: frames collected during a turn of the event loop leave as one message, and a client
 * that does not read is noticed. Above the high mark the session must stop taking requests; if it stays there, the
 * client is dropped. Main thread only.
 */
import type { WebSocket } from 'ws';
import { SHARED_PAGE_BYTES_MAX } from '../reader/read-page.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { bytesTaken } from './bytes-taken.js';
import type { MessageGarbage } from './message-garbage.js';

/** Stop taking requests when so much waits for the client to read: eight of the largest Events frames. */
const HIGH_BYTES = 8 * 1024 * 1024;
/** Go on below this. */
const LOW_BYTES = 1024 * 1024;
/** A client that has taken not one byte for so long, after the high mark was passed, is dropped; a slow one is waited for. */
const STALL_MS = 30_000;
/** A subscription makes no further page while more than this waits: a stopped subscriber costs no more, and a page. */
const SETTLED_BYTES = 512 * 1024;
/** A whole frame up to this size is copied at once, and goes along with the others of its turn: that is cheaper than a message. */
const SMALL_FRAME_BYTES = SHARED_PAGE_BYTES_MAX;
/**
 * Hand a message to the socket when it gets this large, without waiting for the turn to end; so the high mark can be
 * passed by no more than this and a frame before anybody is told.
 */
const MESSAGE_BYTES = 1024 * 1024;

export interface OutboxEvents {
  /** The high mark was passed: `true`; what waits fell below the low mark: `false`. */
  congested(isCongested: boolean): void;
  /** The client has not read for too long. */
  stalled(): void;
}

export class Outbox {
  readonly #socket: WebSocket;
  readonly #garbage: MessageGarbage;
  readonly #events: OutboxEvents;
  readonly #writer = new FrameWriter();
  #isFlushScheduled = false;
  #isCongested = false;
  #isClosed = false;
  #stallTimer: NodeJS.Timeout | undefined;
  /** Who waits for {@link writable}. */
  #waiting: (() => void)[] = [];
  /** Who waits for {@link settled}. */
  #settling: (() => void)[] = [];
  readonly #flush = () => this.flush();
  readonly #sent = () => this.#afterSend();

  constructor(socket: WebSocket, garbage: MessageGarbage, events: OutboxEvents) {
    this.#socket = socket;
    this.#garbage = garbage;
    this.#events = events;
  }

  /** Where to write frames; they leave when this turn's callbacks have run. */
  frames(): FrameWriter {
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      queueMicrotask(this.#flush);
    } else if (this.#writer.length >= MESSAGE_BYTES) {
      this.#send(this.#writer.take());
    }
    return this.#writer;
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Sends what is collected. */
  flush(): void {
    this.#isFlushScheduled = false;
    if (this.#writer.length > 0) this.#send(this.#writer.take());
  }

  /** Sends a whole frame that is in memory of its own, behind what is collected. `release`: that memory is free again. */
  sendFrame(frame: Uint8Array, release: () => void): void {
    if (frame.length <= SMALL_FRAME_BYTES) {
      this.frames().bytes(frame);
      release();
      return;
    }
    if (this.#writer.length > 0) this.#send(this.#writer.take());
    this.#hand(frame, () => {
      release();
      this.#afterSend();
    });
  }

  /** Resolves when the client has read enough for more to be sent; at once if it has, or is gone. */
  writable(): Promise<void> {
    if (!this.#isCongested) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when little of what was sent waits for the client to read it; undefined if that is so, or the client is gone. */
  settled(): Promise<void> | undefined {
    if (this.#isClosed || this.#socket.bufferedAmount <= SETTLED_BYTES) return undefined;
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  /** The connection is gone. */
  close(): void {
    clearTimeout(this.#stallTimer);
    this.#isClosed = true;
    this.#isCongested = false;
    this.#release();
    this.#settle();
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #settle(): void {
    for (const resolve of this.#settling.splice(0)) resolve();
  }

  #send(message: Uint8Array): void {
    this.#garbage.sent(message.length);
    this.#hand(message, this.#sent);
  }

  #hand(message: Uint8Array, sent: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(message, sent);
    if (this.#isCongested || this.#socket.bufferedAmount < HIGH_BYTES) return;
    this.#isCongested = true;
    this.#watchForStall(bytesTaken(this.#socket));
    this.#events.congested(true);
  }

  #afterSend(): void {
    if (this.#settling.length > 0 && this.#socket.bufferedAmount <= SETTLED_BYTES) this.#settle();
    if (!this.#isCongested || this.#socket.bufferedAmount > LOW_BYTES) return;
    this.#isCongested = false;
    clearTimeout(this.#stallTimer);
    this.#release();
    this.#events.congested(false);
  }

  #watchForStall(takenBefore: number): void {
    this.#stallTimer = setTimeout(() => {
      const taken = bytesTaken(this.#socket);
      if (taken <= takenBefore) this.#events.stalled();
      else this.#watchForStall(taken);
    }, STALL_MS);
    this.#stallTimer.unref();
  }
}
