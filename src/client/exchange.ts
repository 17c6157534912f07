/**
 * Everything that a client has open with the server (appends, reads, questions), over whichever connection there is at the
 * moment. What is asked during a turn of the event loop leaves as one message; what is unanswered when a connection is
 * lost is asked again over the next, in the old order. Node and browsers.
 */

import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import { decodeAppended, decodeError, decodeStreamInfoReply } from '../wire/answer-frames.js';
import type { OpenFrame } from '../wire/frame-reader.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { OPCODE } from '../wire/frames.js';
import { AppendEncoder, type AppendRequest } from './append-encoder.js';
import { AppendQueue, type AppendResult } from './append-queue.js';
import { type Connection, type ServerWelcome, serverError } from './connection.js';
import { NameDecoder } from './names.js';
import { OpenRead, type ReadPort, type ReadRange } from './open-read.js';
import type { ResolvedOptions } from './options.js';
import { answerTimeout, appendTimeout, appendUnanswered, queueFull } from './outcomes.js';
import { Questions, type StreamInfo } from './questions.js';
import { atTurnEnd, Turn } from './turn.js';

const REQUEST_ID_MAX = 0xffff_ffff;
/** A turn with more to send than this sends it in parts: the server works on the first while the next is made. */
const MESSAGE_BYTES = 32 * 1024;
const UNKNOWN_REQUEST = 'an answer to nothing that is open';

export class Exchange implements ReadPort {
  readonly names = new NameDecoder();
  readonly #options: ResolvedOptions;
  readonly #turn = new Turn(() => this.#turnEnd());
  readonly #encoder = new AppendEncoder();
  readonly #reads = new Map<number, OpenRead>();
  readonly #questions = new Questions();
  readonly #appendFrames = new FrameWriter();
  readonly #appends = new AppendQueue((slab) => this.#appendFrames.recycle(slab));
  readonly #otherFrames = new FrameWriter();
  #connection: Connection | undefined;
  #limits: ServerWelcome | undefined;
  /** Why nothing more is taken on. */
  #refusal: CairnError | undefined;
  #isOver = false;
  #lastRequestId = 0;
  #heardMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  get windowBytes(): number {
    return this.#options.readWindowBytes;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Appends that wait for their answers. */
  get pendingAppends(): number {
    return this.#appends.size;
  }

  /** There is a connection: asks everything that is unanswered, and what has come up meanwhile. */
  resume(connection: Connection): void {
    this.#connection = connection;
    this.#limits = connection.welcome;
    this.#heardMs = performance.now();
    this.#sendAppends();
    for (const read of [...this.#reads.values()]) read.request();
    this.#askQuestions();
  }

  /** The connection is gone, there may be another. */
  suspend(): void {
    this.#connection = undefined;
    this.#appends.unsend();
    this.#questions.unask();
    this.#otherFrames.take();
    for (const read of [...this.#reads.values()]) read.suspend();
  }

  /** Takes on nothing more, for this reason, and gives up the reads; what else is open goes on. */
  refuse(error: CairnError): void {
    this.#refusal = error;
    for (const read of [...this.#reads.values()]) read.abandon(error);
  }

  /** There will be no connection any more. */
  fail(error: CairnError): void {
    this.#refusal ??= error;
    this.#isOver = true;
    this.#connection = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#appends.drain((entry, wasSent) => entry.reject(appendUnanswered(error, wasSent)));
    this.#questions.fail(error);
    for (const read of [...this.#reads.values()]) read.fail(error);
    this.#tellIdle();
  }

  /** Calls back once when no append and no question is open; perhaps at once. */
  whenIdle(callback: () => void): void {
    this.#whenIdle = callback;
    this.#tellIdle();
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const requestId = this.#nextRequestId();
    let length: number;
    try {
      length = this.#encode(requestId, request);
    } catch (error) {
      return Promise.reject(error);
    }
    const at = this.#appendFrames.length - length;
    const deadlineMs = this.#turn.begin() + this.#options.requestTimeoutMs;
    const result = new Promise<AppendResult>((resolve, reject) => {
      const message = undefined;
      const isSettled = false;
      this.#appends.push({ requestId, at, length, message, deadlineMs, isSettled, resolve, reject });
    });
    if (at + length >= MESSAGE_BYTES) this.#finishMessage();
    return result;
  }

  ask(stream: string): Promise<StreamInfo | undefined> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const requestId = this.#nextRequestId();
    const answer = this.#questions.add(requestId, stream, this.nowMs() + this.#options.requestTimeoutMs);
    this.#askQuestions();
    return answer;
  }

  /** Throws if the client is closed. */
  read(range: ReadRange): OpenRead {
    if (this.#refusal !== undefined) throw this.#refusal;
    const requestId = this.#nextRequestId();
    const read = new OpenRead(requestId, range, this);
    this.#reads.set(requestId, read);
    if (this.isConnected) read.request();
    return read;
  }

  outgoing(): FrameWriter {
    this.#turn.begin();
    return this.#otherFrames;
  }

  over(requestId: number): void {
    this.#reads.delete(requestId);
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
        return this.#questions.answer(frame.requestId, decoded.frame) ? undefined : UNKNOWN_REQUEST;
      }
      case OPCODE.error:
        return this.#error(frame);
      default:
        return `a frame with opcode ${opcode}`;
    }
  }

  /** A message has been worked through: there may be room for more in flight. */
  messageEnd(): void {
    this.#heardMs = performance.now();
    this.#sendAppends();
    this.#askQuestions();
    this.#tellIdle();
  }

  #appended(frame: OpenFrame): string | undefined {
    const decoded = decodeAppended(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const entry = this.#appends.answered(frame.requestId);
    if (entry === undefined) return UNKNOWN_REQUEST;
    const { revision, position, isDuplicate } = decoded.frame;
    if (!entry.isSettled) entry.resolve({ revision, position, duplicate: isDuplicate });
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
    if (this.#questions.refuse(requestId, error)) return undefined;
    const read = this.#reads.get(requestId);
    if (read !== undefined) {
      read.fail(error);
      return undefined;
    }
    const entry = this.#appends.answered(requestId);
    if (entry === undefined) return UNKNOWN_REQUEST;
    if (!entry.isSettled) entry.reject(error);
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
    do this.#lastRequestId = (this.#lastRequestId % REQUEST_ID_MAX) + 1;
    while (this.#isOpen(this.#lastRequestId));
    return this.#lastRequestId;
  }

  /** Whether a read or a question has this id; appends come and go too fast to meet it again. */
  #isOpen(requestId: number): boolean {
    if (this.#reads.size > 0 && this.#reads.has(requestId)) return true;
    return this.#questions.size > 0 && this.#questions.has(requestId);
  }

  #turnEnd(): void {
    this.#finishMessage();
    if (this.#otherFrames.length > 0) this.#connection?.send(this.#otherFrames.take());
    if (this.#timer === undefined && !this.#isOver) this.#watch();
  }

  /** What was encoded up to here is a message, to be sent as soon as there is room in flight. */
  #finishMessage(): void {
    if (this.#appendFrames.length > 0) this.#appends.encoded(this.#appendFrames.take());
    this.#sendAppends();
  }

  #sendAppends(): void {
    if (this.#connection === undefined) return;
    const { inFlightAppendsMax, messageBytesMax } = this.#connection.welcome;
    const inFlightMax = Math.min(this.#options.maxInFlight, inFlightAppendsMax);
    for (;;) {
      const run = this.#appends.nextRun(inFlightMax, messageBytesMax);
      if (run === undefined) return;
      this.#connection.send(run);
    }
  }

  #askQuestions(): void {
    if (this.#connection === undefined) return;
    this.#questions.write(this.#connection.welcome.openReadsMax, () => this.outgoing());
  }

  #tellIdle(): void {
    if (this.#whenIdle === undefined || this.#appends.size > 0 || this.#questions.size > 0) return;
    const callback = this.#whenIdle;
    this.#whenIdle = undefined;
    callback();
  }

  /** Sets the timer to the next deadline, if anything is open. */
  #watch(): void {
    const deadlineMs = this.#firstDeadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
    // At the end of a turn: when the process was busy for long, answers may have come that it has not looked at yet.
    this.#timer = setTimeout(() => atTurnEnd(this.#checkDeadlines), delayMs);
  }

  readonly #checkDeadlines = () => {
    this.#timer = undefined;
    if (this.#isOver) return;
    this.#expire(performance.now());
    this.#watch();
  };

  #firstDeadlineMs(): number {
    let first = Math.min(this.#appends.firstDeadlineMs(), this.#questions.firstDeadlineMs());
    for (const { waitingSinceMs } of this.#reads.values()) {
      if (waitingSinceMs !== undefined)
        first = Math.min(first, waitingSinceMs + this.#options.requestTimeoutMs);
    }
    return first;
  }

  #expire(nowMs: number): void {
    const { requestTimeoutMs } = this.#options;
    let anyExpired = this.#questions.expire(nowMs, () => answerTimeout(requestTimeoutMs));
    this.#appends.expire(nowMs, (entry, wasSent) => {
      anyExpired = true;
      entry.reject(appendTimeout(requestTimeoutMs, wasSent));
    });
    for (const read of [...this.#reads.values()]) {
      if ((read.waitingSinceMs ?? Number.POSITIVE_INFINITY) + requestTimeoutMs > nowMs) continue;
      anyExpired = true;
      read.abandon(answerTimeout(requestTimeoutMs));
    }
    // Nothing at all for so long: the other end may be gone without a word, which TCP alone would notice in minutes.
    if (anyExpired && nowMs - this.#heardMs >= requestTimeoutMs)
      this.#connection?.abort(answerTimeout(requestTimeoutMs));
  }
}
