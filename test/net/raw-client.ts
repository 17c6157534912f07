/**
 * A client that knows nothing but frames: sends what it is told, right or wrong, and shows what comes back. For tests that talk
 * to a real server; `src/client` is what programs use. One per connection, main thread.
 */
import WebSocket, { type ClientOptions } from 'ws';
import { decodeError, type ReceivedError } from '../../src/wire/answer-frames.js';
import { FrameReader, type OpenFrame } from '../../src/wire/frame-reader.js';
import { OPCODE } from '../../src/wire/frames.js';
import { decodeWelcome, type Welcome } from '../../src/wire/hello-frames.js';
import { helloFrame, joined } from './frames.js';

/** A frame that came, in the message that it came in. */
export interface ReceivedFrame extends OpenFrame {
  readonly opcode: number;
}

/** How a connection ended: the WebSocket close code (1006 = cut off) and its reason. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export class RawClient {
  readonly socket: WebSocket;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<Closing>;
  readonly #reader = new FrameReader();
  #received: ReceivedFrame[] = [];
  #taken = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (message: Buffer) => this.#take(message));
    // What went wrong shows in how the connection closes.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake?.();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Opens the WebSocket and says nothing yet. Rejects if it is refused. */
  static async open(url: string, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(new WebSocket(`${url}/client`, options));
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  /** Opens the WebSocket and exchanges Hello and Welcome. */
  static async greeted(url: string): Promise<{ client: RawClient; welcome: Welcome }> {
    const client = await RawClient.open(url);
    client.send(helloFrame());
    const frame = await client.next();
    const decoded = frame?.opcode === OPCODE.welcome ? decodeWelcome(frame) : undefined;
    if (decoded?.kind !== 'ok') throw new Error('no Welcome');
    return { client, welcome: decoded.frame };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends all frames as one message. */
  send(...frames: readonly Uint8Array[]): void {
    this.socket.send(joined(frames));
  }

  /** The next frame, in the order of arrival; undefined when the connection is closed and all were taken. */
  async next(): Promise<ReceivedFrame | undefined> {
    while (this.#taken === this.#received.length) {
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const frame = this.#received[this.#taken++]!;
    if (this.#taken === this.#received.length) {
      this.#received = [];
      this.#taken = 0;
    }
    return frame;
  }

  /** The next frame, which must be an Error. */
  async nextError(): Promise<ReceivedError & { requestId: number }> {
    const frame = await this.next();
    if (frame?.opcode !== OPCODE.error) throw new Error(`expected an Error, not ${frame?.opcode}`);
    const decoded = decodeError(frame);
    if (decoded.kind === 'invalid') throw new Error(decoded.reason);
    return { ...decoded.frame, requestId: frame.requestId };
  }

  /** Closes the connection in order, and waits for it. */
  async close(): Promise<void> {
    this.socket.resume();
    this.socket.close();
    await this.closed;
  }

  #take(message: Buffer): void {
    const reader = this.#reader;
    reader.open(message);
    while (reader.next()) {
      const { bytes, view, at, length, opcode, flags, requestId } = reader;
      this.#received.push({ bytes, view, at, length, opcode, flags, requestId });
    }
    if (reader.fault !== undefined)
      throw new Error(`the server sent a message with a fault: ${reader.fault}`);
    this.#wake?.();
  }
}
