/**
 * Writes records into the ring: header fields, and copies of the request's bytes, which are done when the turn ends. What
 * sealing fills in (checksums, chain, previousLength) is left out here. Decides where chunks end. Main thread only.
 */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import type { Epoch, Position, Revision, TimestampUs } from '../base/units.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  DRAFT_NAME,
  EPOCH,
  EPOCH_LENGTH,
  PREPARE,
  PREPARE_FLAG,
  PREPARE_HEADER_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_OCCUPIED_MIN,
  RECORD_TYPE,
  RECORD_VERSION,
} from '../log/record.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';

const TWO_TO_32 = 0x1_0000_0000;
export interface FramerStart {
  readonly chunkBytes: number;
  /** The epoch of all records framed here. */
  readonly epoch: Epoch;
  /** No record gets an older timestamp. */
  readonly timestampUs: TimestampUs;
}

/** The bytes that a Prepare takes in the log; `bodyLength` = type, metadata and data. */
export function prepareBytes(streamLength: number, bodyLength: number): number {
  return roundUpTo8(PREPARE_HEADER_BYTES + streamLength + bodyLength);
}

/** What the records of an append take at most: rounding up costs up to 7 bytes an event. */
export function recordBytes({ totalEvents, totalNameBytes, totalEventBytes }: AppendCursor): number {
  return totalEvents * prepareBytes(0, 7) + totalNameBytes + totalEventBytes;
}

/** What a Draft says besides its content. */
export interface DraftStep {
  /** As {@link DRAFT_NAME} has it. */
  readonly name: Bytes;
  readonly step: number;
}

export class RecordFramer {
  readonly #producer: RingProducer;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #chunkBytes: number;
  readonly epoch: Epoch;
  #timestampUs: number;
  /** Bytes left in the chunk that is being filled: kept as a small integer, for remainders of positions are slow. */
  #room: number;

  constructor(producer: RingProducer, start: FramerStart) {
    this.#producer = producer;
    this.#bytes = producer.memory.bytes;
    this.#words = producer.memory.words;
    this.#chunkBytes = start.chunkBytes;
    this.epoch = start.epoch;
    this.#timestampUs = start.timestampUs;
    this.#room = start.chunkBytes - (producer.framed % start.chunkBytes);
  }

  /** Bytes left in the chunk that the next record would go to. */
  get room(): number {
    return this.#room;
  }

  /** The time that records get from now on; ignored if it is before one that was given already. */
  setTime(timestampUs: TimestampUs): void {
    if (timestampUs > this.#timestampUs) this.#timestampUs = timestampUs;
  }

  /** The time that records get. */
  get timestampUs(): TimestampUs {
    return this.#timestampUs;
  }

  /** `bytes` were framed by somebody else, not up to the chunk's end. */
  advance(bytes: number): void {
    this.#room -= bytes;
    assert(this.#room >= RECORD_OCCUPIED_MIN, 'a run leaves room for Padding');
  }

  /**
   * Frames the event that `append` stands on, as revision `revision`. `first`: the position of the transaction's first
   * record, or -1 if this is it. Returns this record's position.
   */
  prepare(append: AppendCursor, revision: Revision, first: Position, isLast: boolean): Position {
    const { streamLength, bodyLength } = append;
    const length = PREPARE_HEADER_BYTES + streamLength + bodyLength;
    const at = this.#claim(length);
    const position = this.#producer.framed - roundUpTo8(length);
    const flags =
      (first < 0 ? PREPARE_FLAG.firstOfTransaction : 0) |
      (isLast ? PREPARE_FLAG.lastOfTransaction : 0) |
      (append.isJson ? PREPARE_FLAG.json : 0);
    this.#zeroPadding(at, length);
    this.#header(at, position, length, (flags << 16) | RECORD_TYPE.prepare);
    this.#prepareFields(at, append, revision, first < 0 ? 0 : position - first);
    const bodyAt = at + PREPARE_HEADER_BYTES;
    const { copies } = this.#producer;
    copies.add(append.bytes, append.streamAt, streamLength, bodyAt);
    copies.add(append.bytes, append.typeAt, bodyLength, bodyAt + streamLength);
    this.#complete();
    return position;
  }

  /** Frames a step of an open transaction, with this content. Returns the record's position. */
  draft({ name, step }: DraftStep, content: Bytes): Position {
    const length = PREPARE_HEADER_BYTES + DRAFT_NAME.bytes + content.length;
    const at = this.#claim(length);
    const position = this.#producer.framed - roundUpTo8(length);
    this.#zeroPadding(at, length);
    this.#header(at, position, length, RECORD_TYPE.draft);
    const words = this.#words;
    words[(at + PREPARE.transactionOffset) >> 2] = 0;
    this.#u64(at + PREPARE.revision, step);
    words[(at + PREPARE.streamBytes) >> 2] = DRAFT_NAME.bytes;
    words[(at + PREPARE.metadataBytes) >> 2] = 0;
    this.#bytes.set(name.subarray(1), at + PREPARE.eventId);
    this.#bytes.set(name, at + PREPARE.stream);
    this.#bytes.set(content, at + PREPARE.stream + DRAFT_NAME.bytes);
    this.#complete();
    return position;
  }

  /** Frames a Commit record: everything before `committed` is. */
  commit(committed: Position): void {
    const at = this.#claim(COMMIT_LENGTH);
    this.#header(at, this.#producer.framed - COMMIT_LENGTH, COMMIT_LENGTH, RECORD_TYPE.commit);
    this.#words[(at + RECORD.body) >> 2] = 0;
    this.#u64(at + COMMIT.committed, committed);
    this.#complete();
  }

  /** Frames the Epoch record, the first of a reign. */
  openEpoch(leaderInstanceId: Uint8Array): void {
    assert(leaderInstanceId.length === 16, 'an instance id has 16 bytes');
    const at = this.#claim(EPOCH_LENGTH);
    this.#header(at, this.#producer.framed - EPOCH_LENGTH, EPOCH_LENGTH, RECORD_TYPE.epoch);
    this.#words[(at + RECORD.body) >> 2] = 0;
    this.#bytes.set(leaderInstanceId, at + EPOCH.instanceId);
    this.#complete();
  }

  /** Frames a Membership record with this body. */
  membership(body: Uint8Array): void {
    const length = RECORD_HEADER_BYTES + body.length;
    const at = this.#claim(length);
    this.#zeroPadding(at, length);
    this.#header(at, this.#producer.framed - roundUpTo8(length), length, RECORD_TYPE.membership);
    this.#bytes.set(body, at + RECORD.body);
    this.#complete();
  }

  /** Claims a record of `length` bytes, behind a Padding record if it would cross the end of the chunk. */
  #claim(length: number): number {
    const occupied = roundUpTo8(length);
    let rest = this.#room - occupied;
    if (rest !== 0 && rest < RECORD_OCCUPIED_MIN) {
      this.#pad();
      rest = this.#room - occupied;
    }
    this.#room = rest;
    return this.#producer.claim(occupied);
  }

  /** Fills the rest of the chunk. */
  #pad(): void {
    const room = this.#room;
    this.#room = 0;
    const at = this.#producer.claim(room);
    this.#bytes.fill(0, at, at + room);
    this.#header(at, this.#producer.framed - room, room, RECORD_TYPE.padding);
    this.#complete();
  }

  /** To be called when a record's bytes are all there: the next one may start a chunk. */
  #complete(): void {
    if (this.#room > 0) return;
    this.#producer.endChunk(this.#producer.framed / this.#chunkBytes - 1);
    this.#room = this.#chunkBytes;
  }

  #header(at: number, position: number, length: number, typeAndFlags: number): void {
    const words = this.#words;
    words[(at + RECORD.length) >> 2] = length;
    this.#u64(at + RECORD.position, position);
    this.#u64(at + RECORD.timestamp, this.#timestampUs);
    words[(at + RECORD.epoch) >> 2] = this.epoch;
    words[(at + RECORD.type) >> 2] = typeAndFlags | (RECORD_VERSION << 8);
  }

  #prepareFields(at: number, append: AppendCursor, revision: number, transactionOffset: number): void {
    const words = this.#words;
    words[(at + PREPARE.transactionOffset) >> 2] = transactionOffset;
    this.#u64(at + PREPARE.revision, revision);
    const id = (at + PREPARE.eventId) >> 2;
    for (let i = 0; i < 4; i++) words[id + i] = append.view.getUint32(append.idAt + 4 * i, true);
    words[(at + PREPARE.streamBytes) >> 2] = append.streamLength | (append.typeLength << 16);
    words[(at + PREPARE.metadataBytes) >> 2] = append.metadataLength;
  }

  #u64(at: number, value: number): void {
    const high = Math.floor(value / TWO_TO_32);
    this.#words[at >> 2] = value - high * TWO_TO_32;
    this.#words[(at >> 2) + 1] = high;
  }

  /** The bytes between a record's end and the next multiple of 8 lie in its last two words. */
  #zeroPadding(at: number, length: number): void {
    const end = (at + roundUpTo8(length)) >> 2;
    this.#words[end - 1] = 0;
    this.#words[end - 2] = 0;
  }
}

/** For lengths, which are small integers; positions go through `alignUp`. */
function roundUpTo8(length: number): number {
  return (length + 7) & ~7;
}
