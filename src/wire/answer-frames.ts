/**
 * The small frames that remain: the answer to an Append, StreamInfo and Gossip with their answers, and Error. Pure, any
 * thread. docs/protocol.md has the tables.
 */

import { readI64 } from '../base/bytes.js';
import { ERROR_NUMBERS, type ErrorCode, type ErrorDetails, errorCodeOf } from '../base/errors.js';
import {
  type Decoded,
  type Invalid,
  invalid,
  ok,
  readLastString16,
  readText,
  readU64Field,
} from './fields.js';
import type { OpenFrame } from './frame-reader.js';
import type { FrameWriter } from './frame-writer.js';
import {
  APPENDED_BYTES,
  APPENDED_DUPLICATE,
  APPENDED_PARTS,
  consistencyFlags,
  consistencyOf,
  FRAME_HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE,
  PARTS_MAX,
  READ_CONSISTENCY_BITS,
  type ReadConsistency,
  STREAM_INFO_STATE,
  STREAM_STATES,
  type StreamState,
} from './frames.js';

const STREAM_INFO_NAME_AT = 20;
const STREAM_INFO_REPLY_BYTES = 28;
/** With what is hidden. */
const STREAM_STATE_REPLY_BYTES = 40;
const ERROR_BODY_AT = 16;
/** Where the revisions of an Appended with parts begin. */
const APPENDED_PARTS_AT = APPENDED_BYTES + 4;
const BEYOND_2_TO_53 = 'an Appended with a number beyond 2^53';

/** An Appended as received: in the names that users see, because a client hands it on as it is. */
export interface Appended {
  /** Of the last event. */
  readonly revision: number;
  /** Of the last event. */
  readonly position: number;
  /** Whether the events were in the log already. */
  readonly duplicate: boolean;
  /** Of an answer to an append to several streams: of each part's last event. */
  readonly revisions?: readonly number[];
}

/** The answer to an append to several streams. */
export interface AppendedParts {
  /** Of each part's last event. */
  readonly revisions: readonly number[];
  /** Of the last event of all. */
  readonly position: number;
  readonly duplicate: boolean;
}

export function encodeAppendedParts(writer: FrameWriter, requestId: number, answer: AppendedParts): void {
  const { revisions, position, duplicate } = answer;
  writer.begin(OPCODE.appended, APPENDED_PARTS | (duplicate ? APPENDED_DUPLICATE : 0), requestId);
  writer.u64(revisions.at(-1)!);
  writer.u64(position);
  writer.u32(revisions.length);
  for (const revision of revisions) writer.u64(revision);
  writer.end();
}

/** `FrameWriter.appended` is the encoder, or {@link encodeAppendedParts}. The hot path of a client. */
export function decodeAppended(frame: OpenFrame): Decoded<Appended> {
  const { view, at, length, flags } = frame;
  if ((flags & APPENDED_PARTS) !== 0) return decodeAppendedParts(frame);
  if (length !== APPENDED_BYTES) return invalid('the Appended has a wrong length');
  if ((flags & ~APPENDED_DUPLICATE) !== 0) return invalid('unknown flags of an Appended');
  const revision = readU64Field(view, at + 12);
  const position = readU64Field(view, at + 20);
  if (!isNumber(revision) || !isNumber(position)) return invalid(BEYOND_2_TO_53);
  return ok({ revision, position, duplicate: flags === APPENDED_DUPLICATE });
}

function decodeAppendedParts({ view, at, length, flags }: OpenFrame): Decoded<Appended> {
  if ((flags & ~(APPENDED_DUPLICATE | APPENDED_PARTS)) !== 0) return invalid('unknown flags of an Appended');
  const parts = length < APPENDED_PARTS_AT ? 0 : view.getUint32(at + APPENDED_BYTES, true);
  if (parts < 2 || parts > PARTS_MAX || length !== APPENDED_PARTS_AT + 8 * parts)
    return invalid('the Appended has a wrong length');
  const revision = readU64Field(view, at + 12);
  const position = readU64Field(view, at + 20);
  const revisions = Array.from({ length: parts }, (_, part) =>
    readU64Field(view, at + APPENDED_PARTS_AT + 8 * part),
  );
  if (!isNumber(revision) || !isNumber(position) || !revisions.every(isNumber))
    return invalid(BEYOND_2_TO_53);
  return ok({ revision, position, duplicate: (flags & APPENDED_DUPLICATE) !== 0, revisions });
}

/** `consistency` and `atLeast` as of a read. */
export interface StreamInfoRequest {
  readonly stream: string;
  readonly consistency: ReadConsistency;
  readonly atLeast: number;
  /** Whether what of it is hidden is to be told. */
  readonly wantsState?: boolean;
}

export function encodeStreamInfo(writer: FrameWriter, requestId: number, request: StreamInfoRequest): void {
  const flags = consistencyFlags(request.consistency) | (request.wantsState === true ? STREAM_INFO_STATE : 0);
  writer.begin(OPCODE.streamInfo, flags, requestId);
  writer.u64(request.atLeast);
  writer.string16(request.stream);
  writer.end();
}

export function decodeStreamInfo(frame: OpenFrame): Decoded<StreamInfoRequest> {
  const { bytes, view, at, length, flags } = frame;
  const nameBytes = length - STREAM_INFO_NAME_AT - 2;
  const consistency = consistencyOf(flags);
  if ((flags & ~(READ_CONSISTENCY_BITS | STREAM_INFO_STATE)) !== 0 || consistency === undefined)
    return invalid('unknown flags of a StreamInfo');
  const wanted = (flags & STREAM_INFO_STATE) === 0 ? {} : { wantsState: true };
  if (nameBytes < 1 || nameBytes > NAME_BYTES_MAX)
    return invalid('the stream name is not of 1 to 1024 bytes');
  const atLeast = readU64Field(view, at + FRAME_HEADER_BYTES);
  if (!isNumber(atLeast)) return invalid('the position that the log must have reached is not valid');
  const stream = readLastString16(bytes, view, at + STREAM_INFO_NAME_AT, at + length);
  return stream === undefined
    ? invalid('the stream name is not valid')
    : ok({ stream, consistency, atLeast, ...wanted });
}

export interface StreamInfoReply {
  /** Of the last event; −1 = no such stream. */
  readonly revision: number;
  /** Of the last event; 0 if there is none. */
  readonly position: number;
  /** What is hidden of it, if that was asked for. */
  readonly visibility?: StreamVisibility;
}

export interface StreamVisibility {
  /** Of the first event that is not hidden; one above the last if all are. */
  readonly firstRevision: number;
  readonly state: StreamState;
}

export function encodeStreamInfoReply(writer: FrameWriter, requestId: number, reply: StreamInfoReply): void {
  const { revision, position, visibility } = reply;
  writer.begin(OPCODE.streamInfoReply, visibility === undefined ? 0 : STREAM_INFO_STATE, requestId);
  writer.i64(revision);
  writer.u64(position);
  if (visibility !== undefined) {
    writer.u64(visibility.firstRevision);
    writer.u32(STREAM_STATES.indexOf(visibility.state));
  }
  writer.end();
}

export function decodeStreamInfoReply({ view, at, length, flags }: OpenFrame): Decoded<StreamInfoReply> {
  const hasState = flags === STREAM_INFO_STATE;
  if (
    length !== (hasState ? STREAM_STATE_REPLY_BYTES : STREAM_INFO_REPLY_BYTES) ||
    (flags !== 0 && !hasState)
  )
    return invalid('the StreamInfoReply is not valid');
  const revision = readI64(view, at + 12);
  const position = readU64Field(view, at + 20);
  if (revision < -1 || revision > Number.MAX_SAFE_INTEGER || !isNumber(position)) {
    return invalid('a StreamInfoReply with a number out of range');
  }
  if (!hasState) return ok({ revision, position });
  const firstRevision = readU64Field(view, at + STREAM_INFO_REPLY_BYTES);
  const state = STREAM_STATES[view.getUint32(at + STREAM_INFO_REPLY_BYTES + 8, true)];
  return isNumber(firstRevision) && state !== undefined
    ? ok({ revision, position, visibility: { firstRevision, state } })
    : invalid('a StreamInfoReply with a state that is not known');
}

export function encodeGossip(writer: FrameWriter, requestId: number): void {
  writer.begin(OPCODE.gossip, 0, requestId);
  writer.end();
}

/** A Gossip says nothing but its request id. */
export function checkGossip({ length, flags }: OpenFrame): Invalid | undefined {
  return length === FRAME_HEADER_BYTES && flags === 0 ? undefined : invalid('the Gossip is not valid');
}

/** `gossip`: who is in the cluster, an object to be sent as JSON. */
export function encodeGossipReply(writer: FrameWriter, requestId: number, gossip: object): void {
  writer.begin(OPCODE.gossipReply, 0, requestId);
  writer.utf8(JSON.stringify(gossip));
  writer.end();
}

export function decodeGossipReply(frame: OpenFrame): Decoded<{ readonly gossip: Record<string, unknown> }> {
  const { bytes, view, at, length, flags } = frame;
  if (flags !== 0) return invalid('the GossipReply is not valid');
  const text = readText(bytes, view, at + FRAME_HEADER_BYTES, length - FRAME_HEADER_BYTES);
  const gossip = text === undefined ? undefined : parseJson(text);
  return isObject(gossip) ? ok({ gossip }) : invalid('the text of a GossipReply is not valid');
}

/** What an Error says; a `Rejection` and a `CairnError` both are one. */
export interface ErrorContent {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** `requestId` 0 = about the connection, which is closed after it. */
export function encodeError(writer: FrameWriter, requestId: number, error: ErrorContent): void {
  writer.begin(OPCODE.error, 0, requestId);
  writer.u16(ERROR_NUMBERS[error.code]);
  writer.u16(0);
  writer.utf8(JSON.stringify({ message: error.message, details: error.details }));
  writer.end();
}

/** An Error as received; `code` is undefined if the number is of a newer version than this one. */
export interface ReceivedError {
  readonly number: number;
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly details: ErrorDetails;
}

export function decodeError({ bytes, view, at, length, flags }: OpenFrame): Decoded<ReceivedError> {
  if (length < ERROR_BODY_AT || flags !== 0) return invalid('the Error is not valid');
  const number = view.getUint16(at + 12, true);
  const text = readText(bytes, view, at + ERROR_BODY_AT, length - ERROR_BODY_AT);
  const body = text === undefined ? undefined : parseBody(text);
  if (body === undefined) return invalid('the text of an Error is not valid');
  return ok({ number, code: errorCodeOf(number), ...body });
}

function parseBody(text: string): { message: string; details: ErrorDetails } | undefined {
  const body = parseJson(text);
  if (!isObject(body) || typeof body['message'] !== 'string' || !isObject(body['details'])) return undefined;
  const details = Object.entries(body['details']).filter(isFact);
  // fromEntries, so that a name like __proto__ is just a name.
  return { message: body['message'], details: Object.fromEntries(details) };
}

/** Details of a kind that this version does not know are left out. */
function isFact(entry: [string, unknown]): entry is [string, string | number] {
  return typeof entry[1] === 'string' || typeof entry[1] === 'number';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The only thing that JSON.parse throws is that this is not JSON.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && value !== Number.POSITIVE_INFINITY;
}
