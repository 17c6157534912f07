/** A session between a socket and a node that do what a test tells them: for what a real pair shows only by luck. */
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { ClientSession, type SessionParts } from '../../src/net/client-session.js';
import { FilterShelf } from '../../src/net/filter-shelf.js';
import { MessageGarbage } from '../../src/net/message-garbage.js';
import type { NodePort, ServedLog } from '../../src/net/node-port.js';
import { NodeSubscriptions } from '../../src/net/node-subscriptions.js';
import type { LogReader } from '../../src/reader/log-reader.js';
import type { AppendSink, Rejection } from '../../src/sequencer/pending-replies.js';
import type { AppendOutcome } from '../../src/sequencer/sequencer.js';
import { decodeError, type ReceivedError } from '../../src/wire/answer-frames.js';
import type { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { OPCODE, type ReadConsistency } from '../../src/wire/frames.js';

/** Takes appends in order, or has no room. */
export class ScriptedEngine {
  hasRoom = true;
  /** Whether it looks something up for each append that comes. */
  seeks = false;
  /** Request ids of the appends that were taken. */
  readonly taken: number[] = [];
  readonly refused: Rejection[] = [];
  /** What it answers to appends instead of taking them. */
  refusal: Rejection | undefined;
  #waiting: (() => void)[] = [];
  #seeking: (() => void)[] = [];

  append(_append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection {
    if (!this.hasRoom) return 'retry';
    if (this.seeks) return 'sought';
    if (this.refusal !== undefined) return this.refusal;
    this.taken.push(token);
    queueMicrotask(() => sink.appended(token, this.taken.length - 1, 8 * this.taken.length, false));
    return 'taken';
  }

  appendRun(): void {
    // Takes none: to this engine no append is plain.
  }

  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    this.refused.push(rejection);
    queueMicrotask(() => sink.rejected(token, rejection));
  }

  whenRoom(callback: () => void): void {
    this.#waiting.push(callback);
  }

  whenFound(callback: () => void): void {
    this.#seeking.push(callback);
  }

  /** Has found what it was looking for. */
  find(): void {
    this.seeks = false;
    for (const callback of this.#seeking.splice(0)) callback();
  }

  /** There is room from now on. */
  makeRoom(): void {
    this.hasRoom = true;
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

/** Lets reads begin when it is told to. */
export class ScriptedNode implements NodePort {
  served: ServedLog | undefined = {
    logId: 'c0ffee00-0000-4000-8000-000000000000',
    reader: {} as LogReader,
    limits: {
      appendBytesMax: 1 << 20,
      eventBytesMax: 1 << 20,
      transactionBytesMax: 1 << 22,
      messageBytesMax: 1 << 22,
      inFlightAppendsMax: 1 << 20,
      openReadsMax: 64,
      subscriptionsMax: 64,
    },
    subscriptions: new NodeSubscriptions(64),
    filters: new FilterShelf(),
  };
  /** What reads are told; by default that they may begin. */
  admission: Promise<Rejection | undefined> | Rejection | undefined;
  /** What was asked for by reads: consistency and position. */
  readonly admitted: [ReadConsistency, number | undefined][] = [];

  constructor(readonly appends: ScriptedEngine) {}

  admitRead(
    consistency: ReadConsistency,
    atLeast?: number,
  ): Promise<Rejection | undefined> | Rejection | undefined {
    this.admitted.push([consistency, atLeast]);
    return this.admission;
  }

  gossip(): object {
    return { members: [{ state: 'Leader', isAlive: true }] };
  }
}

/** The server's end of a WebSocket: what comes is emitted as 'message', what goes is kept. */
export class ScriptedSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  /** What the other side has not read; tests raise and lower it. */
  bufferedAmount = 0;
  /** What is sent stays in `bufferedAmount`. */
  isDeaf = false;
  isPaused = false;
  isTerminated = false;
  closedWith: number | undefined;
  readonly sent: Uint8Array[] = [];
  readonly #callbacks: (() => void)[] = [];

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  send(message: Uint8Array, done: () => void): void {
    this.sent.push(message);
    if (this.isDeaf) this.bufferedAmount += message.length;
    this.#callbacks.push(done);
  }

  close(code: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.isTerminated = true;
    this.emit('close');
  }

  /** The other side has read all that was sent, up to what `bufferedAmount` says. */
  drain(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  receive(message: Uint8Array): void {
    this.emit('message', Buffer.from(message), true);
  }

  /** The Errors among what was sent. */
  errors(): ReceivedError[] {
    const errors: ReceivedError[] = [];
    const frames = new FrameReader();
    for (const message of this.sent) {
      frames.open(message);
      while (frames.next()) {
        const decoded = frames.opcode === OPCODE.error ? decodeError(frames) : undefined;
        if (decoded?.kind === 'ok') errors.push(decoded.frame);
      }
    }
    return errors;
  }
}

/** Opens a session on the two, with limits that no test reaches by accident unless the node has others. */
export function openSession(
  socket: ScriptedSocket,
  engine: ScriptedEngine,
  node = new ScriptedNode(engine),
): ClientSession {
  const parts: SessionParts = {
    node,
    serverVersion: '0.0.0',
    log: { debug: () => undefined },
    garbage: new MessageGarbage(),
  };
  return new ClientSession(socket as unknown as WebSocket, '127.0.0.1', parts);
}
