/**
 * Compares what the index says of events with the records in the log: is there such a record, of this stream, with this revision? And, if all
 * entries are compared, is there no event that the index lacks? For `cairn inspect verify`; any thread that may block.
 */
import { bytesEqual, readU64 } from '../../base/bytes.js';
import type { Bytes, Disk, FileHandle, RecordKernel } from '../../base/ports.js';
import { CHUNK_HEADER_BYTES } from '../../log/chunk.js';
import { ChunkReader } from '../../log/chunk-reader.js';
import {
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  RECORD,
  RECORD_TYPE,
  STREAM_NAME_BYTES_MAX,
} from '../../log/record.js';
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

/** No event is shorter than this: so two never begin in the same stretch. */
const STRETCH_BYTES = 64;

export class IndexEntries {
  readonly #disk: Disk;
  readonly #chunkSize: number;
  readonly #paths: ReadonlyMap<number, string>;
  readonly #files = new Map<number, FileHandle>();
  readonly #record: Bytes = new Uint8Array(PREPARE.stream + STREAM_NAME_BYTES_MAX);
  readonly #view = new DataView(this.#record.buffer as ArrayBuffer);
  /** Chunk → one bit for each stretch: whether an event that the index knows begins there. */
  readonly #known = new Map<number, Uint8Array>();

  constructor(disk: Disk, chunkSize: number, chunks: readonly SoundChunk[]) {
    this.#disk = disk;
    this.#chunkSize = chunkSize;
    this.#paths = new Map(chunks.map(({ number, path }) => [number, path]));
  }

  /** Why the entry is not so; undefined if it is, or if its chunk is not to be looked at. Throws `DiskError`. */
  misfitOf(entry: IndexEntry): string | undefined {
    const { position, stream } = entry;
    const chunk = Math.floor(position / this.#chunkSize);
    const file = this.#fileOf(chunk);
    if (file === undefined) return undefined;
    const offset = CHUNK_HEADER_BYTES + position - chunk * this.#chunkSize;
    const length = PREPARE.stream + stream.length;
    if (this.#disk.read(file, this.#record, 0, length, offset) < length) return 'there is no event there';
    const view = this.#view;
    const type = view.getUint8(RECORD.type);
    const isEvent = type === RECORD_TYPE.prepare || type === RECORD_TYPE.draft;
    if (!isEvent || readU64(view, RECORD.position) !== position) return 'there is no event there';
    if (view.getUint16(PREPARE.streamBytes, true) !== stream.length) return 'the event is of another stream';
    if (!bytesEqual(this.#record, PREPARE.stream, stream, 0, stream.length))
      return 'the event is of another stream';
    const revision = readU64(view, PREPARE.revision);
    if (revision !== entry.revision) return `the event has revision ${revision}, not ${entry.revision}`;
    const bytes = occupiedBytes(view.getUint32(RECORD.length, true));
    if (entry.bytes !== undefined && bytes !== entry.bytes)
      return `the event has ${bytes} bytes, not ${entry.bytes}`;
    const isSame = entry.id === undefined || bytesEqual(this.#record, PREPARE.eventId, entry.id, 0, 16);
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

  /** The positions of the events in the chunk that were not noted, though what they belong to was completed there. Throws `DiskError`. */
  missingIn(kernel: RecordKernel, { number, path }: SoundChunk): number[] {
    const from = number * this.#chunkSize;
    const range = { from, to: from + this.#chunkSize };
    const reader = new ChunkReader({ disk: this.#disk, kernel }, this.#chunkSize);
    const missing = new Missing((position) => this.#isKnown(position));
    try {
      reader.open(path, from, range.from, range.to);
      for (const step of walkChunk(kernel, reader, range, undefined)) {
        if (step.kind === 'run') missing.take(step.bytes, step.at, step.at + step.length);
      }
    } finally {
      reader.close();
    }
    return missing.positions;
  }

  close(): void {
    for (const file of this.#files.values()) this.#disk.close(file);
    this.#files.clear();
  }

  #isKnown(position: number): boolean {
    const chunk = Math.floor(position / this.#chunkSize);
    const stretch = Math.floor((position - chunk * this.#chunkSize) / STRETCH_BYTES);
    return ((this.#known.get(chunk)?.[stretch >> 3] ?? 0) & (1 << (stretch & 7))) !== 0;
  }

  #fileOf(chunk: number): FileHandle | undefined {
    const path = this.#paths.get(chunk);
    if (path === undefined) return undefined;
    let file = this.#files.get(chunk);
    if (file === undefined) {
      file = this.#disk.open(path, { access: 'read' });
      this.#files.set(chunk, file);
    }
    return file;
  }
}

/** Events that nobody knows. Those of a transaction count when it ends: one that never did is in no index. */
class Missing {
  readonly positions: number[] = [];
  readonly #isKnown: (position: number) => boolean;
  #open: number[] = [];

  constructor(isKnown: (position: number) => boolean) {
    this.#isKnown = isKnown;
  }

  take(bytes: Bytes, at: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let record = at; record < end; ) {
      const type = view.getUint8(record + RECORD.type);
      const position = readU64(view, record + RECORD.position);
      if (type === RECORD_TYPE.epoch) this.#open = [];
      else if (type === RECORD_TYPE.draft) this.#add(position, this.positions);
      else if (type === RECORD_TYPE.prepare)
        this.#prepare(position, view.getUint16(record + RECORD.flags, true));
      record += occupiedBytes(view.getUint32(record + RECORD.length, true));
    }
  }

  #prepare(position: number, flags: number): void {
    if ((flags & PREPARE_FLAG.firstOfTransaction) !== 0) this.#open = [];
    this.#add(position, this.#open);
    if ((flags & PREPARE_FLAG.lastOfTransaction) === 0) return;
    for (const open of this.#open) this.positions.push(open);
    this.#open = [];
  }

  #add(position: number, to: number[]): void {
    if (!this.#isKnown(position)) to.push(position);
  }
}
