/**
 * A follower's connection to its leader, as a client of it: what is written during a turn of the event loop leaves as one message. Main thread. It
 * opens once and ends once, and after its end nothing is heard from it.
 */
import { WebSocket } from 'ws';
import { formatUuid } from '../base/bytes.js';
import { decodeError } from '../wire/answer-frames.js';
import { FrameReader } from '../wire/frame-reader.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { OPCODE, PROTOCOL_VERSION } from '../wire/frames.js';
import { decodeWelcome, encodeHello, type Welcome } from '../wire/hello-frames.js';

export interface LeaderLinkOptions {
  /** Of the leader's /client. */
  readonly url: string;
  /** Of this node, for the leader's log. */
  readonly clientName: string;
  /** The cluster's id: who has another log is no leader of ours. */
  readonly logId: string;
  /** Most for connecting and the Hello. */
  readonly timeoutMs: number;
}

export interface LeaderLinkEvents {
  /** The leader has said Welcome: frames may be sent. */
  opened(welcome: Welcome): void;
  /** An answer to a request; returns what is wrong with it. */
  answer(frame: FrameReader): string | undefined;
  /** All answers of a message have been handed over. */
  messageEnd(): void;
  /** It is over, or was never made. */
  closed(reason: string): void;
}

/** A server puts no more into a message than this and a frame; answers to appends are small. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** A turn that sends more than this sends it in parts: the leader works on the first while the next is copied. */
const MESSAGE_BYTES = 64 * 1024;
const CLOSE = { normal: 1000, protocolError: 1002 } as const;

export class LeaderLink {
  readonly #options: LeaderLinkOptions;
  readonly #events: LeaderLinkEvents;
  readonly #socket: WebSocket;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #timer: NodeJS.Timeout;
  #messageBytesMax = MESSAGE_BYTES;
  #isFlushScheduled = false;
  #state: 'opening' | 'open' | 'over' = 'opening';
  readonly #flush = () => this.flush();

  constructor(options: LeaderLinkOptions, events: LeaderLinkEvents) {
    this.#options = options;
    this.#events = events;
    // Nodes of a cluster talk to each other directly, so nobody could take masked bytes for HTTP: the key of zeros spares both a pass over them.
    this.#socket = new WebSocket(options.url, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: MESSAGE_BYTES_MAX,
      generateMask: (mask) => mask.fill(0),
    });
    this.#timer = setTimeout(() => this.#end(`no Welcome within ${options.timeoutMs} ms`), options.timeoutMs);
    this.#socket.on('open', () => this.#greet());
    this.#socket.on('message', (data: Buffer, isBinary: boolean) => this.#message(data, isBinary));
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', (code, reason) => this.#end(`closed (code ${code}) ${reason.toString()}`));
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Where to write a frame of `bytes`; it leaves when this turn's callbacks have run. */
  frames(bytes: number): FrameWriter {
    const { length } = this.#writer;
    if (length >= MESSAGE_BYTES || length + bytes > this.#messageBytesMax) this.#send();
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      queueMicrotask(this.#flush);
    }
    return this.#writer;
  }

  flush(): void {
    this.#isFlushScheduled = false;
    this.#send();
  }

  /** Ends it without another word to anybody. */
  close(): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#socket.close(CLOSE.normal);
  }

  #send(): void {
    if (this.#writer.length > 0 && this.#state === 'open') this.#socket.send(this.#writer.take());
  }

  #greet(): void {
    if (this.#state !== 'opening') return;
    const versions = { lowestVersion: PROTOCOL_VERSION, highestVersion: PROTOCOL_VERSION };
    encodeHello(this.#writer, { ...versions, clientName: this.#options.clientName });
    this.#socket.send(this.#writer.take());
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#state === 'over') return;
    const fault = isBinary ? this.#frames(data) : 'a text message';
    if (fault === undefined) return;
    this.#socket.close(CLOSE.protocolError);
    this.#end(fault);
  }

  #frames(data: Buffer): string | undefined {
    const frames = this.#reader;
    frames.open(data);
    while (frames.next()) {
      const fault = this.#frame(frames);
      if (fault !== undefined) return fault;
      if (this.#state !== 'open') return undefined;
    }
    if (frames.fault === undefined) this.#events.messageEnd();
    return frames.fault;
  }

  #frame(frames: FrameReader): string | undefined {
    if (frames.opcode === OPCODE.error && frames.requestId === 0) {
      const decoded = decodeError(frames);
      return decoded.kind === 'ok' ? `${decoded.frame.code}: ${decoded.frame.message}` : decoded.reason;
    }
    if (this.#state === 'open') return this.#events.answer(frames);
    if (frames.opcode !== OPCODE.welcome) return 'the first frame is no Welcome';
    return this.#welcome(frames);
  }

  #welcome(frames: FrameReader): string | undefined {
    const decoded = decodeWelcome(frames);
    if (decoded.kind === 'invalid') return decoded.reason;
    const logId = formatUuid(decoded.frame.logId, 0);
    if (logId !== this.#options.logId) return `it has another log (${logId})`;
    clearTimeout(this.#timer);
    this.#state = 'open';
    this.#messageBytesMax = decoded.frame.messageBytesMax;
    this.#events.opened(decoded.frame);
    return undefined;
  }

  #end(reason: string): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#socket.terminate();
    this.#events.closed(reason);
  }

  #over(): void {
    this.#state = 'over';
    clearTimeout(this.#timer);
  }
}
