/** One connection to another node, whoever has dialled it: frames in and out, and how it ended. Main thread. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Bytes } from '../base/ports.js';
import { decodeMessage } from '../cluster/message-codec.js';
import type { Message } from '../cluster/messages.js';
import type { FrameIntake } from './frame-intake.js';
import { RangeMemory } from './range-memory.js';

/**
 * How a connection ended. `refused`: nobody listens there. `reset`: broken off while it was being made. `lost`: it was open. `failed`: it
 * could not be made for another reason.
 */
export type LinkEnd = 'refused' | 'reset' | 'lost' | 'failed';

export interface PeerLinkEvents {
  /** What is in its `bytes`, if it has any, is the callee's until it returns. */
  message(message: Message): void;
  /** ws made buffers for so many bytes. */
  buffered(bytes: number): void;
  /** The other side breaks the protocol; the connection closes. */
  invalid(reason: string): void;
  closed(end: LinkEnd): void;
}

const ENDS: ReadonlyMap<string, LinkEnd> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
]);
/** What waits for a connection to open; messages are repeated, so more is not worth keeping. */
const EARLY_MESSAGES_MAX = 64;
const CLOSE_PROTOCOL_ERROR = 1002;
/** How long the last words get. */
const FINISH_MS = 500;

export class PeerLink {
  /** What ranges are put together in, to be sent over this connection. */
  readonly ranges = new RangeMemory();
  readonly #socket: WebSocket;
  #early: { bytes: Uint8Array; sent: (() => void) | undefined }[] = [];
  #wasOpen: boolean;

  /** `intake`: what takes most messages out of the connection before ws sees them. */
  constructor(socket: WebSocket, events: PeerLinkEvents, intake?: FrameIntake) {
    this.#socket = socket;
    this.#wasOpen = socket.readyState === socket.OPEN;
    let errno: string | undefined;
    const take = (data: Bytes): void => {
      const message = decodeMessage(data);
      if (message.kind !== 'invalid') {
        events.message(message);
      } else {
        events.invalid(message.reason);
        socket.close(CLOSE_PROTOCOL_ERROR);
      }
    };
    if (intake !== undefined) intake.message = take;
    socket.on('message', (data: Buffer) => {
      events.buffered(data.length);
      take(data);
    });
    socket.on('upgrade', ({ socket: stream }: { socket: Socket }) => stream.setNoDelay(true));
    socket.on('open', () => this.#opened());
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      errno = code;
    });
    socket.once('close', () => {
      for (const { sent } of this.#early.splice(0)) sent?.();
      events.closed(this.#wasOpen ? 'lost' : (ENDS.get(errno ?? '') ?? 'failed'));
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** `sent` is called when the bytes have left, or are lost. */
  send(bytes: Uint8Array, sent?: () => void): void {
    const { readyState, OPEN, CONNECTING } = this.#socket;
    if (readyState === OPEN) this.#socket.send(bytes, sent);
    else if (readyState === CONNECTING && this.#early.length < EARLY_MESSAGES_MAX)
      this.#early.push({ bytes, sent });
    else if (sent !== undefined) setImmediate(sent);
  }

  close(): void {
    this.#socket.terminate();
  }

  /** Closes when what was sent has left. */
  finish(): void {
    if (!this.isOpen) {
      this.close();
      return;
    }
    this.#socket.close();
    setTimeout(() => this.#socket.terminate(), FINISH_MS).unref();
  }

  #opened(): void {
    this.#wasOpen = true;
    for (const { bytes, sent } of this.#early.splice(0)) this.#socket.send(bytes, sent);
  }
}
