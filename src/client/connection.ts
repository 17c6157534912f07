/**
 * One connection to a server, from the handshake to its end: turns messages into frames and knows why it ended. What the
 * frames mean is its owner's business. Node and browsers.
 */

import { formatUuid } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import { decodeError, type ReceivedError } from '../wire/answer-frames.js';
import { FrameReader } from '../wire/frame-reader.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { OPCODE, PROTOCOL_VERSION } from '../wire/frames.js';
import { decodeWelcome, encodeHello, type Welcome } from '../wire/hello-frames.js';
import { otherLog } from './outcomes.js';
import { openSocket, type Socket } from './socket.js';

/** What a connection tells its owner, after the handshake. */
export interface ConnectionOwner {
  /** Takes a frame; returns what is wrong with it, which ends the connection. */
  frame(frame: FrameReader): string | undefined;
  /** All frames of a message have been handed over. */
  messageEnd(): void;
  /** The connection is over. Said once, and never before the handshake is done. */
  disconnected(error: CairnError, connection: Connection): void;
}

/** What the server said about itself, for users. Sizes in bytes. */
export interface ServerWelcome {
  readonly protocolVersion: number;
  readonly serverVersion: string;
  /** Which log this is: a UUID. */
  readonly logId: string;
  readonly messageBytesMax: number;
  readonly appendBytesMax: number;
  readonly eventBytesMax: number;
  readonly inFlightAppendsMax: number;
  readonly openReadsMax: number;
}

/** Where to, and as whom. */
export interface Target {
  readonly url: string;
  readonly clientName: string;
  readonly timeoutMs: number;
  /** The log that it must be, if there was a connection before. */
  readonly logId?: string | undefined;
}

/** Normal close, protocol error (RFC 6455, section 7.4.1). */
const CLOSE_NORMAL = 1000;
const CLOSE_PROTOCOL_ERROR = 1002;

/** The error that a server sent, as users see it. */
export function serverError({ number, code, message, details }: ReceivedError): CairnError {
  if (code !== undefined) return new CairnError(code, message, details);
  // A server that knows more than we do: its words are all we have.
  return new CairnError('protocol-error', `${message} (error number ${number} of a newer server)`, details);
}

/** Who owns a connection that nobody is interested in. */
const NOBODY: ConnectionOwner = {
  frame: () => undefined,
  messageEnd: () => undefined,
  disconnected: () => undefined,
};

export class Connection {
  /** Set by {@link open}. */
  welcome!: ServerWelcome;
  #owner: ConnectionOwner;
  readonly #reader = new FrameReader();
  #socket: Socket | undefined;
  #shakeHands: { resolve: (welcome: Welcome) => void; reject: (error: CairnError) => void } | undefined;
  /** Why it ends, if we know better than the close code tells. */
  #reason: CairnError | undefined;
  #isOver = false;
  /** Whether the owner has it; before, nothing but the handshake may come. */
  #isOwned = false;

  private constructor(owner: ConnectionOwner) {
    this.#owner = owner;
  }

  /** Connects and greets. Throws `connection-refused`, `timeout`, `connection-lost`, or what the server answers. */
  static async open(target: Target, owner: ConnectionOwner): Promise<Connection> {
    const connection = new Connection(owner);
    connection.#socket = await openSocket(
      target.url,
      {
        message: (bytes) => connection.#message(bytes),
        closed: (code, why) => connection.#closed(code, why),
      },
      target.timeoutMs,
    );
    connection.welcome = userWelcome(await connection.#greet(target));
    const { logId } = connection.welcome;
    if (target.logId !== undefined && target.logId !== logId) connection.abort(otherLog(target.logId, logId));
    if (connection.#isOver) throw connection.#ending();
    connection.#isOwned = true;
    return connection;
  }

  /** Queues a message; does nothing if the connection is over. */
  send(message: Uint8Array<ArrayBuffer>): void {
    if (message.length > 0) this.#socket?.send(message);
  }

  /** Ends it the friendly way: everything queued goes out first. `disconnected` follows. */
  close(): void {
    this.#socket?.close(CLOSE_NORMAL, '');
  }

  /** {@link close}, and nothing of it is told to anybody any more. */
  retire(): void {
    this.#owner = NOBODY;
    this.close();
  }

  /** Ends it now, for this reason. `disconnected` follows, after which nothing comes. */
  abort(reason: CairnError): void {
    this.#reason ??= reason;
    this.#socket?.terminate();
    this.#over();
  }

  async #greet({ clientName, timeoutMs, url }: Target): Promise<Welcome> {
    const writer = new FrameWriter();
    encodeHello(writer, { lowestVersion: PROTOCOL_VERSION, highestVersion: PROTOCOL_VERSION, clientName });
    this.send(writer.take());
    const late = new CairnError('timeout', `${url} did not answer the Hello within ${timeoutMs} ms`, { url });
    const timer = setTimeout(() => this.abort(late), timeoutMs);
    try {
      return await new Promise<Welcome>((resolve, reject) => {
        this.#shakeHands = { resolve, reject };
        if (this.#isOver) reject(this.#ending());
      });
    } finally {
      clearTimeout(timer);
      this.#shakeHands = undefined;
    }
  }

  #message(bytes: Uint8Array | undefined): void {
    if (this.#isOver) return;
    const fault = bytes === undefined ? 'a text message' : this.#frames(bytes);
    if (fault === undefined) return;
    this.#reason ??= new CairnError('protocol-error', `the server broke the protocol: ${fault}`);
    this.#socket?.close(CLOSE_PROTOCOL_ERROR, fault);
    this.#over();
  }

  #frames(bytes: Uint8Array): string | undefined {
    const reader = this.#reader;
    reader.open(bytes);
    while (reader.next()) {
      const fault = this.#frame(reader);
      if (fault !== undefined) return fault;
      // The owner may have ended it.
      if (this.#isOver) return undefined;
    }
    if (this.#isOwned) this.#owner.messageEnd();
    return reader.fault;
  }

  #frame(frame: FrameReader): string | undefined {
    if (frame.opcode === OPCODE.error && frame.requestId === 0) return this.#connectionError(frame);
    if (this.#isOwned) return this.#owner.frame(frame);
    if (this.#shakeHands === undefined) return 'a frame that nobody asked for';
    if (frame.opcode !== OPCODE.welcome) return 'the first frame is no Welcome';
    const decoded = decodeWelcome(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    if (decoded.frame.version !== PROTOCOL_VERSION) return 'it chose a version that was not offered';
    this.#shakeHands.resolve(decoded.frame);
    this.#shakeHands = undefined;
    return undefined;
  }

  /** The server closes after this. */
  #connectionError(frame: FrameReader): string | undefined {
    const decoded = decodeError(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    this.#reason ??= serverError(decoded.frame);
    return undefined;
  }

  #closed(code: number, why: string): void {
    const words = why === '' ? '' : `: ${why}`;
    this.#reason ??= new CairnError('connection-lost', `the connection was closed (code ${code})${words}`, {
      code,
    });
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#shakeHands?.reject(this.#ending());
    if (this.#isOwned) this.#owner.disconnected(this.#ending(), this);
  }

  #ending(): CairnError {
    return this.#reason ?? new CairnError('connection-lost', 'the connection was closed');
  }
}

function userWelcome({ version, logId, ...rest }: Welcome): ServerWelcome {
  return { ...rest, protocolVersion: version, logId: formatUuid(logId, 0) };
}
