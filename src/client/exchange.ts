/**
 * Everything that a client has open with the server (appends, reads, questions), over whichever connection there is at the
 * moment. What is asked during a turn of the event loop leaves as one message; what is unanswered when a connection is
 * lost is asked again over the next, in the old order. Node and browsers.
 */

import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import { decodeAppended, decodeError, decodeStreamInfoReply, encodeGossip } from '../wire/answer-frames.js';
import type { OpenFrame } from '../wire/frame-reader.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { OPCODE, type ReadConsistency } from '../wire/frames.js';
import { isInterruption, leavesOutcomeOpen } from '../wire/interruptions.js';
import { AppendEncoder, type AppendRequest, isForQuorum } from './append-encoder.js';
import { type AppendAnswer, AppendQueue } from './append-queue.js';
import { type Connection, type ServerWelcome, serverError } from './connection.js';
import { type DeadlineOwner, Deadlines } from './deadlines.js';
import { Departure } from './departure.js';
import { type Gossip, GossipQuestion } from './gossip-question.js';
import { NameDecoder } from './names.js';
import { OpenRead, type ReadPort, type ReadRange } from './open-read.js';
import { OpenReads } from './open-reads.js';
import type { ResolvedOptions } from './options.js';
import {
  answerRefused,
  answerTimeout,
  appendRefused,
  appendTimeout,
  appendUnanswered,
  overtaken,
  queueFull,
} from './outcomes.js';
import { Questions, type StreamInfo } from './questions.js';
import { Turn } from './turn.js';

/** One question at a time has it, and nothing else. */
const GOSSIP_REQUEST_ID = 0xffff_ffff;
const REQUEST_ID_MAX = GOSSIP_REQUEST_ID - 1;
/** A turn with more to send than this sends it in parts: the server works on the first while the next is made. */
const MESSAGE_BYTES = 32 * 1024;
const UNKNOWN_REQUEST = 'an answer to nothing that is open';

export class Exchange implements ReadPort, DeadlineOwner {
  readonly names = new NameDecoder();
  /** Called when something is unanswered and nothing was heard for a while, and again after each further such while. */
  whenSilent: (() => void) | undefined;
  readonly #options: ResolvedOptions;
  readonly #turn = new Turn(() => this.#turnEnd());
  readonly #encoder = new AppendEncoder();
  readonly #reads = new OpenReads();
  readonly #questions = new Questions();
  readonly #appendFrames = new FrameWriter();
  readonly #appends = new AppendQueue((slab) => this.#appendFrames.recycle(slab));
  readonly #otherFrames = new FrameWriter();
  #connection: Connection | undefined;
  #limits: ServerWelcome | undefined;
  /** Why nothing more is taken on. */
  #refusal: CairnError | undefined;
  #lastRequestId = 0;
  readonly #deadlines: Deadlines;
  #whenIdle: (() => void) | undefined;
  readonly #departure = new Departure();
  /** Why the last append that was refused by an interruption was. */
  #lastRefusal: CairnError | undefined;
  readonly #gossip = new GossipQuestion();

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.requestTimeoutMs, this);
  }

  get windowBytes(): number {
    return this.#options.readWindowBytes;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Whether there are subscriptions. */
  get isFollowing(): boolean {
    return this.#reads.isFollowing;
  }

  /** When anything was heard from the server last. */
  get heardMs(): number {
    return this.#deadlines.heardMs;
  }

  /** Appends that wait for their answers. */
  get pendingAppends(): number {
    return this.#appends.size;
  }

  /** There is a connection: asks everything that is unanswered, and what has come up meanwhile. */
  resume(connection: Connection): void {
    this.#connection = connection;
    this.#limits = connection.welcome;
    this.#deadlines.heardMs = performance.now();
    this.#sendAppends();
    for (const read of this.#reads.all()) read.request();
    this.#askQuestions();
  }

  /** The connection is gone, there may be another. */
  suspend(): void {
    this.#connection = undefined;
    this.#departure.over();
    this.#gossip.lost();
    this.#appends.unsend();
    this.#questions.unask();
    this.#otherFrames.take();
    for (const read of this.#reads.all()) read.suspend();
  }

  /** Takes on nothing more, for this reason, and gives up the reads; what else is open goes on. */
  refuse(error: CairnError): void {
    this.#refusal = error;
    for (const read of this.#reads.all()) read.abandon(error);
  }

  /** There will be no connection any more. */
  fail(error: CairnError): void {
    this.#refusal ??= error;
    this.#connection = undefined;
    this.#deadlines.stop();
    this.#departure.over();
    this.#gossip.lost();
    this.#appends.drain((entry, wasSent) => entry.reject(appendUnanswered(error, wasSent)));
    this.#questions.fail(error);
    for (const read of this.#reads.all()) read.fail(error);
    this.#tellIdle();
  }

  /** Calls back once when no append and no question is open; perhaps at once. */
  whenIdle(callback: () => void): void {
    this.#whenIdle = callback;
    this.#tellIdle();
  }

  /** Resolves when no append is in flight, or the connection is lost; none is sent any more over this connection. */
  quiesce(): Promise<void> {
    const quiet = this.#departure.quiet();
    if (this.#appends.inFlight === 0) this.#departure.nothingInFlight();
    return quiet;
  }

  /** Goes on over the same connection after {@link quiesce}. */
  unquiesce(): void {
    this.#departure.over();
    this.#sendAppends();
  }

  /** What the node says about its cluster; undefined if the connection is lost before it does. One question at a time. */
  askGossip(): Promise<Gossip | undefined> {
    if (this.#connection === undefined || this.#gossip.isOpen) return Promise.resolve(undefined);
    encodeGossip(this.outgoing(), GOSSIP_REQUEST_ID);
    return this.#gossip.asked(GOSSIP_REQUEST_ID);
  }

  append(request: AppendRequest): Promise<AppendAnswer> {
    const requestId = this.#nextRequestId();
    let length: number;
    try {
      length = this.#encode(requestId, request);
    } catch (error) {
      return Promise.reject(error);
    }
    const at = this.#appendFrames.length - length;
    const deadlineMs = this.#turn.begin() + this.#options.requestTimeoutMs;
    const frame = { requestId, at, length, deadlineMs, isForQuorum: isForQuorum(request) };
    const answer = this.#appends.add(frame);
    if (at + length >= MESSAGE_BYTES) this.#finishMessage();
    return answer;
  }

  ask(stream: string, consistency: ReadConsistency): Promise<StreamInfo | undefined> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const requestId = this.#nextRequestId();
    const deadlineMs = this.nowMs() + this.#options.requestTimeoutMs;
    const answer = this.#questions.add(requestId, stream, consistency, deadlineMs);
    this.#askQuestions();
    return answer;
  }

  /** Throws if the client is closed. */
  read(range: ReadRange): OpenRead {
    if (this.#refusal !== undefined) throw this.#refusal;
    const requestId = this.#nextRequestId();
    const read = new OpenRead(requestId, range, this);
    this.#reads.add(requestId, read);
    if (this.isConnected) read.request();
    return read;
  }

  outgoing(): FrameWriter {
    this.#turn.begin();
    return this.#otherFrames;
  }

  over(requestId: number): void {
    this.#reads.over(requestId);
  }

  atLeast(): number {
    return this.#reads.seen();
  }

  nowMs(): number {
    return this.#turn.begin();
  }

  /** Takes a frame from the server; returns what is wrong with it. */
  frame(opcode: number, frame: OpenFrame): string | undefined {
    switch (opcode) {
      case OPCODE.appended:
        return this.#appended(frame);
      case OPCODE.events: {
        const read = this.#reads.get(frame.requestId);
        return read === undefined ? UNKNOWN_REQUEST : read.frame(frame);
      }
      case OPCODE.streamInfoReply: {
        const decoded = decodeStreamInfoReply(frame);
        if (decoded.kind === 'invalid') return decoded.reason;
        if (decoded.frame.revision >= 0) this.#reads.saw(decoded.frame.position + 1);
        return this.#questions.answer(frame.requestId, decoded.frame) ? undefined : UNKNOWN_REQUEST;
      }
      case OPCODE.gossipReply:
        return this.#gossip.answer(frame);
      case OPCODE.error:
        return this.#error(frame);
      default:
        return `a frame with opcode ${opcode}`;
    }
  }

  /** A message has been worked through: there may be room for more in flight. */
  messageEnd(): void {
    this.#deadlines.heardMs = performance.now();
    this.#sendAppends();
    this.#askQuestions();
    this.#tellIdle();
    if (this.#departure.isUnderWay && this.#appends.inFlight === 0) this.#departure.nothingInFlight();
  }

  #appended(frame: OpenFrame): string | undefined {
    const decoded = decodeAppended(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const entry = this.#appends.answered(frame.requestId);
    if (entry === undefined) return this.#unexpected();
    const answer = decoded.frame;
    this.#lastRefusal = undefined;
    if (entry.isForQuorum) this.#reads.saw(answer.position + 1);
    if (!entry.isSettled) entry.resolve(answer);
    return undefined;
  }

  #error(frame: OpenFrame): string | undefined {
    const decoded = decodeError(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const error = serverError(decoded.frame);
    const { requestId } = frame;
    if (error.code === 'shutting-down') {
      // The outcome is unknown, and so is that of all behind it: everything is asked again, over the next connection.
      this.#connection?.abort(error);
      return undefined;
    }
    const isElsewhere = isInterruption(error.code) && !this.#isUnwanted(error);
    if (isElsewhere && this.#questions.askLater(requestId, error)) return this.#leave(error);
    if (this.#questions.refuse(requestId, error)) return undefined;
    const read = this.#reads.get(requestId);
    if (read !== undefined) {
      if (!isElsewhere) read.fail(error);
      else read.refused(error);
      return isElsewhere ? this.#leave(error) : undefined;
    }
    if (isInterruption(error.code)) return this.#interrupted(requestId, error);
    const entry = this.#appends.answered(requestId);
    if (entry === undefined) return this.#unexpected();
    if (!entry.isSettled) entry.reject(error);
    return undefined;
  }

  /** A read wants the leader, and the user does not want the client to go there. */
  #isUnwanted({ code }: CairnError): boolean {
    return code === 'not-leader' && this.#options.nodePreference !== 'leader';
  }

  /** This node can't decide about the append, nor about those behind it: they are sent again, over another connection. */
  #interrupted(requestId: number, error: CairnError): string | undefined {
    const isOpen = leavesOutcomeOpen(error.code);
    if (!this.#appends.refused(requestId, isOpen)) return UNKNOWN_REQUEST;
    if (!isOpen) this.#lastRefusal = error;
    return this.#leave(error);
  }

  /** Leaves the connection when what is in flight on it is answered. */
  #leave(error: CairnError): undefined {
    this.#departure.because(error, (reason) => this.#connection?.abort(reason));
  }

  /** An answer that fits to nothing; if it is to an append behind one that was refused, sending again puts that right. */
  #unexpected(): string | undefined {
    if (!this.#appends.isInterrupted) return UNKNOWN_REQUEST;
    this.#connection?.abort(overtaken());
    return undefined;
  }

  #encode(requestId: number, request: AppendRequest): number {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { maxQueuedBytes } = this.#options;
    if (this.#appends.bytes >= maxQueuedBytes) throw queueFull(maxQueuedBytes);
    assert(this.#limits !== undefined, 'a client is given out when it is connected');
    if (request instanceof Uint8Array) {
      return this.#encoder.copy(this.#appendFrames, requestId, request, this.#limits);
    }
    return this.#encoder.encode(this.#appendFrames, requestId, request, this.#limits);
  }

  #nextRequestId(): number {
    // A remainder would be one of floating point numbers, for which the processor has no instruction.
    do this.#lastRequestId = this.#lastRequestId === REQUEST_ID_MAX ? 1 : this.#lastRequestId + 1;
    while (this.#isOpen(this.#lastRequestId));
    return this.#lastRequestId;
  }

  /** Whether a read or a question has this id; appends come and go too fast to meet it again. */
  #isOpen(requestId: number): boolean {
    if (this.#reads.size > 0 && this.#reads.get(requestId) !== undefined) return true;
    return this.#questions.size > 0 && this.#questions.has(requestId);
  }

  #turnEnd(): void {
    this.#finishMessage();
    if (this.#otherFrames.length > 0) this.#connection?.send(this.#otherFrames.take());
    this.#deadlines.watch();
  }

  /** What was encoded up to here is a message, to be sent as soon as there is room in flight. */
  #finishMessage(): void {
    if (this.#appendFrames.length > 0) this.#appends.encoded(this.#appendFrames.take());
    this.#sendAppends();
  }

  #sendAppends(): void {
    if (this.#connection === undefined || this.#departure.isUnderWay) return;
    const { inFlightAppendsMax, messageBytesMax } = this.#connection.welcome;
    const inFlightMax = Math.min(this.#options.maxInFlight, inFlightAppendsMax);
    for (;;) {
      const run = this.#appends.nextRun(inFlightMax, messageBytesMax);
      if (run === undefined) return;
      this.#connection.send(run);
    }
  }

  #askQuestions(): void {
    if (this.#connection === undefined || this.#departure.isUnderWay || this.#questions.size === 0) return;
    const { openReadsMax } = this.#connection.welcome;
    this.#questions.write(openReadsMax, this.atLeast(), () => this.outgoing());
  }

  #tellIdle(): void {
    if (this.#whenIdle === undefined || this.#appends.size > 0 || this.#questions.size > 0) return;
    const callback = this.#whenIdle;
    this.#whenIdle = undefined;
    callback();
  }

  firstDeadlineMs(): number {
    return Math.min(
      this.#appends.firstDeadlineMs(),
      this.#questions.firstDeadlineMs(),
      this.#reads.firstDeadlineMs(this.#options.requestTimeoutMs),
    );
  }

  expire(nowMs: number): void {
    const { requestTimeoutMs } = this.#options;
    const late = (refusal: CairnError | undefined) =>
      refusal === undefined ? answerTimeout(requestTimeoutMs) : answerRefused(requestTimeoutMs, refusal);
    let anyExpired = this.#questions.expire(nowMs, late);
    this.#appends.expire(nowMs, (entry, mayBeWritten) => {
      anyExpired = true;
      const refusal = mayBeWritten ? undefined : this.#lastRefusal;
      if (refusal === undefined) entry.reject(appendTimeout(requestTimeoutMs, mayBeWritten));
      else entry.reject(appendRefused(requestTimeoutMs, refusal));
    });
    if (this.#reads.expire(nowMs, requestTimeoutMs, late)) anyExpired = true;
    // Nothing at all for so long: the other end may be gone without a word, which TCP alone would notice in minutes.
    if (anyExpired && nowMs - this.#deadlines.heardMs >= requestTimeoutMs)
      this.#connection?.abort(answerTimeout(requestTimeoutMs));
  }

  silent(): void {
    if (this.#connection !== undefined) this.whenSilent?.();
  }
}
