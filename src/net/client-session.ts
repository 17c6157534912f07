/**
 * One client's connection: checks its frames where they lie in the message, hands appends to the node and reads to its
 * reader, and writes the answers. What breaks the protocol ends the connection; everything else gets an answer. While
 * the node has no room, or the client does not read, the socket is not read either. Main thread.
 */
import type { WebSocket } from 'ws';
import { assert } from '../base/assert.js';
import { parseUuid } from '../base/bytes.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome } from '../sequencer/sequencer.js';
import { checkGossip, encodeAppendedParts, encodeError, encodeGossipReply } from '../wire/answer-frames.js';
import { AppendCursor } from '../wire/append-frame.js';
import { FrameReader } from '../wire/frame-reader.js';
import { APPENDED_DUPLICATE, OPCODE, PROTOCOL_VERSION } from '../wire/frames.js';
import { decodeHello, encodeWelcome } from '../wire/hello-frames.js';
import { isInterruption } from '../wire/interruptions.js';
import { AnswerOrder } from './answer-order.js';
import type { MessageGarbage } from './message-garbage.js';
import type { NodePort, ServedLog } from './node-port.js';
import { Outbox } from './outbox.js';
import type { ServerSession } from './server.js';
import type { SessionLimits } from './session-limits.js';
import { SessionReads } from './session-reads.js';

/** Where sessions note what only somebody who looks for trouble wants to know. */
export interface SessionLog {
  debug(facts: object, message: string): void;
}

export interface SessionParts {
  readonly node: NodePort;
  readonly serverVersion: string;
  readonly log: SessionLog;
  readonly garbage: MessageGarbage;
}

/** A connection that has not said Hello within this time is closed. */
const HELLO_TIMEOUT_MS = 5_000;
/** WebSocket close codes (RFC 6455, section 7.4.1). */
const CLOSE = { goingAway: 1001, protocolError: 1002, tryAgainLater: 1013 } as const;
/** After an Error about the connection the client gets this long to take it and close, then it is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

const NOTHING: Uint8Array = new Uint8Array(0);
const NO_LIMITS: SessionLimits = {
  appendBytesMax: 0,
  eventBytesMax: 0,
  transactionBytesMax: 0,
  messageBytesMax: 0,
  inFlightAppendsMax: 0,
  openReadsMax: 0,
  subscriptionsMax: 0,
};
const NO_CLUSTER = 'this node belongs to no cluster yet; try another one, or this one again later';
const BEHIND_UNKNOWN: Rejection = {
  code: 'no-leader',
  message:
    'the leader has changed, and the outcome of an earlier append of this connection is unknown; nothing was written; connect anew',
  details: {},
};
const NO_HELLO = { kind: 'invalid', reason: 'the first frame is not a Hello' } as const;

export class ClientSession implements AppendSink, ServerSession {
  readonly #socket: WebSocket;
  readonly #parts: SessionParts;
  readonly #outbox: Outbox;
  /** From the Hello on. */
  #reads: SessionReads | undefined;
  #limits: SessionLimits = NO_LIMITS;
  readonly #append = new AppendCursor();
  readonly #frames = new FrameReader();
  readonly #run = { bytes: NOTHING, at: 0, appendsLeft: 0 };
  /** Messages not worked through yet; few, as the socket is paused while the session can't go on. */
  readonly #backlog: Uint8Array[] = [];
  #timer: NodeJS.Timeout;
  #state: 'hello' | 'open' | 'closed' = 'hello';
  /** `#frames` stands on a frame that is still to be taken. */
  #isAtFrame = false;
  #isWaiting = false;
  #inFlightAppends = 0;
  /** Set while appends with different ack policies are in flight. */
  #order: AnswerOrder | undefined;
  /** Why no further append of this connection is taken. */
  #interruption: Rejection | undefined;

  constructor(socket: WebSocket, remote: string, parts: SessionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#outbox = new Outbox(socket, parts.garbage, {
      congested: (isCongested) => this.#congested(isCongested),
      stalled: () =>
        this.#fail('slow-consumer', 'the client does not read what it asked for', CLOSE.tryAgainLater),
    });
    this.#timer = setTimeout(() => this.#protocolError('no Hello within 5 s'), HELLO_TIMEOUT_MS);
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on('error', (error) => parts.log.debug({ remote, error: error.message }, 'connection failed'));
    socket.once('close', () => this.#closed());
  }

  appended(token: number, revision: number, position: number, isDuplicate: boolean): void {
    this.#sayAppended(token, isDuplicate ? APPENDED_DUPLICATE : 0, revision, position);
    this.#order?.noteEarlier();
  }

  appendedParts(token: number, revisions: readonly number[], position: number, isDuplicate: boolean): void {
    this.#sayAppendedParts(token, revisions, position, isDuplicate);
    this.#order?.noteEarlier();
  }

  rejected(token: number, rejection: Rejection): void {
    this.#sayRejected(token, rejection);
    this.#order?.noteEarlier();
  }

  #sayAppended(token: number, flags: number, revision: number, position: number): void {
    this.#inFlightAppends--;
    if (this.#state === 'open') this.#outbox.frames().appended(token, flags, revision, position);
  }

  #sayAppendedParts(
    token: number,
    revisions: readonly number[],
    position: number,
    isDuplicate: boolean,
  ): void {
    this.#inFlightAppends--;
    if (this.#state === 'open')
      encodeAppendedParts(this.#outbox.frames(), token, { revisions, position, duplicate: isDuplicate });
  }

  #sayRejected(token: number, rejection: Rejection): void {
    this.#inFlightAppends--;
    if (isInterruption(rejection.code)) this.#interrupt(rejection);
    this.#refuse(token, rejection);
  }

  get isGreeted(): boolean {
    return this.#state !== 'hello';
  }

  tooMuchBeforeHello(): void {
    this.#protocolError('a message of this size before the Hello');
  }

  stop(): void {
    this.#fail('shutting-down', 'the node is shutting down', CLOSE.goingAway);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#parts.garbage.received(data.length);
    if (this.#state === 'closed') return;
    if (!isBinary) {
      this.#protocolError('a text message; this protocol is binary');
    } else {
      this.#backlog.push(data);
      if (this.#backlog.length > 1) return;
      this.#frames.open(data);
      this.#work();
    }
  }

  /**
   * Works through the backlog until nothing is left, or there is no room for a frame, which is then taken again later, or
   * the answers pile up: tiny requests have answers many times their size.
   */
  #work(): void {
    const frames = this.#frames;
    while (this.#backlog.length > 0 && this.#state !== 'closed' && !this.#outbox.isCongested) {
      if (this.#isAtFrame || frames.next()) {
        if (this.#takeRun()) continue;
        const outcome = this.#takeFrame();
        this.#isAtFrame = outcome !== 'taken';
        if (outcome === 'taken') continue;
        this.#wait(outcome);
        return;
      }
      if (frames.fault === undefined) this.#endMessage();
      else this.#protocolError(frames.fault);
    }
  }

  /** Hands over the appends that can go together, from the current frame on; false if there is none. */
  #takeRun(): boolean {
    const { bytes, at, opcode } = this.#frames;
    if (opcode !== OPCODE.append || this.#state !== 'open' || this.#interruption !== undefined) return false;
    if (this.#order?.isDone === true) this.#order = undefined;
    if (this.#order !== undefined) return false;
    const run = this.#run;
    const appendsMax = this.#limits.inFlightAppendsMax - this.#inFlightAppends;
    run.bytes = bytes;
    run.at = at;
    run.appendsLeft = appendsMax;
    this.#parts.node.appends.appendRun(run, this);
    if (run.at === at) return false;
    this.#inFlightAppends += appendsMax - run.appendsLeft;
    this.#frames.skipTo(run.at);
    this.#isAtFrame = false;
    return true;
  }

  #endMessage(): void {
    this.#backlog.shift();
    if (this.#backlog.length > 0) this.#frames.open(this.#backlog[0]!);
  }

  /** Handles one frame, unless that has to wait. */
  #takeFrame(): AppendOutcome {
    const frames = this.#frames;
    if (this.#state === 'hello') this.#takeHello();
    else if (frames.opcode === OPCODE.append) return this.#takeAppend();
    else this.#takeOther();
    return 'taken';
  }

  /** A frame that never has to wait. */
  #takeOther(): void {
    const frames = this.#frames;
    switch (frames.opcode) {
      case OPCODE.readStream:
      case OPCODE.readAll:
      case OPCODE.credit:
      case OPCODE.cancel:
      case OPCODE.streamInfo: {
        const fault = this.#reads?.take(frames);
        if (fault !== undefined) this.#protocolError(fault);
        return;
      }
      case OPCODE.gossip:
        this.#takeGossip();
        return;
      default:
        this.#protocolError(`a frame of unknown opcode ${frames.opcode}`);
    }
  }

  #takeAppend(): AppendOutcome {
    const { bytes, view, at, length, requestId } = this.#frames;
    const { appends } = this.#parts.node;
    const limits = this.#limits;
    if (this.#inFlightAppends >= limits.inFlightAppendsMax) {
      this.#refuse(requestId, tooManyAppends(limits.inFlightAppendsMax));
      return 'taken';
    }
    let refusal =
      length > limits.appendBytesMax
        ? appendTooLarge(length, limits)
        : (invalidAppend(this.#append.open(bytes, view, at, length)) ?? this.#interruption);
    if (refusal === undefined) {
      if (this.#append.saysAckPolicy) this.#order ??= this.#newOrder();
      const outcome = appends.append(this.#append, this.#order ?? this, requestId);
      if (outcome === 'retry' || outcome === 'sought') return outcome;
      if (outcome !== 'taken') {
        refusal = outcome;
        this.#interrupt(outcome);
      }
    }
    this.#inFlightAppends++;
    this.#order?.expect(requestId);
    if (refusal !== undefined) appends.refuse(this.#order ?? this, requestId, refusal);
    return 'taken';
  }

  /** From now on answers have to be put in order: not all appends of this connection wait for the same. */
  #newOrder(): AnswerOrder {
    const sink: AppendSink = {
      appended: (token, revision, position, isDuplicate) =>
        this.#sayAppended(token, isDuplicate ? APPENDED_DUPLICATE : 0, revision, position),
      appendedParts: (token, revisions, position, isDuplicate) =>
        this.#sayAppendedParts(token, revisions, position, isDuplicate),
      rejected: (token, rejection) => this.#sayRejected(token, rejection),
    };
    return new AnswerOrder(sink, this.#inFlightAppends);
  }

  /** From now on appends are refused: what came behind one that has to be sent again must not overtake it. */
  #interrupt(rejection: Rejection): void {
    this.#interruption ??= rejection.code === 'outcome-unknown' ? BEHIND_UNKNOWN : rejection;
  }

  #takeGossip(): void {
    const { requestId } = this.#frames;
    const invalid = checkGossip(this.#frames);
    if (invalid === undefined) encodeGossipReply(this.#outbox.frames(), requestId, this.#parts.node.gossip());
    else this.#refuse(requestId, { code: 'invalid-request', message: invalid.reason, details: {} });
  }

  #takeHello(): void {
    const hello = this.#frames.opcode === OPCODE.hello ? decodeHello(this.#frames) : NO_HELLO;
    if (hello.kind === 'invalid') {
      this.#protocolError(hello.reason);
      return;
    }
    const { lowestVersion, highestVersion } = hello.frame;
    if (lowestVersion > PROTOCOL_VERSION || highestVersion < PROTOCOL_VERSION) {
      const message = `this server speaks protocol version ${PROTOCOL_VERSION}, the client ${lowestVersion} to ${highestVersion}`;
      this.#fail('version-mismatch', message, CLOSE.protocolError);
      return;
    }
    const { served } = this.#parts.node;
    if (served === undefined) this.#fail('no-cluster', NO_CLUSTER, CLOSE.tryAgainLater);
    else this.#welcome(served);
  }

  #welcome(served: ServedLog): void {
    const { limits, logId } = served;
    const { node, serverVersion } = this.#parts;
    clearTimeout(this.#timer);
    this.#state = 'open';
    this.#limits = limits;
    this.#reads = new SessionReads(node, served, this.#outbox);
    const logIdBytes = new Uint8Array(16);
    assert(parseUuid(logId, logIdBytes, 0), 'the log id is a UUID');
    encodeWelcome(this.#outbox.frames(), {
      ...limits,
      version: PROTOCOL_VERSION,
      logId: logIdBytes,
      serverVersion,
    });
  }

  /** Until there is room for the append that the session stands at, or what it rests on is found. */
  #wait(outcome: 'retry' | 'sought'): void {
    const { appends } = this.#parts.node;
    const goOn = () => {
      this.#isWaiting = false;
      if (this.#state !== 'open') return;
      this.#pause(this.#outbox.isCongested);
      this.#work();
    };
    this.#isWaiting = true;
    this.#socket.pause();
    if (outcome === 'retry') appends.whenRoom(goOn);
    else appends.whenFound(goOn);
  }

  #congested(isCongested: boolean): void {
    this.#pause(isCongested);
    if (!isCongested && !this.#isWaiting) this.#work();
  }

  #pause(isCongested: boolean): void {
    if (isCongested || this.#isWaiting) this.#socket.pause();
    else this.#socket.resume();
  }

  #refuse(requestId: number, rejection: Rejection): void {
    if (this.#state === 'open') encodeError(this.#outbox.frames(), requestId, rejection);
  }

  #protocolError(message: string): void {
    this.#fail('protocol-error', message, CLOSE.protocolError);
  }

  /** Says why, and closes the connection. */
  #fail(code: Rejection['code'], message: string, closeCode: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    encodeError(this.#outbox.frames(), 0, { code, message, details: {} });
    this.#outbox.flush();
    this.#reads?.close();
    this.#socket.resume();
    this.#socket.close(closeCode, code);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
    this.#timer.unref();
  }

  #closed(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#backlog.length = 0;
    this.#reads?.close();
    this.#outbox.close();
  }
}

function tooManyAppends(limit: number): Rejection {
  return {
    code: 'too-many-requests',
    message: `${limit} appends of this connection are unanswered; wait for answers before sending more`,
    details: { limit },
  };
}

function appendTooLarge(bytes: number, { appendBytesMax }: SessionLimits): Rejection {
  return {
    code: 'request-too-large',
    message: `an append of ${bytes} bytes exceeds this server's limit of ${appendBytesMax}; split it, or raise MaxAppendSize`,
    details: { bytes, limit: appendBytesMax },
  };
}

function invalidAppend(fault: string | undefined): Rejection | undefined {
  return fault === undefined ? undefined : { code: 'invalid-request', message: fault, details: {} };
}
