/**
 * The reads that one client has open, and what it asks about streams: takes the frames that concern reads, lets each begin when the node says
 * that it may, and writes the answers. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { LogReader, StreamInfo } from '../reader/log-reader.js';
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
import type { NodePort } from './node-port.js';
import { OpenRead, type OpenReadEvents } from './open-read.js';
import type { Outbox } from './outbox.js';
import { PageTurns } from './page-turns.js';

type ReadRequest = ReadAllRequest & Partial<ReadStreamRequest>;

/** A read that may not begin yet. */
interface WaitingRead {
  readonly request: ReadRequest;
  /** Credit that came meanwhile. */
  creditBytes: number;
}

const TEXT_ENCODER = new TextEncoder();

export class SessionReads {
  readonly #node: NodePort;
  readonly #reader: LogReader;
  readonly #outbox: Outbox;
  readonly #openReadsMax: number;
  readonly #open = new Map<number, OpenRead>();
  readonly #waiting = new Map<number, WaitingRead>();
  /** StreamInfo requests that are being answered; they count as reads. */
  #questions = 0;
  #isClosed = false;
  readonly #turns = new PageTurns();
  readonly #events: OpenReadEvents;

  constructor(node: NodePort, reader: LogReader, outbox: Outbox, openReadsMax: number) {
    this.#node = node;
    this.#reader = reader;
    this.#outbox = outbox;
    this.#openReadsMax = openReadsMax;
    this.#events = {
      frame: (bytes, release) => this.#outbox.sendFrame(bytes, release),
      turn: () => this.#turn(),
      turnOver: () => this.#turns.leave(),
      ended: (requestId, how) => this.#ended(requestId, how),
    };
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
    this.#isClosed = true;
    this.#waiting.clear();
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
    if (this.#isFull(requestId)) return undefined;
    const { consistency, atLeast } = decoded.frame;
    const admission = this.#node.admitRead(consistency, atLeast);
    if (admission === undefined) this.#start(requestId, decoded.frame, 0);
    else if (admission instanceof Promise) void this.#startLater(requestId, decoded.frame, admission);
    else this.#error(requestId, admission);
    return undefined;
  }

  #start(requestId: number, request: ReadRequest, creditBytes: number): void {
    const windowBytes = request.windowBytes + creditBytes;
    const open = new OpenRead(requestId, this.#read(request), windowBytes, this.#events);
    this.#open.set(requestId, open);
    void open.run();
  }

  async #startLater(
    requestId: number,
    request: ReadRequest,
    admission: Promise<Rejection | undefined>,
  ): Promise<void> {
    const read: WaitingRead = { request, creditBytes: 0 };
    this.#waiting.set(requestId, read);
    const rejection = await admission;
    // Cancelled meanwhile, and perhaps another one has its id, or the connection is gone.
    if (this.#waiting.get(requestId) !== read) return;
    this.#waiting.delete(requestId);
    if (rejection === undefined) this.#start(requestId, request, read.creditBytes);
    else this.#error(requestId, rejection);
  }

  #read({ from, count, isBackwards, stream }: ReadRequest): LogRead {
    const common = { from, eventsMax: count, direction: isBackwards ? 'backwards' : 'forwards' } as const;
    if (stream === undefined) return this.#reader.readAll(common);
    return this.#reader.readStream({ ...common, stream: TEXT_ENCODER.encode(stream) });
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
    if ('code' in answer) this.#error(requestId, answer);
    else encodeStreamInfoReply(this.#outbox.frames(), requestId, answer);
  }

  async #askStreamInfo({ stream, consistency, atLeast }: StreamInfoRequest): Promise<StreamInfo | Rejection> {
    const admission = this.#node.admitRead(consistency, atLeast);
    const rejection = admission instanceof Promise ? await admission : admission;
    if (rejection !== undefined) return rejection;
    try {
      return await this.#reader.streamInfo(TEXT_ENCODER.encode(stream));
    } catch (error) {
      if (error instanceof CairnError) return error;
      throw error;
    }
  }

  async #turn(): Promise<void> {
    await this.#turns.enter();
    await this.#outbox.writable();
  }

  #isFull(requestId: number): boolean {
    if (this.#open.size + this.#waiting.size + this.#questions < this.#openReadsMax) return false;
    this.#error(requestId, {
      code: 'too-many-requests',
      message: `${this.#openReadsMax} reads of this connection are open; finish or cancel some first`,
      details: { limit: this.#openReadsMax },
    });
    return true;
  }

  #ended(requestId: number, how: 'complete' | 'cancelled' | Rejection): void {
    this.#open.delete(requestId);
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

function decodeRead(frame: FrameReader): Decoded<ReadRequest> {
  return frame.opcode === OPCODE.readStream ? decodeReadStream(frame) : decodeReadAll(frame);
}
