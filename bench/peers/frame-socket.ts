/**
 * A TCP connection to a peer: cuts what comes into frames, as the peer's protocol defines them, and writes what a turn of the event loop
 * produced with one call. Main thread. The protocols differ; this part of their clients doesn't.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { CairnError } from '../../src/base/errors.js';

/** Where the frame that begins at `at` ends; -1 if it isn't all there yet. */
export type FrameEnd = (bytes: Buffer, at: number) => number;

/** Takes a frame, which lies in `bytes` from `start` to `end` and is overwritten later. */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void;

/** A handshake of a node that works takes milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;
/** The answers of a burst; grows if a frame needs it. */
const BUFFER_BYTES = 256 * 1024;
/** No answer here comes near it: who sends more speaks another protocol. */
const BUFFER_BYTES_MAX = 64 * 1024 * 1024;
/** What a server says before anybody listens: a greeting, some settings. */
const EARLY_FRAMES_MAX = 1024;

export class FrameSocket {
  readonly #socket: Socket;
  readonly #frameEnd: FrameEnd;
  #bytes = Buffer.alloc(BUFFER_BYTES);
  #filled = 0;
  #onFrame: OnFrame | undefined;
  readonly #early: Buffer[] = [];
  #awaiting: ((frame: Buffer | undefined) => void) | undefined;
  #isCorked = false;
  #isClosed = false;
  #lost: CairnError | undefined;
  /** Hears of a connection that broke, if it wasn't closed here. */
  onLost: (error: CairnError) => void = () => undefined;

  private constructor(socket: Socket, frameEnd: FrameEnd) {
    this.#socket = socket;
    this.#frameEnd = frameEnd;
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('the other side closed it'));
  }

  /** Connects on loopback. Throws `CairnError` code `connection-lost`. */
  static async connect(port: number, frameEnd: FrameEnd): Promise<FrameSocket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    try {
      await once(socket, 'connect');
    } catch (error) {
      throw new CairnError('connection-lost', `no connection to port ${port}`, { port }, error);
    }
    return new FrameSocket(socket, frameEnd);
  }

  /** Undefined while it works. */
  get lost(): CairnError | undefined {
    return this.#lost;
  }

  /** Goes out at the end of this turn. */
  write(bytes: Uint8Array | string): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      setImmediate(this.#uncork);
    }
    this.#socket.write(bytes);
  }

  /** The next frame, as a copy: for what is asked and answered before the load. Throws `CairnError`. */
  async next(): Promise<Buffer> {
    const early = this.#early.shift();
    if (early !== undefined) return early;
    if (this.#lost !== undefined) throw this.#lost;
    const timer = setTimeout(() => this.#fail('no answer'), ANSWER_TIMEOUT_MS);
    const frame = await new Promise<Buffer | undefined>((resolve) => {
      this.#awaiting = resolve;
    });
    clearTimeout(timer);
    if (frame === undefined) throw this.#lost ?? new CairnError('connection-lost', 'closed');
    return frame;
  }

  /** From now on frames go there. */
  listen(onFrame: OnFrame): void {
    this.#onFrame = onFrame;
    for (const frame of this.#early.splice(0)) onFrame(frame, 0, frame.length);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  #received(chunk: Buffer): void {
    if (this.#filled + chunk.length > BUFFER_BYTES_MAX) {
      this.#fail('it sends a frame that does not end');
      return;
    }
    if (this.#filled + chunk.length > this.#bytes.length) {
      const larger = Buffer.alloc(2 * (this.#filled + chunk.length));
      this.#bytes.copy(larger, 0, 0, this.#filled);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#filled);
    this.#filled += chunk.length;
    const whole = this.#bytes.subarray(0, this.#filled);
    let at = 0;
    while (at < this.#filled) {
      const end = this.#frameEnd(whole, at);
      if (end < 0 || end > this.#filled) break;
      this.#deliver(whole, at, end);
      at = end;
    }
    this.#bytes.copy(this.#bytes, 0, at, this.#filled);
    this.#filled -= at;
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    if (this.#onFrame !== undefined) {
      this.#onFrame(bytes, start, end);
      return;
    }
    const frame = Buffer.from(bytes.subarray(start, end));
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    if (awaiting !== undefined) awaiting(frame);
    else if (this.#early.length < EARLY_FRAMES_MAX) this.#early.push(frame);
    else this.#fail('it says more than anybody asked for');
  }

  #fail(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = new CairnError('connection-lost', `the connection to the peer is lost: ${reason}`);
    this.#socket.destroy();
    this.#awaiting?.(undefined);
    this.#awaiting = undefined;
    if (!this.#isClosed) this.onLost(this.#lost);
  }
}
