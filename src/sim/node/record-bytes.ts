/**
 * Builds the records of a simulated leader: framed and sealed as the sequencer and its kernel do (docs/formats.md), with Padding where a
 * chunk ends. Pure. Each call answers with the bytes that continue the log behind those of the call before.
 */
import { assert } from '../../base/assert.js';
import { parseUuid, writeU64 } from '../../base/bytes.js';
import type { ChainState, RecordKernel } from '../../base/ports.js';
import type { Epoch, Position, Revision, TimestampUs } from '../../base/units.js';
import type { Configuration } from '../../cluster/configuration.js';
import { encodeMembership } from '../../cluster/membership-record.js';
import { paddingBefore } from '../../log/chunk.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  EPOCH,
  EPOCH_LENGTH,
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  PREPARE_HEADER_BYTES,
  RECORD,
  RECORD_TYPE,
  RECORD_VERSION,
} from '../../log/record.js';

export interface SimulatedEvent {
  readonly stream: string;
  readonly type: string;
  /** A UUID. */
  readonly eventId: string;
  readonly revision: Revision;
  readonly data: Uint8Array;
}

/** Sealed records, perhaps with Padding before or between them. */
export interface BuiltRecords {
  /** Where they begin, with Padding if that comes first. */
  readonly begin: Position;
  /** Of the first record that was asked for. */
  readonly position: Position;
  /** What the next record continues. */
  readonly end: Readonly<ChainState>;
  readonly bytes: Uint8Array;
}

export interface RecordBuilderOptions {
  /** The log's end. */
  readonly end: Readonly<ChainState>;
  readonly chunkSize: number;
  /** Timestamp of the log's last record: none gets an older one. */
  readonly timestampUs: TimestampUs;
}

const TEXT = new TextEncoder();
/** Room for some events; doubled when it is too little. */
const FRAMED_BYTES = 4096;

export class RecordBuilder {
  readonly #kernel: RecordKernel;
  readonly #chunkSize: number;
  readonly #end: ChainState;
  #timestampUs: TimestampUs;
  #epoch: Epoch;
  /** Records that are framed and not sealed yet: its first `#length` bytes. Used again and again. */
  #bytes = new Uint8Array(FRAMED_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Position of the first of them that isn't Padding. */
  #first: Position = -1;

  constructor(kernel: RecordKernel, options: RecordBuilderOptions) {
    this.#kernel = kernel;
    this.#chunkSize = options.chunkSize;
    this.#end = { ...options.end };
    this.#timestampUs = options.timestampUs;
    this.#epoch = options.end.epoch;
  }

  /** Where the log ends with all that was built. */
  get end(): Readonly<ChainState> {
    return { ...this.#end };
  }

  /** The time that records get from now on; ignored if it is before one that was given already. */
  setTime(timestampUs: TimestampUs): void {
    if (timestampUs > this.#timestampUs) this.#timestampUs = timestampUs;
  }

  /** One transaction. */
  appendPrepares(events: readonly SimulatedEvent[], timestampUs: TimestampUs, epoch: Epoch): BuiltRecords {
    assert(events.length > 0, 'a transaction has events');
    this.setTime(timestampUs);
    this.#reign(epoch);
    for (let i = 0; i < events.length; i++) this.#prepare(events[i]!, i === 0, i === events.length - 1);
    return this.#seal();
  }

  /** Says that everything before `committed` is committed. */
  appendCommit(committed: Position): BuiltRecords {
    const at = this.#claim(COMMIT_LENGTH, RECORD_TYPE.commit, 0);
    writeU64(this.#view, at + COMMIT.committed, committed);
    assert(committed <= this.#first, 'a Commit names what is before it');
    return this.#seal();
  }

  /** The first record of a reign. `instanceId`: a UUID. */
  appendEpoch(epoch: Epoch, instanceId: string): BuiltRecords {
    this.#reign(epoch);
    const at = this.#claim(EPOCH_LENGTH, RECORD_TYPE.epoch, 0);
    assert(parseUuid(instanceId, this.#bytes, at + EPOCH.instanceId), `no instance id: ${instanceId}`);
    return this.#seal();
  }

  appendMembership(configuration: Configuration): BuiltRecords {
    const body = encodeMembership(configuration);
    const at = this.#claim(RECORD.body + body.length, RECORD_TYPE.membership, 0);
    this.#bytes.set(body, at + RECORD.body);
    return this.#seal();
  }

  #reign(epoch: Epoch): void {
    assert(epoch >= this.#epoch, 'epochs never go back');
    this.#epoch = epoch;
  }

  #prepare(event: SimulatedEvent, isFirst: boolean, isLast: boolean): void {
    const streamBytes = textBytes(event.stream);
    const typeBytes = textBytes(event.type);
    const length = PREPARE_HEADER_BYTES + streamBytes + typeBytes + event.data.length;
    const flags =
      (isFirst ? PREPARE_FLAG.firstOfTransaction : 0) | (isLast ? PREPARE_FLAG.lastOfTransaction : 0);
    const at = this.#claim(length, RECORD_TYPE.prepare, flags);
    const bytes = this.#bytes;
    const view = this.#view;
    view.setUint32(at + PREPARE.transactionOffset, this.#end.position + at - this.#first, true);
    writeU64(view, at + PREPARE.revision, event.revision);
    assert(parseUuid(event.eventId, bytes, at + PREPARE.eventId), `no event id: ${event.eventId}`);
    view.setUint16(at + PREPARE.streamBytes, streamBytes, true);
    view.setUint16(at + PREPARE.typeBytes, typeBytes, true);
    const typeAt = at + PREPARE.stream + streamBytes;
    TEXT.encodeInto(event.stream, bytes.subarray(at + PREPARE.stream, typeAt));
    TEXT.encodeInto(event.type, bytes.subarray(typeAt, typeAt + typeBytes));
    bytes.set(event.data, typeAt + typeBytes);
  }

  /** Frames a record but for its body, behind Padding if it would cross the end of the chunk; answers where it begins. */
  #claim(length: number, type: number, flags: number): number {
    const padding = paddingBefore(this.#end.position + this.#length, occupiedBytes(length), this.#chunkSize);
    if (padding > 0) this.#frame(padding, RECORD_TYPE.padding, 0);
    if (this.#first < 0) this.#first = this.#end.position + this.#length;
    return this.#frame(length, type, flags);
  }

  #frame(length: number, type: number, flags: number): number {
    const at = this.#length;
    this.#grow(at + occupiedBytes(length));
    this.#bytes.fill(0, at, this.#length);
    const view = this.#view;
    view.setUint32(at + RECORD.length, length, true);
    writeU64(view, at + RECORD.position, this.#end.position + at);
    writeU64(view, at + RECORD.timestamp, this.#timestampUs);
    view.setUint32(at + RECORD.epoch, this.#epoch, true);
    view.setUint8(at + RECORD.type, type);
    view.setUint8(at + RECORD.version, RECORD_VERSION);
    view.setUint16(at + RECORD.flags, flags, true);
    return at;
  }

  #grow(length: number): void {
    this.#length = length;
    if (length <= this.#bytes.length) return;
    const longer = new Uint8Array(length * 2);
    longer.set(this.#bytes);
    this.#bytes = longer;
    this.#view = new DataView(longer.buffer);
  }

  #seal(): BuiltRecords {
    const bytes = this.#bytes.slice(0, this.#length);
    const { position: begin } = this.#end;
    const position = this.#first;
    this.#kernel.seal(bytes, 0, bytes.length, this.#end);
    this.#length = 0;
    this.#first = -1;
    return { begin, position, end: this.end, bytes };
  }
}

/** How many bytes a text is in UTF-8. */
function textBytes(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return TEXT.encode(text).length;
  }
  return text.length;
}
