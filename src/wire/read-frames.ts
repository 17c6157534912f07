/**
 * Frames of reads: ReadStream, ReadAll, Credit and Cancel from the client, Events from the server. Pure, any thread.
 * In all of them `Infinity` stands for all ones on the wire; docs/protocol.md has the tables.
 */

import { assert } from '../base/assert.js';
import { writeU64 } from '../base/bytes.js';
import { type Decoded, type Invalid, invalid, ok, readLastString16, readU64Field } from './fields.js';
import type { OpenFrame } from './frame-reader.js';
import type { FrameWriter } from './frame-writer.js';
import {
  consistencyFlags,
  consistencyOf,
  EVENTS_BEHIND,
  EVENTS_CANCELLED,
  EVENTS_CAUGHT_UP,
  EVENTS_LAST,
  EVENTS_PREFIX_BYTES,
  FRAME_HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE,
  READ_AFTER,
  READ_BACKWARDS,
  READ_CONSISTENCY_BITS,
  READ_FILTERED,
  READ_LIVE,
  type ReadConsistency,
} from './frames.js';
import { type ReadFilter, readFilter, writeFilter } from './read-filter.js';

/** What all reads say. */
export interface ReadRequest {
  /** A position (ReadStream: a revision); `Infinity`, backwards or in a subscription, is the end. */
  readonly from: number;
  /** Most events, 1 or more; `Infinity` = no limit. */
  readonly count: number;
  readonly isBackwards: boolean;
  /** Bytes of Events frames that the server may send before it needs Credit. */
  readonly windowBytes: number;
  readonly consistency: ReadConsistency;
  /** The read begins when the log is committed up to here, at least, as far as the node knows; 0 = at once. */
  readonly atLeast: number;
  /** A subscription: it goes on with what is committed later. Forwards only. */
  readonly isLive?: boolean;
  /** The event at `from` is left out. Forwards only. */
  readonly isAfter?: boolean;
}

export interface ReadAllRequest extends ReadRequest {
  readonly filter?: ReadFilter;
}

export interface ReadStreamRequest extends ReadRequest {
  readonly stream: string;
}

export function encodeReadStream(writer: FrameWriter, requestId: number, request: ReadStreamRequest): void {
  beginRead(writer, OPCODE.readStream, requestId, request);
  writer.string16(request.stream);
  writer.end();
}

export function encodeReadAll(writer: FrameWriter, requestId: number, request: ReadAllRequest): void {
  beginRead(writer, OPCODE.readAll, requestId, request);
  if (request.filter !== undefined) writeFilter(writer, request.filter);
  writer.end();
}

function beginRead(writer: FrameWriter, opcode: number, requestId: number, request: ReadAllRequest): void {
  writer.begin(opcode, readFlags(request) | consistencyFlags(request.consistency), requestId);
  writer.u64(request.from);
  writer.u64(request.count);
  writer.u32(request.windowBytes);
  writer.u64(request.atLeast);
}

function readFlags({ isBackwards, isLive, isAfter, filter }: ReadAllRequest): number {
  return (
    (isBackwards ? READ_BACKWARDS : 0) |
    (isLive === true ? READ_LIVE : 0) |
    (isAfter === true ? READ_AFTER : 0) |
    (filter === undefined ? 0 : READ_FILTERED)
  );
}

/** The fixed part. */
const READ_BYTES = 40;
const READ_FLAGS = READ_BACKWARDS | READ_CONSISTENCY_BITS | READ_LIVE | READ_AFTER;

export function decodeReadStream(frame: OpenFrame): Decoded<ReadStreamRequest> {
  const { bytes, view, at, length } = frame;
  if (length < READ_BYTES + 2) return invalid('the ReadStream is cut short');
  const common = decodeRead(frame, 0);
  if (common.kind === 'invalid') return common;
  const nameBytes = length - READ_BYTES - 2;
  if (nameBytes === 0 || nameBytes > NAME_BYTES_MAX)
    return invalid('the stream name is not of 1 to 1024 bytes');
  const stream = readLastString16(bytes, view, at + READ_BYTES, at + length);
  return stream === undefined ? invalid('the stream name is not valid') : ok({ ...common.frame, stream });
}

export function decodeReadAll(frame: OpenFrame): Decoded<ReadAllRequest> {
  const { bytes, view, at, length, flags } = frame;
  const isFiltered = (flags & READ_FILTERED) !== 0;
  if (isFiltered ? length < READ_BYTES : length !== READ_BYTES)
    return invalid('the ReadAll has a wrong length');
  const common = decodeRead(frame, READ_FILTERED);
  if (common.kind === 'invalid' || !isFiltered) return common;
  const filter = readFilter(bytes, view, at + READ_BYTES, at + length);
  return filter.kind === 'invalid' ? filter : ok({ ...common.frame, filter: filter.frame });
}

/** `ownFlags`: those that only this kind of read may have. */
function decodeRead({ view, at, flags }: OpenFrame, ownFlags: number): Decoded<ReadRequest> {
  const consistency = consistencyOf(flags);
  if ((flags & ~(READ_FLAGS | ownFlags)) !== 0 || consistency === undefined) {
    return invalid('unknown flags of a read');
  }
  const isBackwards = (flags & READ_BACKWARDS) !== 0;
  const isLive = (flags & READ_LIVE) !== 0;
  const isAfter = (flags & READ_AFTER) !== 0;
  if (isBackwards && (isLive || isAfter))
    return invalid('a subscription, or a read after an event, goes forwards');
  const from = readU64Field(view, at + 12);
  const count = readU64Field(view, at + 20);
  const isEnd = from === Number.POSITIVE_INFINITY;
  if (from === undefined || (isEnd && (isAfter || !(isBackwards || isLive)))) {
    return invalid('the place to read from is not valid');
  }
  if (count === undefined || count === 0) return invalid('the number of events to read is not valid');
  const windowBytes = view.getUint32(at + 28, true);
  const atLeast = readU64Field(view, at + 32);
  if (atLeast === undefined || atLeast === Number.POSITIVE_INFINITY) {
    return invalid('the position that the log must have reached is not valid');
  }
  const kind = { ...(isLive ? { isLive } : {}), ...(isAfter ? { isAfter } : {}) };
  return ok({ from, count, isBackwards, windowBytes, consistency, atLeast, ...kind });
}

/** Grants `bytes` (below 2^32) to the read. */
export function encodeCredit(writer: FrameWriter, requestId: number, bytes: number): void {
  writer.begin(OPCODE.credit, 0, requestId);
  writer.u32(bytes);
  writer.end();
}

export function decodeCredit({ view, at, length, flags }: OpenFrame): Decoded<{ readonly bytes: number }> {
  if (length !== FRAME_HEADER_BYTES + 4 || flags !== 0) return invalid('the Credit is not valid');
  return ok({ bytes: view.getUint32(at + 12, true) });
}

export function encodeCancel(writer: FrameWriter, requestId: number): void {
  writer.begin(OPCODE.cancel, 0, requestId);
  writer.end();
}

/** A Cancel says nothing but its request id. */
export function checkCancel({ length, flags }: OpenFrame): Invalid | undefined {
  return length === FRAME_HEADER_BYTES && flags === 0 ? undefined : invalid('the Cancel is not valid');
}

/** What stands before the records of an Events frame. */
export interface EventsPrefix {
  readonly requestId: number;
  /** EVENTS_LAST, perhaps with EVENTS_CANCELLED, or any of EVENTS_CAUGHT_UP and EVENTS_BEHIND, or 0. */
  readonly flags: number;
  readonly eventCount: number;
  /** Revision or position to go on from; `Infinity` = nothing further (backwards, at the start). */
  readonly next: number;
  /** Last revision of the stream, or end of the log, when the read began, in a subscription now; `Infinity`: there is no such stream. */
  readonly head: number;
}

/** Fills in the first 32 bytes of `frame`, which holds the whole frame: its records stand behind them. */
export function fillEventsPrefix(frame: Uint8Array, prefix: EventsPrefix): void {
  assert(frame.length >= EVENTS_PREFIX_BYTES, 'an Events frame has 32 bytes before its records');
  const view = new DataView(frame.buffer, frame.byteOffset, EVENTS_PREFIX_BYTES);
  view.setUint32(0, frame.length, true);
  view.setUint32(4, (prefix.flags << 8) | OPCODE.events, true);
  view.setUint32(8, prefix.requestId, true);
  view.setUint32(12, prefix.eventCount, true);
  setU64OrAllOnes(view, 16, prefix.next);
  setU64OrAllOnes(view, 24, prefix.head);
}

function setU64OrAllOnes(view: DataView, at: number, value: number): void {
  if (value === Number.POSITIVE_INFINITY) view.setBigUint64(at, 0xffff_ffff_ffff_ffffn, true);
  else writeU64(view, at, value);
}

/** An Events frame without records, such as the one that ends a cancelled read. */
export function encodeEmptyEvents(writer: FrameWriter, prefix: EventsPrefix): void {
  assert(prefix.eventCount === 0, 'no records, no events');
  writer.begin(OPCODE.events, prefix.flags, prefix.requestId);
  writer.u32(0);
  writer.u64(prefix.next);
  writer.u64(prefix.head);
  writer.end();
}

const EVENTS_FLAGS = EVENTS_LAST | EVENTS_CANCELLED | EVENTS_CAUGHT_UP | EVENTS_BEHIND;

/** What stands before the records; they fill the frame from `EVENTS_PREFIX_BYTES` on and are not looked at here. */
export function decodeEventsPrefix({ view, at, length, flags, requestId }: OpenFrame): Decoded<EventsPrefix> {
  if (length < EVENTS_PREFIX_BYTES) return invalid('the Events frame is cut short');
  const isCancelled = (flags & EVENTS_CANCELLED) !== 0;
  if ((flags & ~EVENTS_FLAGS) !== 0 || (isCancelled && flags !== (EVENTS_LAST | EVENTS_CANCELLED))) {
    return invalid('unknown flags of an Events frame');
  }
  const next = readU64Field(view, at + 16);
  const head = readU64Field(view, at + 24);
  if (next === undefined || head === undefined) return invalid('an Events frame with a number beyond 2^53');
  return ok({ requestId, flags, eventCount: view.getUint32(at + 12, true), next, head });
}
