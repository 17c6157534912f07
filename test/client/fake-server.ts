/**
 * A server that speaks the protocol and does what a test tells it: it keeps every frame it receives, answers Appends by
 * itself only if asked to, and can drop, garble or stay silent.
 */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { formatUuid } from '../../src/base/bytes.js';
import { encodeGossipReply } from '../../src/wire/answer-frames.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { EVENTS_LAST, OPCODE } from '../../src/wire/frames.js';
import { encodeWelcome, type Welcome } from '../../src/wire/hello-frames.js';
import { type EventsPrefix, fillEventsPrefix } from '../../src/wire/read-frames.js';

export const WELCOME: Welcome = {
  version: 1,
  messageBytesMax: 1024 * 1024,
  appendBytesMax: 512 * 1024,
  eventBytesMax: 256 * 1024,
  inFlightAppendsMax: 1000,
  openReadsMax: 10,
  logId: new Uint8Array(16).fill(0xa1),
  serverVersion: '0.0.0-fake',
};

export interface FakeServerOptions {
  readonly welcome?: Partial<Welcome>;
  /** What to do instead of sending a Welcome. */
  readonly onHello?: (connection: FakeConnection) => void;
  /** Answer each Append with the next revision of its stream. */
  readonly answerAppends?: boolean;
  readonly port?: number;
  /** What is answered to Gossip, which no test sees as a frame; by default that there are no members. */
  readonly gossip?: () => object | undefined;
}

/** A frame received; `bytes` is a copy. */
export interface SeenFrame {
  readonly opcode: number;
  readonly flags: number;
  readonly requestId: number;
  readonly bytes: Uint8Array;
}

export interface SeenAppend {
  readonly requestId: number;
  readonly stream: string;
  readonly expected: number;
  readonly events: readonly {
    id: string;
    type: string;
    isJson: boolean;
    metadata: string;
    data: Uint8Array;
  }[];
}

export class FakeConnection {
  readonly frames: SeenFrame[] = [];
  /** Number of frames in each message, Hello not counted. */
  readonly messages: number[] = [];
  readonly closed: Promise<number>;
  #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(
    readonly socket: WebSocket,
    private readonly server: FakeServer,
  ) {
    socket.on('message', (data: Buffer) => this.#message(data));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  /** Resolves to the next frame that no `next` has returned yet. */
  async next(): Promise<SeenFrame> {
    while (this.frames.length === this.#taken) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.frames[this.#taken++]!;
  }

  async nextAppend(): Promise<SeenAppend> {
    return decodeAppend(await this.next());
  }

  /** Sends one message. */
  send(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter();
    write(writer);
    this.socket.send(writer.take());
  }

  /** Sends an Events frame with these records. */
  sendEvents(prefix: Partial<EventsPrefix> & { requestId: number }, records: readonly Uint8Array[]): number {
    const frame = new Uint8Array(32 + records.reduce((sum, record) => sum + record.length, 0));
    let at = 32;
    for (const record of records) {
      frame.set(record, at);
      at += record.length;
    }
    const eventCount = records.filter((record) => record[40] === 1).length;
    fillEventsPrefix(frame, { flags: 0, eventCount, next: 0, head: 0, ...prefix });
    this.socket.send(frame);
    return frame.length;
  }

  endRead(requestId: number, flags: number = EVENTS_LAST): void {
    this.sendEvents({ requestId, flags }, []);
  }

  /** Breaks the connection without a word. */
  drop(): void {
    this.socket.terminate();
  }

  #message(data: Buffer): void {
    const reader = new FrameReader();
    reader.open(new Uint8Array(data));
    let count = 0;
    while (reader.next()) {
      const { opcode, flags, requestId, at, length } = reader;
      const frame = { opcode, flags, requestId, bytes: reader.bytes.slice(at, at + length) };
      if (opcode === OPCODE.hello) {
        this.server.greet(this);
        return;
      }
      if (opcode === OPCODE.gossip) {
        const gossip = this.server.options.gossip?.() ?? { members: [] };
        this.send((writer) => encodeGossipReply(writer, requestId, gossip));
        continue;
      }
      count++;
      this.frames.push(frame);
      if (opcode === OPCODE.append && this.server.options.answerAppends === true)
        this.server.answer(this, frame);
    }
    if (reader.fault !== undefined) throw new Error(reader.fault);
    if (count === 0) return;
    this.messages.push(count);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export class FakeServer {
  readonly connections: FakeConnection[] = [];
  readonly #sockets: WebSocketServer;
  readonly #revisions = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #taken = 0;

  private constructor(
    sockets: WebSocketServer,
    readonly options: FakeServerOptions,
  ) {
    this.#sockets = sockets;
    sockets.on('connection', (socket) => {
      this.connections.push(new FakeConnection(socket, this));
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  static async start(options: FakeServerOptions = {}): Promise<FakeServer> {
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: options.port ?? 0, path: '/client' });
    await new Promise<void>((resolve, reject) => {
      sockets.once('listening', resolve);
      sockets.once('error', reject);
    });
    return new FakeServer(sockets, options);
  }

  get port(): number {
    return (this.#sockets.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Resolves to the next connection that no `connection` has returned yet. */
  async connection(): Promise<FakeConnection> {
    while (this.connections.length === this.#taken) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.connections[this.#taken++]!;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.terminate();
    await new Promise((resolve) => this.#sockets.close(resolve));
  }

  greet(connection: FakeConnection): void {
    if (this.options.onHello !== undefined) this.options.onHello(connection);
    else connection.send((writer) => encodeWelcome(writer, { ...WELCOME, ...this.options.welcome }));
  }

  answer(connection: FakeConnection, frame: SeenFrame): void {
    const { stream, events } = decodeAppend(frame);
    const revision = (this.#revisions.get(stream) ?? -1) + events.length;
    this.#revisions.set(stream, revision);
    connection.send((writer) => writer.appended(frame.requestId, 0, revision, revision * 100));
  }
}

export function decodeAppend({ bytes, opcode }: SeenFrame): SeenAppend {
  const cursor = new AppendCursor();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fault = opcode === OPCODE.append ? cursor.open(bytes, view, 0, bytes.length) : 'not an Append';
  if (fault !== undefined) throw new Error(fault);
  const text = (at: number, length: number) => new TextDecoder().decode(bytes.subarray(at, at + length));
  const events = [];
  while (cursor.nextEvent()) {
    events.push({
      id: formatUuid(bytes, cursor.idAt),
      type: text(cursor.typeAt, cursor.typeLength),
      isJson: cursor.isJson,
      metadata: text(cursor.metadataAt, cursor.metadataLength),
      data: bytes.slice(cursor.dataAt, cursor.dataAt + cursor.dataLength),
    });
  }
  const stream = text(cursor.streamAt, cursor.streamLength);
  return { requestId: cursor.requestId, stream, expected: cursor.expectedRevision, events };
}
