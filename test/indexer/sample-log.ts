/**
 * A log for tests: records built the slow and obvious way, from docs/formats.md, with a list of what they are to compare with. Keeps the
 * whole log in memory; can write it as chunk files.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeU64 } from '../../src/base/bytes.js';
import type { NameTable } from '../../src/base/name-table.js';
import type { ChainState } from '../../src/base/ports.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  chunkFileBytes,
  chunkFileName,
  encodeChunkHeader,
  encodeFooter,
  paddingBefore,
} from '../../src/log/chunk.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import {
  DRAFT_NAME,
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  RECORD,
  RECORD_TYPE,
  REMOVED,
  REMOVED_FLAGS,
} from '../../src/log/record.js';

export const LOG_ID = '10111213-1415-1617-1819-1a1b1c1d1e1f';

/** An event to append. */
export interface SampleEvent {
  readonly stream: string;
  readonly dataBytes?: number;
  /** What it says, in place of some bytes. */
  readonly data?: string;
  readonly type?: string;
}

/** A record as it stands in the log. */
export interface SampleRecord {
  readonly type: number;
  readonly position: number;
  /** Padding to 8 included. */
  readonly bytes: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: Buffer;
}

/** When the record at `position` was written, in microseconds. */
export function timestampOf(position: number): number {
  return 1_700_000_000_000_000 + position;
}

export class SampleLog {
  readonly chunkBytes: number;
  readonly records: SampleRecord[] = [];
  readonly heads = new Map<string, number>();
  epochNumber = 1;
  #bytes = new Uint8Array(1024);
  #chain: ChainState = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  get end(): number {
    return this.#chain.position;
  }

  /** What the next record is chained to. */
  get chain(): ChainState {
    return { ...this.#chain };
  }

  /** All of the log so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.end);
  }

  /** The events, in order of position. */
  get events(): SampleRecord[] {
    return this.records.filter((record) => record.type === RECORD_TYPE.prepare);
  }

  eventsOf(stream: string): SampleRecord[] {
    return this.events.filter((record) => record.stream === stream);
  }

  /** The number of records in the chunk that the log ends in. */
  get recordsInLastChunk(): number {
    const chunkStart = Math.floor(this.end / this.chunkBytes) * this.chunkBytes;
    return this.records.filter((record) => record.position >= chunkStart).length;
  }

  /** Appends the events as one transaction; `isCut` leaves its last event out. */
  transaction(events: readonly SampleEvent[], isCut = false): void {
    let first = -1;
    for (const [i, event] of events.entries()) {
      const isLast = i === events.length - 1;
      if (isLast && isCut) return;
      const flags =
        (i === 0 ? PREPARE_FLAG.firstOfTransaction : 0) | (isLast ? PREPARE_FLAG.lastOfTransaction : 0);
      first = this.#prepare(event, flags, first);
    }
  }

  /** Puts copies of records from `position` into the data of the last one, as if they stood in the log there. Returns where the last of them begins. */
  forge(inner: readonly SampleRecord[], position: number): number {
    const outer = this.records.pop()!;
    const before = this.records.at(-1)!;
    const state = { position, chain: 12345, previousLength: 64, epoch: 1 };
    for (const { position: original, bytes } of inner) {
      const copy = this.#bytes.slice(original, original + bytes);
      writeU64(new DataView(copy.buffer), RECORD.position, state.position);
      const at = state.position;
      javascriptKernel.seal(copy, 0, bytes, state);
      this.#bytes.set(copy, at);
    }
    const view = new DataView(this.#bytes.buffer);
    this.#chain = {
      position: outer.position,
      chain: chainOf(new DataView(this.#bytes.buffer, before.position)),
      previousLength: view.getUint32(before.position + RECORD.length, true),
      epoch: view.getUint32(before.position + RECORD.epoch, true),
    };
    this.#seal(outer);
    const last = inner.at(-1)!;
    return state.position - last.bytes;
  }

  /** Takes what `other`, whose beginning this log is, has up to `end`. */
  copy(other: SampleLog, end: number): void {
    const more = other.records.filter(({ position }) => position >= this.end && position < end);
    this.#reserve(end);
    this.#bytes.set(other.#bytes.subarray(this.end, end), this.end);
    this.records.push(...more);
    for (const [stream, head] of other.heads) this.heads.set(stream, head);
    const last = new DataView(this.#bytes.buffer, more.at(-1)?.position ?? this.end);
    if (more.length === 0) return;
    this.#chain = {
      position: end,
      chain: chainOf(last),
      previousLength: last.getUint32(RECORD.length, true),
      epoch: last.getUint32(RECORD.epoch, true),
    };
  }

  /** Puts a Removed record in the place of each of these, as a scavenge does; written from docs/formats.md. */
  remove(records: Iterable<SampleRecord>): void {
    const removed = new Set(records);
    for (const [i, record] of this.records.entries()) {
      if (!removed.has(record)) continue;
      const bytes = this.#bytes.subarray(record.position, record.position + record.bytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const [crc, flags] = [view.getUint32(RECORD.crc, true), view.getUint16(RECORD.flags, true)];
      view.setUint8(RECORD.type, RECORD_TYPE.removed);
      const keptFlags = record.type === RECORD_TYPE.prepare ? flags & REMOVED_FLAGS.kept : 0;
      view.setUint16(RECORD.flags, (record.type << REMOVED_FLAGS.originalTypeShift) | keptFlags, true);
      bytes.fill(0, RECORD.body);
      view.setUint32(REMOVED.originalCrc, crc, true);
      javascriptKernel.seal(bytes, 0, bytes.length, {
        position: record.position,
        chain: view.getUint32(RECORD.chain, true),
        previousLength: view.getUint32(RECORD.previousLength, true),
        epoch: view.getUint32(RECORD.epoch, true),
      });
      this.records[i] = { ...record, type: RECORD_TYPE.removed };
    }
  }

  commit(): void {
    const { view, record } = this.#record(RECORD_TYPE.commit, 56, 0);
    writeU64(view, 48, record.position);
    this.#seal(record);
  }

  /** A step of an open transaction, of which only the number counts here. */
  draft(transaction: number, step: number, dataBytes = 50): void {
    const length = PREPARE.stream + DRAFT_NAME.bytes + dataBytes;
    const { bytes, view, record } = this.#record(RECORD_TYPE.draft, length, 0, { revision: step });
    writeU64(view, PREPARE.revision, step);
    view.setUint16(PREPARE.streamBytes, DRAFT_NAME.bytes, true);
    bytes.set(draftName(transaction), PREPARE.stream);
    this.#seal(record);
  }

  epoch(): void {
    this.epochNumber++;
    const { bytes, record } = this.#record(RECORD_TYPE.epoch, 64, 0);
    bytes.set(randomBytes(16), 48);
    this.#seal(record);
  }

  /** Writes all chunks; the last one unsealed unless the log ends with it. Bytes from `end` on are left zero. */
  writeChunks(folder: string, end = this.end): void {
    for (let number = 0; number === 0 || number * this.chunkBytes <= end; number++) {
      writeFileSync(join(folder, chunkFileName(number, 0)), this.chunkFile(number, end));
    }
  }

  /** The file of a chunk. */
  chunkFile(chunkNumber: number, end = this.end): Uint8Array {
    const file = new Uint8Array(chunkFileBytes(this.chunkBytes));
    const chunkId = `00000000-0000-0000-0000-${String(chunkNumber).padStart(12, '0')}`;
    const ids = { chunkNumber, logId: LOG_ID, chunkId };
    const header = file.subarray(0, CHUNK_HEADER_BYTES);
    encodeChunkHeader(header, { ...ids, chunkSize: this.chunkBytes, createdUs: 1 });
    const start = chunkNumber * this.chunkBytes;
    const endPosition = start + this.chunkBytes;
    file.set(this.#bytes.subarray(start, Math.min(end, endPosition)), CHUNK_HEADER_BYTES);
    if (end < endPosition) return file;
    const inChunk = this.records.filter(
      (record) => record.position >= start && record.position < endPosition,
    );
    const last = new DataView(this.#bytes.buffer, inChunk.at(-1)!.position);
    encodeFooter(file.subarray(-CHUNK_FOOTER_BYTES), {
      ...ids,
      endPosition,
      chain: chainOf(last),
      previousLength: last.getUint32(RECORD.length, true),
      epoch: last.getUint32(RECORD.epoch, true),
      recordCount: inChunk.length,
    });
    return file;
  }

  #prepare(event: SampleEvent, flags: number, first: number): number {
    const name = new TextEncoder().encode(event.stream);
    const type = new TextEncoder().encode(event.type ?? 'test');
    const data = event.data === undefined ? undefined : new TextEncoder().encode(event.data);
    const revision = (this.heads.get(event.stream) ?? -1) + 1;
    const length = PREPARE.stream + name.length + type.length + (data?.length ?? event.dataBytes ?? 16);
    const id = randomBytes(16);
    const { bytes, view, record } = this.#record(RECORD_TYPE.prepare, length, flags, {
      stream: event.stream,
      revision,
      id,
    });
    const start = first < 0 ? record.position : first;
    view.setUint32(PREPARE.transactionOffset, record.position - start, true);
    writeU64(view, PREPARE.revision, revision);
    bytes.set(id, PREPARE.eventId);
    view.setUint16(PREPARE.streamBytes, name.length, true);
    view.setUint16(PREPARE.typeBytes, type.length, true);
    bytes.set(name, PREPARE.stream);
    bytes.set(type, PREPARE.stream + name.length);
    for (let i = PREPARE.stream + name.length + type.length; i < length; i++) bytes[i] = revision + i;
    if (data !== undefined) bytes.set(data, length - data.length);
    this.heads.set(event.stream, revision);
    this.#seal(record);
    return start;
  }

  /** Starts a record behind the last one, or behind Padding. */
  #record(type: number, length: number, flags: number, event: Partial<SampleRecord> = {}) {
    const padding =
      type === RECORD_TYPE.padding ? 0 : paddingBefore(this.end, occupiedBytes(length), this.chunkBytes);
    if (padding > 0) this.#seal(this.#record(RECORD_TYPE.padding, padding, 0).record);
    const position = this.end;
    const occupied = occupiedBytes(length);
    this.#reserve(position + occupied);
    const bytes = this.#bytes.subarray(position, position + occupied);
    const view = new DataView(bytes.buffer, bytes.byteOffset, occupied);
    view.setUint32(RECORD.length, length, true);
    writeU64(view, RECORD.position, position);
    writeU64(view, RECORD.timestamp, timestampOf(position));
    view.setUint32(RECORD.epoch, this.epochNumber, true);
    view.setUint8(RECORD.type, type);
    view.setUint8(RECORD.version, 1);
    view.setUint16(RECORD.flags, flags, true);
    const record: SampleRecord = {
      type,
      position,
      bytes: occupied,
      stream: '',
      revision: -1,
      id: Buffer.alloc(0),
      ...event,
    };
    return { bytes, view, record };
  }

  #seal(record: SampleRecord): void {
    javascriptKernel.seal(this.#bytes, record.position, record.bytes, this.#chain);
    this.records.push(record);
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * size);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** The name that the steps of this transaction have. */
export function draftName(transaction: number): Uint8Array {
  const name = new Uint8Array(DRAFT_NAME.bytes).fill(transaction);
  name[0] = DRAFT_NAME.firstByte;
  return name;
}

/** What the next record goes on from. */
function chainOf(record: DataView): number {
  const isRemoved = record.getUint8(RECORD.type) === RECORD_TYPE.removed;
  return record.getUint32(isRemoved ? REMOVED.originalCrc : RECORD.crc, true);
}

/** What a snapshot has for an event's stream. */
export function hashOf(table: NameTable, stream: string): number {
  const name = Buffer.from(stream);
  return table.hash(name, 0, name.length);
}
