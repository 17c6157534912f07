/**
 * Hands the appends that come to a follower on to its leader, over one connection, and the leader's answers back. Main thread. What always holds: the
 * appends of a client reach a leader in the order in which they came, and each is answered, in that order; one that may have been written is never
 * sent a second time, as only the client knows whether it still wants that.
 */
import type { ErrorCode } from '../base/errors.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome } from '../sequencer/sequencer.js';
import { decodeAppended, decodeError } from '../wire/answer-frames.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { FrameReader } from '../wire/frame-reader.js';
import { APPEND_REQUIRES_LEADER, FRAME_HEADER_BYTES, OPCODE } from '../wire/frames.js';
import type { Welcome } from '../wire/hello-frames.js';
import { isInterruption } from '../wire/interruptions.js';
import type { AppendPort } from './engine-port.js';
import { type ForwardedAppend, ForwardingQueue } from './forwarding-queue.js';
import { LeaderLink } from './leader-link.js';

export interface ForwarderOptions {
  /** Of this node, for the leader's log. */
  readonly clientName: string;
  /** The cluster's id. */
  readonly logId: string;
  /** How long an append waits for a leader to be found and reached, before it is refused: twice an election timeout is enough for an election. */
  readonly patienceMs: number;
  /** Whether this node hears from enough voters for one of them to lead; without it nobody can say. */
  readonly hearsQuorum?: () => boolean;
  /** The connection to the leader was lost, or could not be made. */
  readonly lost?: (url: string, reason: string) => void;
}

/** Of frames taken and not answered; or one append, however large. A leader a few milliseconds away is kept busy at a gigabyte a second. */
const FORWARD_BYTES_MAX = 16 * 1024 * 1024;
/** Entries cost memory besides their bytes. */
const FORWARD_APPENDS_MAX = 65_536;
/** Pause before the same leader is tried again; doubled up to the longest while it can't be reached. */
const RETRY_MS_MIN = 10;
const RETRY_MS_MAX = 200;
const REQUEST_ID_MAX = 0xffff_ffff;

export class Forwarder implements AppendPort {
  readonly #options: ForwarderOptions;
  readonly #queue = new ForwardingQueue();
  #leader: string | undefined;
  #link: LeaderLink | undefined;
  #welcome: Welcome | undefined;
  /** The leader takes nothing more over this connection. */
  #isInterrupted = false;
  #lastRequestId = 0;
  #retryMs = RETRY_MS_MIN;
  #retryTimer: NodeJS.Timeout | undefined;
  #patienceTimer: NodeJS.Timeout | undefined;
  /** Since when there is nobody to send to. */
  #lostMs = 0;
  #waitingForRoom: (() => void)[] = [];
  #isDeliveryScheduled = false;
  #isStopped = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Appends without an answer. */
  get pendingAppends(): number {
    return this.#queue.size;
  }

  /** Where the leader takes clients; undefined = no leader is known. What was sent to the one before and not answered has an unknown outcome. */
  setLeader(url: string | undefined): void {
    if (url === this.#leader || this.#isStopped) return;
    this.#leader = url;
    this.#retryMs = RETRY_MS_MIN;
    this.#dropLink();
    this.#connect();
  }

  /** This node leads now: what was not sent can't be sent to anybody, and is refused, so that the clients bring it again. */
  refuseUnsent(): void {
    const waiting = this.#queue.waitingEntries();
    this.#reject(waiting, noLeader('the leader has changed'));
    this.#deliver();
  }

  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection {
    if (this.#isStopped) return SHUTTING_DOWN;
    if (append.requiresLeader) return this.#notLeader();
    const { bytes: message, frameAt, frameLength: bytes } = append;
    if (!this.#hasRoom(bytes)) return 'retry';
    const entry = this.#push(sink, token, bytes);
    if (this.#canSend(entry)) {
      this.#send(entry, message, frameAt);
    } else {
      // The message's memory is its session's.
      entry.frame = message.slice(frameAt, frameAt + bytes);
      this.#watchPatience();
    }
    return 'taken';
  }

  appendRun(): void {
    // Takes none: each is looked at before it goes on its way, so that a leader hears nothing invalid from us.
  }

  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    this.#push(sink, token, 0).rejection = rejection;
    this.#deliverSoon();
  }

  whenRoom(callback: () => void): void {
    this.#waitingForRoom.push(callback);
  }

  /** Whoever waits for the node's own log, and it stopped leading, tries again here. */
  whenFound(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Answers all that is open with `shutting-down`, and takes nothing more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#leader = undefined;
    this.#reject([...this.#queue.inFlightEntries(), ...this.#queue.waitingEntries()], SHUTTING_DOWN);
    this.#dropLink();
    clearTimeout(this.#patienceTimer);
    this.#deliver();
    for (const callback of this.#waitingForRoom.splice(0)) callback();
  }

  #push(sink: AppendSink, token: number, bytes: number): ForwardedAppend {
    const sinceMs = performance.now();
    const entry = { sink, token, sinceMs, bytes, frame: undefined, requestId: 0, rejection: undefined };
    this.#queue.push(entry);
    return entry;
  }

  #hasRoom(bytes: number): boolean {
    const { size, bytes: held } = this.#queue;
    return size === 0 || (size < FORWARD_APPENDS_MAX && held + bytes <= FORWARD_BYTES_MAX);
  }

  /** Whether it is this one's turn, and the leader would take it. */
  #canSend(entry: ForwardedAppend): boolean {
    if (this.#link?.isOpen !== true || this.#isInterrupted || this.#queue.nextToSend !== entry) return false;
    return this.#queue.inFlight < this.#welcome!.inFlightAppendsMax;
  }

  /** Sends {@link ForwardingQueue.nextToSend}, whose frame is in `message`. */
  #send(entry: ForwardedAppend, message: Uint8Array, frameAt: number): void {
    const { bytes } = entry;
    this.#queue.sent();
    entry.frame = undefined;
    if (bytes > this.#welcome!.appendBytesMax) {
      entry.rejection = tooLarge(bytes, this.#welcome!.appendBytesMax);
      this.#deliverSoon();
      return;
    }
    this.#lastRequestId = (this.#lastRequestId % REQUEST_ID_MAX) + 1;
    entry.requestId = this.#lastRequestId;
    const frames = this.#link!.frames(bytes);
    frames.begin(OPCODE.append, message[frameAt + 5]! | APPEND_REQUIRES_LEADER, entry.requestId);
    frames.copy(message, frameAt + FRAME_HEADER_BYTES, bytes - FRAME_HEADER_BYTES);
    frames.end();
  }

  /** Sends what waits, as far as the leader lets. What has its answer already needs no sending. */
  #sendWaiting(): void {
    for (let entry = this.#queue.nextToSend; entry !== undefined; entry = this.#queue.nextToSend) {
      if (entry.rejection !== undefined) this.#queue.sent();
      else if (this.#canSend(entry)) this.#send(entry, entry.frame!, 0);
      else return;
    }
  }

  #connect(): void {
    clearTimeout(this.#retryTimer);
    const url = this.#leader;
    if (url === undefined || this.#link !== undefined) return;
    const { clientName, logId, patienceMs } = this.#options;
    this.#link = new LeaderLink(
      { url, clientName, logId, timeoutMs: patienceMs },
      {
        opened: (welcome) => this.#opened(welcome),
        answer: (frame) => this.#answer(frame),
        messageEnd: () => this.#messageEnd(),
        closed: (reason) => this.#closed(url, reason),
      },
    );
  }

  #opened(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#retryMs = RETRY_MS_MIN;
    clearTimeout(this.#patienceTimer);
    this.#patienceTimer = undefined;
    this.#sendWaiting();
  }

  #closed(url: string, reason: string): void {
    this.#options.lost?.(url, reason);
    this.#dropLink();
    this.#connectLater();
  }

  #connectLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryTimer.unref();
    this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
  }

  /** Whoever was sent something and not answered is told that its outcome is unknown. */
  #dropLink(): void {
    clearTimeout(this.#retryTimer);
    this.#link?.close();
    this.#link = undefined;
    this.#isInterrupted = false;
    if (this.#welcome !== undefined) this.#lostMs = performance.now();
    this.#welcome = undefined;
    this.#reject(this.#queue.inFlightEntries(), OUTCOME_UNKNOWN);
    this.#deliver();
    this.#watchPatience();
  }

  /** Takes an answer of the leader; returns what is wrong with it. */
  #answer(frame: FrameReader): string | undefined {
    const entry = this.#queue.oldest;
    if (entry === undefined || entry.requestId !== frame.requestId) return 'an answer out of turn';
    if (frame.opcode === OPCODE.error) return this.#refused(entry, frame);
    if (frame.opcode !== OPCODE.appended) return `a frame of opcode ${frame.opcode}`;
    const decoded = decodeAppended(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const { revision, position, duplicate, revisions } = decoded.frame;
    this.#queue.answered();
    if (revisions === undefined) entry.sink.appended(entry.token, revision, position, duplicate);
    else entry.sink.appendedParts(entry.token, revisions, position, duplicate);
    this.#deliver();
    return undefined;
  }

  #refused(entry: ForwardedAppend, frame: FrameReader): string | undefined {
    const decoded = decodeError(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    const { code, message, details } = decoded.frame;
    if (code === undefined) return `an error of unknown number ${decoded.frame.number}`;
    if (isInterruption(code)) this.#isInterrupted = true;
    this.#reject([entry], { code, message, details });
    this.#deliver();
    return undefined;
  }

  #messageEnd(): void {
    if (this.#isInterrupted && this.#queue.inFlight === 0) {
      // What waits goes to whoever leads then.
      this.#dropLink();
      this.#connectLater();
    }
    this.#sendWaiting();
    this.#deliver();
    this.#admitWaiting();
  }

  /**
   * Gives these their answer, for when their turn comes. If that is an interruption, then what the same clients have waiting behind is refused
   * as well: sent, it would overtake.
   */
  #reject(entries: readonly ForwardedAppend[], rejection: Rejection): void {
    const sinks = new Set<AppendSink>();
    for (const entry of entries) {
      if (entry.rejection !== undefined) continue;
      entry.rejection = rejection;
      sinks.add(entry.sink);
    }
    if (!isInterruption(rejection.code) || sinks.size === 0) return;
    for (const entry of this.#queue.waitingEntries()) {
      if (sinks.has(entry.sink)) entry.rejection ??= BEHIND_INTERRUPTED;
    }
  }

  /** Answers those whose turn it is and who have their answer. */
  #deliver(): void {
    this.#isDeliveryScheduled = false;
    this.#skipRejected();
    for (let entry = this.#queue.oldest; entry?.rejection !== undefined; entry = this.#queue.oldest) {
      this.#queue.answered();
      entry.sink.rejected(entry.token, entry.rejection);
      this.#skipRejected();
    }
    this.#admitWaiting();
  }

  #skipRejected(): void {
    while (this.#queue.nextToSend?.rejection !== undefined) this.#queue.sent();
  }

  /** Not at once: whoever refuses an append expects to be answered later, like of an append. */
  #deliverSoon(): void {
    if (this.#isDeliveryScheduled) return;
    this.#isDeliveryScheduled = true;
    queueMicrotask(() => {
      if (this.#isDeliveryScheduled) this.#deliver();
    });
  }

  /** Lets those who wait for room try again, until one must wait on: it keeps its place before those who came later. */
  #admitWaiting(): void {
    const waiting = this.#waitingForRoom;
    if (waiting.length === 0 || !this.#hasRoom(FORWARD_BYTES_MAX / 2)) return;
    this.#waitingForRoom = [];
    for (let i = 0; i < waiting.length; i++) {
      waiting[i]!();
      if (this.#waitingForRoom.length === 0) continue;
      this.#waitingForRoom.push(...waiting.slice(i + 1));
      return;
    }
  }

  /** While there is nobody to send to, looks after those who have waited long enough. */
  #watchPatience(): void {
    const first = this.#queue.nextToSend;
    if (this.#patienceTimer !== undefined || first === undefined || this.#link?.isOpen === true) return;
    const delayMs = this.#deadlineMs(first) - performance.now();
    this.#patienceTimer = setTimeout(() => this.#losePatience(), Math.max(1, Math.ceil(delayMs)));
    this.#patienceTimer.unref();
  }

  #losePatience(): void {
    this.#patienceTimer = undefined;
    if (this.#link?.isOpen === true) return;
    const nowMs = performance.now();
    const late = this.#queue.waitingEntries().filter((entry) => this.#deadlineMs(entry) <= nowMs);
    const { hearsQuorum, patienceMs } = this.#options;
    const why = this.#leader === undefined ? 'no leader is known' : 'the leader can not be reached';
    const code = hearsQuorum?.() === false ? 'no-quorum' : 'no-leader';
    this.#reject(late, rejection(code, `${why} since ${patienceMs} ms; nothing was written; retry shortly`));
    this.#deliver();
    this.#watchPatience();
  }

  #deadlineMs({ sinceMs }: ForwardedAppend): number {
    return Math.max(sinceMs, this.#lostMs) + this.#options.patienceMs;
  }

  #notLeader(): Rejection {
    const url = this.#leader;
    if (url === undefined) return noLeader('no leader is known');
    return { code: 'not-leader', message: 'this node does not lead; ask the leader', details: { url } };
  }
}

function noLeader(why: string): Rejection {
  return rejection('no-leader', `${why}; nothing was written; retry shortly`);
}

function tooLarge(bytes: number, limit: number): Rejection {
  return {
    code: 'request-too-large',
    message: `an append of ${bytes} bytes exceeds the leader's limit of ${limit}; split it, or raise MaxAppendSize`,
    details: { bytes, limit },
  };
}

function rejection(code: ErrorCode, message: string): Rejection {
  return { code, message, details: {} };
}

const OUTCOME_UNKNOWN = rejection(
  'outcome-unknown',
  'the connection to the leader was lost before it answered; whether the events were written is unknown',
);
const BEHIND_INTERRUPTED = noLeader('an earlier append of this connection has to be sent again first');
const SHUTTING_DOWN = rejection(
  'shutting-down',
  'the node is shutting down; try another node, or this one again later, with the same event ids',
);
