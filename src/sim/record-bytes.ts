/**
 * Builds the records of a simulated leader: framed and sealed as the sequencer and its kernel do (docs/formats.md), with Padding where a
 * chunk ends. Pure. Each call answers with the bytes that continue the log behind those of the call before.
 */
import { assert } from '../base/assert.js';
import { parseUuid, writeU64 } from '../base/bytes.js';
import type { ChainState, RecordKernel } from '../base/ports.js';
import type { Epoch, Position, Revision, TimestampUs } from '../base/units.js';
import type { Configuration } from '../cluster/configuration.js';
import { encodeMembership } from '../cluster/membership-record.js';
import { paddingBefore } from '../log/chunk.js';
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
} from '../log/record.js';

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

export class RecordBuilder {
  readonly #kernel: RecordKernel;
  readonly #chunkSize: number;
  readonly #end: ChainState;
  #timestampUs: TimestampUs;
  #epoch: Epoch;
  /** Framed and not sealed yet. */
  #records: Uint8Array[] = [];
  #framed: Position;
  #first: Position = -1;

  constructor(kernel: RecordKernel, options: RecordBuilderOptions) {
    this.#kernel = kernel;
    this.#chunkSize = options.chunkSize;
    this.#end = { ...options.end };
    this.#timestampUs = options.timestampUs;
    this.#epoch = options.end.epoch;
    this.#framed = options.end.position;
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
    for (const [i, event] of events.entries()) this.#prepare(event, i === 0, i === events.length - 1);
    return this.#seal();
  }

  /** Says that everything before `committed` is committed. */
  appendCommit(committed: Position): BuiltRecords {
    const record = this.#claim(COMMIT_LENGTH, RECORD_TYPE.commit, 0);
    writeU64(record.view, COMMIT.committed, committed);
    assert(committed <= this.#first, 'a Commit names what is before it');
    return this.#seal();
  }

  /** The first record of a reign. `instanceId`: a UUID. */
  appendEpoch(epoch: Epoch, instanceId: string): BuiltRecords {
    this.#reign(epoch);
    const record = this.#claim(EPOCH_LENGTH, RECORD_TYPE.epoch, 0);
    assert(parseUuid(instanceId, record.bytes, EPOCH.instanceId), `no instance id: ${instanceId}`);
    return this.#seal();
  }

  appendMembership(configuration: Configuration): BuiltRecords {
    const body = encodeMembership(configuration);
    const record = this.#claim(RECORD.body + body.length, RECORD_TYPE.membership, 0);
    record.bytes.set(body, RECORD.body);
    return this.#seal();
  }

  #reign(epoch: Epoch): void {
    assert(epoch >= this.#epoch, 'epochs never go back');
    this.#epoch = epoch;
  }

  #prepare(event: SimulatedEvent, isFirst: boolean, isLast: boolean): void {
    const stream = TEXT.encode(event.stream);
    const type = TEXT.encode(event.type);
    const length = PREPARE_HEADER_BYTES + stream.length + type.length + event.data.length;
    const flags =
      (isFirst ? PREPARE_FLAG.firstOfTransaction : 0) | (isLast ? PREPARE_FLAG.lastOfTransaction : 0);
    const { bytes, view, position } = this.#claim(length, RECORD_TYPE.prepare, flags);
    view.setUint32(PREPARE.transactionOffset, position - this.#first, true);
    writeU64(view, PREPARE.revision, event.revision);
    assert(parseUuid(event.eventId, bytes, PREPARE.eventId), `no event id: ${event.eventId}`);
    view.setUint16(PREPARE.streamBytes, stream.length, true);
    view.setUint16(PREPARE.typeBytes, type.length, true);
    bytes.set(stream, PREPARE.stream);
    bytes.set(type, PREPARE.stream + stream.length);
    bytes.set(event.data, PREPARE.stream + stream.length + type.length);
  }

  /** A record with its header but for what sealing fills in, behind Padding if it would cross the end of the chunk. */
  #claim(length: number, type: number, flags: number): FramedRecord {
    const padding = paddingBefore(this.#framed, occupiedBytes(length), this.#chunkSize);
    if (padding > 0) this.#frame(padding, RECORD_TYPE.padding, 0);
    if (this.#first < 0) this.#first = this.#framed;
    return this.#frame(length, type, flags);
  }

  #frame(length: number, type: number, flags: number): FramedRecord {
    const position = this.#framed;
    const bytes = new Uint8Array(occupiedBytes(length));
    const view = new DataView(bytes.buffer);
    view.setUint32(RECORD.length, length, true);
    writeU64(view, RECORD.position, position);
    writeU64(view, RECORD.timestamp, this.#timestampUs);
    view.setUint32(RECORD.epoch, this.#epoch, true);
    view.setUint8(RECORD.type, type);
    view.setUint8(RECORD.version, RECORD_VERSION);
    view.setUint16(RECORD.flags, flags, true);
    this.#records.push(bytes);
    this.#framed += bytes.length;
    return { bytes, view, position };
  }

  #seal(): BuiltRecords {
    const bytes = new Uint8Array(this.#framed - this.#end.position);
    let at = 0;
    for (const record of this.#records) {
      bytes.set(record, at);
      at += record.length;
    }
    const position = this.#first;
    this.#kernel.seal(bytes, 0, bytes.length, this.#end);
    this.#records = [];
    this.#first = -1;
    return { position, end: this.end, bytes };
  }
}

interface FramedRecord {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly position: Position;
}
