/**
 * Compares what the index says of events with the records in the log: is there such a record, of this stream, with this revision? And, if all
 * entries are compared, is there no event that the index lacks? Where a scavenge has removed the event, the index may say where it was. For
 * `cairn inspect verify`; any thread that may block.
 */
import { bytesEqual, readU64 } from '../../base/bytes.js';
import type { Bytes } from '../../base/ports.js';
import type { ChunkPlatform } from '../../log/chunk-contents.js';
import { ChunkReader } from '../../log/chunk-reader.js';
import { occupiedBytes, originalType, PREPARE, PREPARE_FLAG, RECORD, RECORD_TYPE } from '../../log/record.js';
import { walkChunk } from './chunk-walk.js';

/** A chunk that is sealed and sound. */
export interface SoundChunk {
  readonly number: number;
  readonly path: string;
}

/** An event as the index has it. */
export interface IndexEntry {
  readonly position: number;
  /** What its record occupies; undefined if the index does not say. */
  readonly bytes: number | undefined;
  readonly stream: Bytes;
  readonly revision: number;
  /** 16 bytes, if the index says. */
  readonly id?: Bytes | undefined;
}

/** An event in the log. */
export interface LoggedEvent {
  readonly position: number;
  readonly stream: Bytes;
  readonly revision: number;
}

/** No event is shorter than this: so two never begin in the same stretch. */
const STRETCH_BYTES = 64;

export class IndexEntries {
  readonly #platform: ChunkPlatform;
  readonly #chunkSize: number;
  readonly #paths: ReadonlyMap<number, string>;
  readonly #readers = new Map<number, ChunkReader>();
  /** Chunk → one bit for each stretch: whether an event that the index knows begins there. */
  readonly #known = new Map<number, Uint8Array>();

  constructor(platform: ChunkPlatform, chunkSize: number, chunks: readonly SoundChunk[]) {
    this.#platform = platform;
    this.#chunkSize = chunkSize;
    this.#paths = new Map(chunks.map(({ number, path }) => [number, path]));
  }

  /** Why the entry is not so; undefined if it is, or if its chunk is not to be looked at. Throws `DiskError`. */
  misfitOf(entry: IndexEntry): string | undefined {
    const { position, stream } = entry;
    const chunk = Math.floor(position / this.#chunkSize);
    const reader = this.#readerOf(chunk);
    if (reader === undefined) return undefined;
    const length = PREPARE.stream + stream.length;
    reader.seek(position, Math.min(position + length, (chunk + 1) * this.#chunkSize));
    if (!reader.require(length)) return 'there is no event there';
    const { bytes: record, at } = reader;
    const view = new DataView(record.buffer, record.byteOffset + at, length);
    const type = view.getUint8(RECORD.type);
    const original = originalType(type, view.getUint16(RECORD.flags, true));
    const isEvent = original === RECORD_TYPE.prepare || original === RECORD_TYPE.draft;
    if (!isEvent || readU64(view, RECORD.position) !== position) return 'there is no event there';
    const bytes = occupiedBytes(view.getUint32(RECORD.length, true));
    if (entry.bytes !== undefined && bytes !== entry.bytes)
      return `the event has ${bytes} bytes, not ${entry.bytes}`;
    if (type === RECORD_TYPE.removed) return undefined;
    if (view.getUint16(PREPARE.streamBytes, true) !== stream.length) return 'the event is of another stream';
    if (!bytesEqual(record, at + PREPARE.stream, stream, 0, stream.length))
      return 'the event is of another stream';
    const revision = readU64(view, PREPARE.revision);
    if (revision !== entry.revision) return `the event has revision ${revision}, not ${entry.revision}`;
    const isSame = entry.id === undefined || bytesEqual(record, at + PREPARE.eventId, entry.id, 0, 16);
    return isSame ? undefined : 'the event has another id';
  }

  /** The index has an event there. */
  note(position: number): void {
    const chunk = Math.floor(position / this.#chunkSize);
    let known = this.#known.get(chunk);
    if (known === undefined) {
      known = new Uint8Array(Math.ceil(this.#chunkSize / STRETCH_BYTES / 8));
      this.#known.set(chunk, known);
    }
    const stretch = Math.floor((position - chunk * this.#chunkSize) / STRETCH_BYTES);
    known[stretch >> 3]! |= 1 << (stretch & 7);
  }

  /** The events in the chunk that were not noted, though what they belong to was completed there. Throws `DiskError`. */
  missingIn({ number, path }: SoundChunk): readonly LoggedEvent[] {
    const from = number * this.#chunkSize;
    const range = { from, to: from + this.#chunkSize };
    const reader = new ChunkReader(this.#platform, this.#chunkSize);
    const missing = new Missing((position) => this.#isKnown(position));
    try {
      reader.open(path, from, range.from, range.to);
      for (const step of walkChunk(this.#platform.kernel, reader, range, undefined)) {
        if (step.kind === 'run') missing.take(step.bytes, step.at, step.at + step.length);
      }
    } finally {
      reader.close();
    }
    return missing.events;
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #isKnown(position: number): boolean {
    const chunk = Math.floor(position / this.#chunkSize);
    const stretch = Math.floor((position - chunk * this.#chunkSize) / STRETCH_BYTES);
    return ((this.#known.get(chunk)?.[stretch >> 3] ?? 0) & (1 << (stretch & 7))) !== 0;
  }

  /** Through the page cache: what is read here and there lies close together. */
  #readerOf(chunk: number): ChunkReader | undefined {
    const path = this.#paths.get(chunk);
    if (path === undefined) return undefined;
    let reader = this.#readers.get(chunk);
    if (reader === undefined) {
      const start = chunk * this.#chunkSize;
      reader = new ChunkReader(this.#platform, this.#chunkSize, 'remembered');
      reader.open(path, start, start, start);
      this.#readers.set(chunk, reader);
    }
    return reader;
  }
}

/** Events that nobody knows. Those of a transaction count when it ends: one that never did is in no index. */
class Missing {
  readonly events: LoggedEvent[] = [];
  readonly #isKnown: (position: number) => boolean;
  #open: LoggedEvent[] = [];

  constructor(isKnown: (position: number) => boolean) {
    this.#isKnown = isKnown;
  }

  take(bytes: Bytes, at: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let record = at; record < end; ) {
      const type = view.getUint8(record + RECORD.type);
      const flags = view.getUint16(record + RECORD.flags, true);
      if (type === RECORD_TYPE.epoch) this.#open = [];
      else if (type === RECORD_TYPE.draft) this.#add(bytes, record, this.events);
      else if (originalType(type, flags) === RECORD_TYPE.prepare) this.#prepare(bytes, record, flags);
      record += occupiedBytes(view.getUint32(record + RECORD.length, true));
    }
  }

  /** Of a transaction some of whose events were removed the others count. */
  #prepare(bytes: Bytes, record: number, flags: number): void {
    if ((flags & PREPARE_FLAG.firstOfTransaction) !== 0) this.#open = [];
    if (bytes[record + RECORD.type] === RECORD_TYPE.prepare) this.#add(bytes, record, this.#open);
    if ((flags & PREPARE_FLAG.lastOfTransaction) === 0) return;
    for (const open of this.#open) this.events.push(open);
    this.#open = [];
  }

  #add(bytes: Bytes, record: number, to: LoggedEvent[]): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + record, PREPARE.stream);
    const position = readU64(view, RECORD.position);
    if (this.#isKnown(position)) return;
    const nameAt = record + PREPARE.stream;
    const stream = bytes.slice(nameAt, nameAt + view.getUint16(PREPARE.streamBytes, true));
    to.push({ position, stream, revision: readU64(view, PREPARE.revision) });
  }
}
