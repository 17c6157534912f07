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
  EVENTS_CANCELLED,
  EVENTS_LAST,
  EVENTS_PREFIX_BYTES,
  FRAME_HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE,
  READ_BACKWARDS,
  READ_CONSISTENCY_BITS,
  type ReadConsistency,
} from './frames.js';

/** A ReadAll, and what a ReadStream has in common with it. */
export interface ReadAllRequest {
  /** A position (ReadStream: a revision); `Infinity`, backwards only, is the end. */
  readonly from: number;
  /** Most events, 1 or more; `Infinity` = no limit. */
  readonly count: number;
  readonly isBackwards: boolean;
  /** Bytes of Events frames that the server may send before it needs Credit. */
  readonly windowBytes: number;
  readonly consistency: ReadConsistency;
  /** The read begins when the log is committed up to here, at least, as far as the node knows; 0 = at once. */
  readonly atLeast: number;
}

export interface ReadStreamRequest extends ReadAllRequest {
  readonly stream: string;
}

export function encodeReadStream(writer: FrameWriter, requestId: number, request: ReadStreamRequest): void {
  beginRead(writer, OPCODE.readStream, requestId, request);
  writer.string16(request.stream);
  writer.end();
}

export function encodeReadAll(writer: FrameWriter, requestId: number, request: ReadAllRequest): void {
  beginRead(writer, OPCODE.readAll, requestId, request);
  writer.end();
}

function beginRead(writer: FrameWriter, opcode: number, requestId: number, request: ReadAllRequest): void {
  const direction = request.isBackwards ? READ_BACKWARDS : 0;
  writer.begin(opcode, direction | consistencyFlags(request.consistency), requestId);
  writer.u64(request.from);
  writer.u64(request.count);
  writer.u32(request.windowBytes);
  writer.u64(request.atLeast);
}

const READ_ALL_BYTES = 40;

export function decodeReadStream(frame: OpenFrame): Decoded<ReadStreamRequest> {
  const { bytes, view, at, length } = frame;
  if (length < READ_ALL_BYTES + 2) return invalid('the ReadStream is cut short');
  const common = decodeRead(frame);
  if (common.kind === 'invalid') return common;
  const nameBytes = length - READ_ALL_BYTES - 2;
  if (nameBytes === 0 || nameBytes > NAME_BYTES_MAX)
    return invalid('the stream name is not of 1 to 1024 bytes');
  const stream = readLastString16(bytes, view, at + READ_ALL_BYTES, at + length);
  return stream === undefined ? invalid('the stream name is not valid') : ok({ ...common.frame, stream });
}

export function decodeReadAll(frame: OpenFrame): Decoded<ReadAllRequest> {
  return frame.length === READ_ALL_BYTES ? decodeRead(frame) : invalid('the ReadAll has a wrong length');
}

function decodeRead({ view, at, flags }: OpenFrame): Decoded<ReadAllRequest> {
  const consistency = consistencyOf(flags);
  if ((flags & ~(READ_BACKWARDS | READ_CONSISTENCY_BITS)) !== 0 || consistency === undefined) {
    return invalid('unknown flags of a read');
  }
  const isBackwards = (flags & READ_BACKWARDS) !== 0;
  const from = readU64Field(view, at + 12);
  const count = readU64Field(view, at + 20);
  if (from === undefined || (from === Number.POSITIVE_INFINITY && !isBackwards)) {
    return invalid('the place to read from is not valid');
  }
  if (count === undefined || count === 0) return invalid('the number of events to read is not valid');
  const windowBytes = view.getUint32(at + 28, true);
  const atLeast = readU64Field(view, at + 32);
  if (atLeast === undefined || atLeast === Number.POSITIVE_INFINITY) {
    return invalid('the position that the log must have reached is not valid');
  }
  return ok({ from, count, isBackwards, windowBytes, consistency, atLeast });
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
  /** EVENTS_LAST, or EVENTS_LAST | EVENTS_CANCELLED, or 0. */
  readonly flags: number;
  readonly eventCount: number;
  /** Revision or position to go on from; `Infinity` = nothing further (backwards, at the start). */
  readonly next: number;
  /** Last revision of the stream, or end of the log, when the read began. */
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

/** What stands before the records; they fill the frame from `EVENTS_PREFIX_BYTES` on and are not looked at here. */
export function decodeEventsPrefix({ view, at, length, flags, requestId }: OpenFrame): Decoded<EventsPrefix> {
  if (length < EVENTS_PREFIX_BYTES) return invalid('the Events frame is cut short');
  if (flags !== 0 && flags !== EVENTS_LAST && flags !== (EVENTS_LAST | EVENTS_CANCELLED)) {
    return invalid('unknown flags of an Events frame');
  }
  const next = readU64Field(view, at + 16);
  const head = readU64Field(view, at + 24);
  if (next === undefined || head === undefined) return invalid('an Events frame with a number beyond 2^53');
  return ok({ requestId, flags, eventCount: view.getUint32(at + 12, true), next, head });
}
