/**
 * A window onto an Append frame where it lies in its message: opened once, it has checked every byte that has a meaning,
 * and then says by offsets where everything is. Pure, any thread; allocates nothing, so that one cursor serves all
 * Appends of a thread.
 */

import { readI64 } from '../base/bytes.js';
import {
  ACK_POLICIES,
  type AckPolicy,
  APPEND_ACK_POLICY,
  APPEND_PREFIX_BYTES,
  APPEND_QUORUM,
  APPEND_REQUIRES_LEADER,
  EVENT_IS_JSON,
  EVENT_PREFIX_BYTES,
  EXPECTED_REVISION,
  FRAME_HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE,
} from './frames.js';
import { isUtf8 } from './utf8.js';

/** The flags of an Append where they stand in the header's second word, behind the opcode. */
const REQUIRES_LEADER = APPEND_REQUIRES_LEADER << 8;
const POLICY_FLAGS = (APPEND_ACK_POLICY | APPEND_QUORUM) << 8;
const KNOWN_FLAGS = REQUIRES_LEADER | POLICY_FLAGS;

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
  /** A revision, or one of EXPECTED_REVISION. */
  expectedRevision = 0;
  streamAt = 0;
  streamLength = 0;
  eventCount = 0;
  /** Most bytes of type, metadata and data that any one event has: to hold against the server's limit. */
  largestEventBytes = 0;
  /** Bytes of type, metadata and data of all events together. */
  totalEventBytes = 0;

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

  #nextAt = 0;
  #eventsLeft = 0;

  /**
   * Opens the frame in `bytes[frameAt, frameAt+frameLength)`; `view` covers exactly the same memory as `bytes`.
   * Returns undefined if all of the frame is valid, otherwise what is wrong with it, a sentence to answer the
   * client with (`invalid-request`); then only `requestId` may be used. What it does not check: whether two events share
   * an id, and the server's own limits on size.
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
    const fault = this.#openPrefix(frameAt, frameLength) ?? this.#checkEvents(frameAt + frameLength);
    if (fault === undefined) this.rewind();
    return fault;
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

  /** Goes back to before the first event. */
  rewind(): void {
    this.#nextAt = this.streamAt + this.streamLength;
    this.#eventsLeft = this.eventCount;
  }

  #openPrefix(at: number, length: number): string | undefined {
    const view = this.view;
    // Opcode, known flags, and the two zero bytes, in one comparison.
    const opcodeAndFlags = view.getUint32(at + 4, true);
    if ((opcodeAndFlags & ~KNOWN_FLAGS) !== OPCODE.append) return 'unknown flags in the header of an Append';
    this.ackPolicy = ACK_POLICIES[(opcodeAndFlags >> 8) & APPEND_ACK_POLICY]!;
    this.saysAckPolicy = (opcodeAndFlags & POLICY_FLAGS) !== 0;
    this.requiresLeader = (opcodeAndFlags & REQUIRES_LEADER) !== 0;
    this.expectedRevision = readI64(view, at + 12);
    this.streamAt = at + APPEND_PREFIX_BYTES;
    this.streamLength = view.getUint16(at + 20, true);
    this.eventCount = view.getUint16(at + 22, true);
    if (!isExpectedRevision(this.expectedRevision)) return 'the expected revision is not valid';
    if (this.streamLength === 0 || this.streamLength > NAME_BYTES_MAX)
      return 'the stream name is not of 1 to 1024 bytes';
    if (this.streamLength > length - APPEND_PREFIX_BYTES)
      return 'the stream name runs over the end of the frame';
    if (!isUtf8(view, this.streamAt, this.streamLength)) return 'the stream name is not valid UTF-8';
    return this.eventCount === 0 ? 'an Append without events' : undefined;
  }

  #checkEvents(end: number): string | undefined {
    const view = this.view;
    let at = this.streamAt + this.streamLength;
    let largest = 0;
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
    this.totalEventBytes = total;
    return at === end ? undefined : 'bytes left over behind the last event';
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
