/**
 * A window onto an Append frame where it lies in its message: opened once, it has checked every byte that has a meaning,
 * and then says by offsets where everything is. Pure, any thread; allocates nothing, so that one cursor serves all
 * Appends of a thread.
 */

import { bytesEqual, readI64 } from '../base/bytes.js';
import {
  ACK_POLICIES,
  type AckPolicy,
  APPEND_ACK_POLICY,
  APPEND_PARTS,
  APPEND_PREFIX_BYTES,
  APPEND_QUORUM,
  APPEND_REQUIRES_LEADER,
  APPEND_STEP,
  EVENT_IS_JSON,
  EVENT_PREFIX_BYTES,
  EXPECTED_REVISION,
  FRAME_HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE,
  PART_PREFIX_BYTES,
  PARTS_MAX,
  PARTS_PREFIX_BYTES,
  STEP_ACTION,
  STEP_PREFIX_BYTES,
  TRANSACTION_ID_BYTES,
} from './frames.js';
import { isUtf8 } from './utf8.js';

/** The flags of an Append where they stand in the header's second word, behind the opcode. */
const REQUIRES_LEADER = APPEND_REQUIRES_LEADER << 8;
const POLICY_FLAGS = (APPEND_ACK_POLICY | APPEND_QUORUM) << 8;
const HAS_PARTS = APPEND_PARTS << 8;
const IS_STEP = APPEND_STEP << 8;
const KNOWN_FLAGS = REQUIRES_LEADER | POLICY_FLAGS | HAS_PARTS | IS_STEP;

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/**
 * A flyweight over one Append frame. All `…At` are offsets into the `bytes` given to {@link open}, and hold
 * until the next `open`; the event fields are those of the event that {@link nextEvent} stepped on last.
 */
export class AppendCursor {
  bytes: Uint8Array = EMPTY;
  view: DataView = EMPTY_VIEW;

  requestId = 0;
  /** When the client wants to be answered. */
  ackPolicy: AckPolicy = 'quorum';
  /** Whether it says so; else the node has a default. */
  saysAckPolicy = false;
  /** Whether the client wants a refusal rather than an answer through another node than the leader. */
  requiresLeader = false;
  /** Where the frame stands, and its length. */
  frameAt = 0;
  frameLength = 0;
  /** Whether it is a step of an open transaction: then these three say which, and one that does not write has no parts. */
  isStep = false;
  /** 16 bytes: the transaction's id. */
  transactionAt = 0;
  /** Its number in the transaction, from 0. */
  step = 0;
  /** One of {@link STEP_ACTION}. */
  action: number = STEP_ACTION.write;
  /** How many streams it appends to, as one transaction. The fields up to {@link eventCount} are of the part that it stands on. */
  partCount = 1;
  /** A revision, or one of EXPECTED_REVISION. */
  expectedRevision = 0;
  streamAt = 0;
  streamLength = 0;
  eventCount = 0;

  /** Of all parts: how many events, … */
  totalEvents = 0;
  /** … bytes of type, metadata and data, … */
  totalEventBytes = 0;
  /** … and of the streams' names, each once for each of its events, as records have them. */
  totalNameBytes = 0;
  /** Most bytes of type, metadata and data that any one event has: to hold against the server's limit. */
  largestEventBytes = 0;
  /** Bytes of the longest name of a stream. */
  longestName = 0;

  /** 16 bytes. */
  idAt = 0;
  isJson = false;
  /** Type, metadata and data stand one behind the other: `bodyLength` bytes from `typeAt`. */
  typeAt = 0;
  typeLength = 0;
  metadataAt = 0;
  metadataLength = 0;
  dataAt = 0;
  dataLength = 0;
  bodyLength = 0;

  /** Where its parts, or their number, stand. */
  #contentAt = 0;
  #nextAt = 0;
  #eventsLeft = 0;
  /** Which part it stands on, and where each begins. */
  #part = 0;
  readonly #partAts = new Uint32Array(PARTS_MAX);

  /**
   * Opens the frame in `bytes[frameAt, frameAt+frameLength)`; `view` covers exactly the same memory as `bytes`.
   * Returns undefined if all of the frame is valid, otherwise what is wrong with it, a sentence to answer the
   * client with (`invalid-request`); then only `requestId` may be used. Stands on the first part then. What it does not check: whether two
   * events share an id, and the server's own limits on size.
   */
  open(bytes: Uint8Array, view: DataView, frameAt: number, frameLength: number): string | undefined {
    this.bytes = bytes;
    this.view = view;
    this.#eventsLeft = 0;
    this.frameAt = frameAt;
    this.frameLength = frameLength;
    if (frameLength < FRAME_HEADER_BYTES || frameAt + frameLength > bytes.length)
      return 'the frame is cut short';
    this.requestId = view.getUint32(frameAt + 8, true);
    if (frameLength < APPEND_PREFIX_BYTES) return 'the frame is cut short';
    const fault = this.#openHeader(frameAt);
    if (fault !== undefined) return fault;
    this.eventCount = this.totalEvents = this.totalEventBytes = this.totalNameBytes = 0;
    this.largestEventBytes = this.longestName = 0;
    return this.isStep && this.action !== STEP_ACTION.write
      ? undefined
      : this.#checkParts(frameAt + frameLength);
  }

  /** Goes to the first part, before its first event. */
  rewindParts(): void {
    this.#part = 0;
    this.#openPart(this.#partAts[0]!);
    this.rewind();
  }

  /** Steps on to the next part, before its first event; false when there is none. */
  nextPart(): boolean {
    if (this.#part + 1 >= this.partCount) return false;
    this.#part++;
    this.#openPart(this.#partAts[this.#part]!);
    this.rewind();
    return true;
  }

  /** Steps on to the next event; false when there is none. */
  nextEvent(): boolean {
    if (this.#eventsLeft === 0) return false;
    this.#eventsLeft--;
    const at = this.#nextAt;
    const view = this.view;
    this.idAt = at;
    this.isJson = view.getUint16(at + 18, true) === EVENT_IS_JSON;
    this.typeAt = at + EVENT_PREFIX_BYTES;
    this.typeLength = view.getUint16(at + 16, true);
    this.metadataAt = this.typeAt + this.typeLength;
    this.metadataLength = view.getUint32(at + 20, true);
    this.dataAt = this.metadataAt + this.metadataLength;
    this.dataLength = view.getUint32(at + 24, true);
    this.#nextAt = this.dataAt + this.dataLength;
    this.bodyLength = this.#nextAt - this.typeAt;
    return true;
  }

  /** Goes back to before the first event of the part. */
  rewind(): void {
    this.#nextAt = this.streamAt + this.streamLength;
    this.#eventsLeft = this.eventCount;
  }

  #openHeader(at: number): string | undefined {
    const view = this.view;
    // Opcode, known flags, and the two zero bytes, in one comparison.
    const opcodeAndFlags = view.getUint32(at + 4, true);
    if ((opcodeAndFlags & ~KNOWN_FLAGS) !== OPCODE.append) return 'unknown flags in the header of an Append';
    this.ackPolicy = ACK_POLICIES[(opcodeAndFlags >> 8) & APPEND_ACK_POLICY]!;
    this.saysAckPolicy = (opcodeAndFlags & POLICY_FLAGS) !== 0;
    this.requiresLeader = (opcodeAndFlags & REQUIRES_LEADER) !== 0;
    this.partCount = 1;
    this.#contentAt = at + FRAME_HEADER_BYTES;
    this.isStep = (opcodeAndFlags & IS_STEP) !== 0;
    const fault = this.isStep ? this.#openStep(this.#contentAt) : undefined;
    if (fault !== undefined || (opcodeAndFlags & HAS_PARTS) === 0) return fault;
    this.partCount = view.getUint32(this.#contentAt, true);
    const isPossible = this.partCount >= 2 && this.partCount <= PARTS_MAX;
    return isPossible ? undefined : `an Append to several streams has 2 to ${PARTS_MAX} parts`;
  }

  #openStep(at: number): string | undefined {
    const { view, frameAt, frameLength } = this;
    const content = frameLength - FRAME_HEADER_BYTES - STEP_PREFIX_BYTES;
    if (content < 0) return 'the frame is cut short';
    this.transactionAt = at;
    this.step = view.getUint32(at + TRANSACTION_ID_BYTES, true);
    this.action = view.getUint32(at + TRANSACTION_ID_BYTES + 4, true);
    this.#contentAt = at + STEP_PREFIX_BYTES;
    if (this.action > STEP_ACTION.abandon) return 'a step of a transaction does something unknown';
    if (this.action === STEP_ACTION.write)
      return content < PARTS_PREFIX_BYTES - FRAME_HEADER_BYTES ? 'the frame is cut short' : undefined;
    const hasParts = (view.getUint32(frameAt + 4, true) & HAS_PARTS) !== 0;
    return content > 0 || hasParts ? 'a step that ends a transaction has no content' : undefined;
  }

  /** Checks all parts, the last of which must end at `end`, adds up their sizes, and goes to the first. */
  #checkParts(end: number): string | undefined {
    this.#nextAt = this.#contentAt + (this.partCount === 1 ? 0 : PARTS_PREFIX_BYTES - FRAME_HEADER_BYTES);
    for (let part = 0; part < this.partCount; part++) {
      this.#partAts[part] = this.#nextAt;
      const fault = this.#checkPrefix(end) ?? this.#checkEvents(end);
      if (fault !== undefined) return fault;
      if (part > 0 && this.#isOfEarlierStream(part))
        return 'two parts of an Append are of the same stream: put their events into one';
    }
    if (this.#nextAt !== end) return 'bytes left over behind the last event';
    this.rewindParts();
    return undefined;
  }

  /** The fixed part at `at`, which lies within the frame. */
  #openPart(at: number): void {
    const { view } = this;
    this.expectedRevision = readI64(view, at);
    this.streamLength = view.getUint16(at + 8, true);
    this.eventCount = view.getUint16(at + 10, true);
    this.streamAt = at + PART_PREFIX_BYTES;
  }

  #checkPrefix(end: number): string | undefined {
    if (this.#nextAt + PART_PREFIX_BYTES > end) return 'a part runs over the end of the frame';
    this.#openPart(this.#nextAt);
    const { view, streamAt, streamLength, eventCount } = this;
    if (!isExpectedRevision(this.expectedRevision)) return 'the expected revision is not valid';
    if (streamLength === 0 || streamLength > NAME_BYTES_MAX)
      return 'the stream name is not of 1 to 1024 bytes';
    if (streamAt + streamLength > end) return 'the stream name runs over the end of the frame';
    if (!isUtf8(view, streamAt, streamLength)) return 'the stream name is not valid UTF-8';
    this.totalEvents += eventCount;
    this.totalNameBytes += eventCount * streamLength;
    if (streamLength > this.longestName) this.longestName = streamLength;
    return eventCount === 0 ? 'an Append without events' : undefined;
  }

  /** Leaves `#nextAt` behind the last event of the part. */
  #checkEvents(end: number): string | undefined {
    const view = this.view;
    let at = this.streamAt + this.streamLength;
    let largest = this.largestEventBytes;
    let total = 0;
    for (let left = this.eventCount; left > 0; left--) {
      if (at + EVENT_PREFIX_BYTES > end) return 'an event runs over the end of the frame';
      const typeLength = view.getUint16(at + 16, true);
      const bodyLength = typeLength + view.getUint32(at + 20, true) + view.getUint32(at + 24, true);
      if (view.getUint16(at + 18, true) > EVENT_IS_JSON) return 'unknown flags of an event';
      if (typeLength === 0 || typeLength > NAME_BYTES_MAX) return 'an event type is not of 1 to 1024 bytes';
      at += EVENT_PREFIX_BYTES;
      if (at + bodyLength > end) return 'an event runs over the end of the frame';
      if (!isUtf8(view, at, typeLength)) return 'an event type is not valid UTF-8';
      at += bodyLength;
      total += bodyLength;
      if (bodyLength > largest) largest = bodyLength;
    }
    this.largestEventBytes = largest;
    this.totalEventBytes += total;
    this.#nextAt = at;
    return undefined;
  }

  /** Whether one of the parts before this one has its stream. */
  #isOfEarlierStream(part: number): boolean {
    const { bytes, view } = this;
    const ownAt = this.#partAts[part]!;
    const ownLength = view.getUint16(ownAt + 8, true);
    for (let earlier = 0; earlier < part; earlier++) {
      const at = this.#partAts[earlier]!;
      const isSame =
        view.getUint16(at + 8, true) === ownLength &&
        bytesEqual(bytes, at + PART_PREFIX_BYTES, bytes, ownAt + PART_PREFIX_BYTES, ownLength);
      if (isSame) return true;
    }
    return false;
  }
}

function isExpectedRevision(value: number): boolean {
  if (value >= 0) return value <= Number.MAX_SAFE_INTEGER;
  return (
    value === EXPECTED_REVISION.any ||
    value === EXPECTED_REVISION.noStream ||
    value === EXPECTED_REVISION.streamExists
  );
}
