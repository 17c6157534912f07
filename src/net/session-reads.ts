/**
 * The reads and subscriptions that one client has open, and what it asks about streams: takes the frames that concern them, lets each begin when
 * the node says that it may, and writes the answers. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { StreamInfo } from '../reader/log-reader.js';
import type { LogRead } from '../reader/read-page.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import {
  decodeStreamInfo,
  encodeError,
  encodeStreamInfoReply,
  type StreamInfoRequest,
} from '../wire/answer-frames.js';
import type { Decoded } from '../wire/fields.js';
import type { FrameReader } from '../wire/frame-reader.js';
import { EVENTS_CANCELLED, EVENTS_LAST, OPCODE } from '../wire/frames.js';
import {
  checkCancel,
  decodeCredit,
  decodeReadAll,
  decodeReadStream,
  encodeEmptyEvents,
  type ReadAllRequest,
  type ReadStreamRequest,
} from '../wire/read-frames.js';
import type { NodePort, ServedLog } from './node-port.js';
import type { CountedSubscription } from './node-subscriptions.js';
import { LIVE_RECORD_BYTES_MAX, OpenRead, type OpenReadEvents, READ_RECORD_BYTES_MAX } from './open-read.js';
import type { Outbox } from './outbox.js';
import { PageTurns } from './page-turns.js';

type AnyRead = ReadAllRequest & Partial<ReadStreamRequest>;

/** A read that may not begin yet. */
interface WaitingRead {
  readonly request: AnyRead;
  /** Credit that came meanwhile. */
  creditBytes: number;
}

const TEXT_ENCODER = new TextEncoder();

export class SessionReads {
  readonly #node: NodePort;
  readonly #served: ServedLog;
  readonly #outbox: Outbox;
  readonly #open = new Map<number, OpenRead>();
  readonly #waiting = new Map<number, WaitingRead>();
  /** StreamInfo requests that are being answered; they count as reads. */
  #questions = 0;
  /** Those of the open and the waiting reads that are subscriptions. */
  readonly #subscriptions = new Map<number, CountedSubscription>();
  #isClosed = false;
  readonly #turns = new PageTurns();
  readonly #events: OpenReadEvents;
  readonly #liveEvents: OpenReadEvents;

  constructor(node: NodePort, served: ServedLog, outbox: Outbox) {
    this.#node = node;
    this.#served = served;
    this.#outbox = outbox;
    this.#events = {
      frame: (bytes, release) => this.#outbox.sendFrame(bytes, release),
      turn: () => this.#turn(),
      turnOver: () => this.#turns.leave(),
      ended: (requestId, how) => this.#ended(requestId, how),
    };
    this.#liveEvents = { ...this.#events, turn: () => this.#liveTurn() };
  }

  /** Takes a frame of a read opcode. Returns what breaks the protocol, if anything does. */
  take(frame: FrameReader): string | undefined {
    switch (frame.opcode) {
      case OPCODE.credit:
        return this.#credit(frame);
      case OPCODE.cancel:
        return this.#cancel(frame);
      case OPCODE.streamInfo:
        return this.#streamInfo(frame);
      default:
        return this.#begin(frame);
    }
  }

  /** The connection is gone: all reads end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting.clear();
    for (const requestId of this.#subscriptions.keys()) this.#free(requestId);
    for (const read of this.#open.values()) read.cancel();
  }

  #begin(frame: FrameReader): string | undefined {
    const { requestId } = frame;
    if (this.#open.has(requestId) || this.#waiting.has(requestId))
      return `request id ${requestId} is that of an open read`;
    const decoded = decodeRead(frame);
    if (decoded.kind === 'invalid') {
      this.#error(requestId, { code: 'invalid-request', message: decoded.reason, details: {} });
      return undefined;
    }
    if (decoded.frame.isLive === true ? !this.#takeSlot(requestId) : this.#isFull(requestId))
      return undefined;
    const { consistency, atLeast } = decoded.frame;
    const admission = this.#node.admitRead(consistency, atLeast);
    if (admission === undefined) this.#start(requestId, decoded.frame, 0);
    else if (admission instanceof Promise) void this.#startLater(requestId, decoded.frame, admission);
    else this.#ended(requestId, admission);
    return undefined;
  }

  #start(requestId: number, request: AnyRead, creditBytes: number): void {
    const read = this.#read(request);
    if ('code' in read) {
      this.#ended(requestId, read);
      return;
    }
    const isLive = request.isLive === true;
    const settings = {
      windowBytes: request.windowBytes + creditBytes,
      isAll: request.stream === undefined,
      recordBytesMax: isLive ? LIVE_RECORD_BYTES_MAX : READ_RECORD_BYTES_MAX,
      counted: this.#subscriptions.get(requestId),
    };
    const open = new OpenRead(requestId, read, settings, isLive ? this.#liveEvents : this.#events);
    this.#open.set(requestId, open);
    void open.run();
  }

  async #startLater(
    requestId: number,
    request: AnyRead,
    admission: Promise<Rejection | undefined>,
  ): Promise<void> {
    const read: WaitingRead = { request, creditBytes: 0 };
    this.#waiting.set(requestId, read);
    const rejection = await admission;
    // Cancelled meanwhile, and perhaps another one has its id, or the connection is gone.
    if (this.#waiting.get(requestId) !== read) return;
    this.#waiting.delete(requestId);
    if (rejection === undefined) this.#start(requestId, request, read.creditBytes);
    else this.#ended(requestId, rejection);
  }

  /** The read, or why there can't be such a one. */
  #read({ from, count, isBackwards, isLive, isAfter, stream, filter: rules }: AnyRead): LogRead | Rejection {
    const { reader, filters } = this.#served;
    const direction = isBackwards ? 'backwards' : 'forwards';
    if (stream === undefined) {
      try {
        const filter = rules && filters.take(rules);
        return reader.readAll({ from, eventsMax: count, direction, isLive, isAfter, filter });
      } catch (error) {
        return rejectionOf(error);
      }
    }
    const range = {
      stream: TEXT_ENCODER.encode(stream),
      from: isAfter === true ? from + 1 : from,
      eventsMax: count,
    };
    return isLive === true ? reader.followStream(range) : reader.readStream({ ...range, direction });
  }

  #credit(frame: FrameReader): string | undefined {
    const decoded = decodeCredit(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    // Credit for a read that has just ended crossed its last frame on the way.
    this.#open.get(frame.requestId)?.credit(decoded.frame.bytes);
    const waiting = this.#waiting.get(frame.requestId);
    if (waiting !== undefined) waiting.creditBytes += decoded.frame.bytes;
    return undefined;
  }

  #cancel(frame: FrameReader): string | undefined {
    const invalid = checkCancel(frame);
    if (invalid !== undefined) return invalid.reason;
    this.#open.get(frame.requestId)?.cancel();
    if (this.#waiting.delete(frame.requestId)) this.#ended(frame.requestId, 'cancelled');
    return undefined;
  }

  #streamInfo(frame: FrameReader): string | undefined {
    const { requestId } = frame;
    const decoded = decodeStreamInfo(frame);
    if (decoded.kind === 'invalid') {
      this.#error(requestId, { code: 'invalid-request', message: decoded.reason, details: {} });
    } else if (!this.#isFull(requestId)) {
      this.#questions++;
      void this.#answerStreamInfo(requestId, decoded.frame);
    }
    return undefined;
  }

  async #answerStreamInfo(requestId: number, request: StreamInfoRequest): Promise<void> {
    const answer = await this.#askStreamInfo(request);
    this.#questions--;
    if (this.#isClosed) return;
    if ('code' in answer) {
      this.#error(requestId, answer);
      return;
    }
    const { revision, position, ...visibility } = answer;
    const told = request.wantsState === true ? { visibility } : {};
    encodeStreamInfoReply(this.#outbox.frames(), requestId, { revision, position, ...told });
  }

  async #askStreamInfo({ stream, consistency, atLeast }: StreamInfoRequest): Promise<StreamInfo | Rejection> {
    const admission = this.#node.admitRead(consistency, atLeast);
    const rejection = admission instanceof Promise ? await admission : admission;
    if (rejection !== undefined) return rejection;
    try {
      return await this.#served.reader.streamInfo(TEXT_ENCODER.encode(stream));
    } catch (error) {
      if (error instanceof CairnError) return error;
      throw error;
    }
  }

  async #turn(): Promise<void> {
    await this.#turns.enter();
    await this.#outbox.writable();
  }

  /** For a page of a subscription: not while the client is slow to take what it was sent. */
  async #liveTurn(): Promise<void> {
    for (let settled = this.#outbox.settled(); settled !== undefined; settled = this.#outbox.settled())
      await settled;
    await this.#turn();
  }

  #isFull(requestId: number): boolean {
    const limit = this.#served.limits.openReadsMax;
    const reads = this.#open.size + this.#waiting.size - this.#subscriptions.size;
    if (reads + this.#questions < limit) return false;
    this.#error(requestId, {
      code: 'too-many-requests',
      message: `${limit} reads of this connection are open; finish or cancel some first`,
      details: { limit },
    });
    return true;
  }

  /** Whether there may be one subscription more; then it is counted. */
  #takeSlot(requestId: number): boolean {
    const { limits, subscriptions } = this.#served;
    const isFull = this.#subscriptions.size >= limits.subscriptionsMax;
    const counted = isFull ? undefined : subscriptions.begin();
    if (counted !== undefined) {
      this.#subscriptions.set(requestId, counted);
      return true;
    }
    const limit = isFull ? limits.subscriptionsMax : subscriptions.limit;
    const whose = isFull ? 'this connection' : 'this node';
    const message = `${whose} has ${limit} subscriptions already; end some first`;
    this.#error(requestId, { code: 'too-many-subscriptions', message, details: { limit } });
    return false;
  }

  #free(requestId: number): void {
    this.#subscriptions.get(requestId)?.end();
    this.#subscriptions.delete(requestId);
  }

  #ended(requestId: number, how: 'complete' | 'cancelled' | Rejection): void {
    this.#open.delete(requestId);
    this.#free(requestId);
    if (this.#isClosed || how === 'complete') return;
    if (how !== 'cancelled') {
      this.#error(requestId, how);
      return;
    }
    const flags = EVENTS_LAST | EVENTS_CANCELLED;
    encodeEmptyEvents(this.#outbox.frames(), { requestId, flags, eventCount: 0, next: 0, head: 0 });
  }

  #error(requestId: number, rejection: Rejection): void {
    if (!this.#isClosed) encodeError(this.#outbox.frames(), requestId, rejection);
  }
}

/** Why a read can't be; a bug of ours goes on to the last handler. */
function rejectionOf(error: unknown): Rejection {
  if (error instanceof CairnError) return error;
  throw error;
}

function decodeRead(frame: FrameReader): Decoded<AnyRead> {
  return frame.opcode === OPCODE.readStream ? decodeReadStream(frame) : decodeReadAll(frame);
}
