/**
 * Makes the file of a scavenged chunk: takes the chunk's records in their order, those that stay and those that go, writes what is left of them under a
 * temporary name, reads that back from the disk, and puts it in the chunk's place by a rename. Until then nothing of the log has changed. On a
 * thread that may block.
 */
import { assert } from '../base/assert.js';
import { alignUp, readU64 } from '../base/bytes.js';
import type { Bytes, ChainState, FileHandle } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkFooter,
  encodeChunkHeader,
  encodeFooter,
  temporaryFileName,
} from './chunk.js';
import { packedLayout } from './chunk-contents.js';
import { ChunkReader } from './chunk-reader.js';
import { describeStop, verifyRun } from './chunk-scan.js';
import { logCorrupt } from './damage.js';
import type { LogFolder } from './damaged-chunk.js';
import {
  encodeRun,
  ITEM_UNIT,
  MAP_BLOCK_BYTES,
  mapEntries,
  type RemovedRecord,
  RUN_RECORDS_MAX,
  type RunHead,
  runBytes,
} from './packed-chunk.js';
import { occupiedBytes, originalType, RECORD, RECORD_TYPE, REMOVED, REMOVED_FLAGS } from './record.js';

/** What tells the new file from all others. */
export interface PackedChunkIds {
  readonly chunkId: string;
  readonly createdUs: number;
}

/** How a file is made. */
export interface PackingManner {
  /** Called before each write, and while the file is read back; may throw, to give it up. */
  readonly check?: (() => void) | undefined;
}

const BLOCK_BYTES = 4096;
/** Written at a time, past the page cache where the disk can: a sync of it is never a large one. */
const BUFFER_BYTES = 1_048_576;

export class PackedChunkWriter {
  readonly #log: LogFolder;
  readonly #chunk: { readonly number: number; readonly path: string };
  readonly #check: () => void;
  readonly #temporaryPath: string;
  #file: FileHandle | undefined;
  readonly #buffer: Bytes;
  /** Bytes in the buffer, and where in the file they belong. */
  #filled = 0;
  #offset = CHUNK_HEADER_BYTES;
  /** Behind the last record. */
  #position: Position;
  /** What the chunk's first record goes on from. */
  #before: ChainState | undefined;
  /** The removed records that are to be written as a run, and what it begins with. */
  readonly #run: RemovedRecord[] = [];
  #runHead: RunHead | undefined;
  readonly #map: Uint32Array;
  #mapped = 0;

  /** Makes the file. Throws `DiskError`. */
  constructor(
    log: LogFolder,
    chunk: { readonly number: number; readonly path: string },
    { check }: PackingManner = {},
  ) {
    const { disk, folder, chunkSize } = log;
    this.#log = log;
    this.#chunk = chunk;
    this.#check = check ?? (() => undefined);
    // Not the name under which the chunk may be mended at the same time.
    this.#temporaryPath = `${folder}/${temporaryFileName(chunk.number, 1)}`;
    this.#position = chunk.number * chunkSize;
    this.#map = new Uint32Array(mapEntries(chunkSize));
    this.#buffer = disk.alignedBuffer(BUFFER_BYTES);
    const name = this.#temporaryPath.slice(folder.length + 1);
    if (disk.list(folder).includes(name)) disk.unlink(this.#temporaryPath);
    this.#file = disk.open(this.#temporaryPath, { access: 'create-new', direct: true });
  }

  /** How long the file is with what it was given so far. */
  get fileBytes(): number {
    const run = this.#run.length === 0 ? 0 : runBytes(this.#run.length);
    return packedLayout(this.#log.chunkSize, this.#packedBytes + run).fileBytes;
  }

  get #packedBytes(): number {
    return this.#offset + this.#filled - CHUNK_HEADER_BYTES;
  }

  /** These records, which are whole and come next, stay. Throws `DiskError`. */
  keep(bytes: Bytes, at: number, length: number): void {
    this.#endRun();
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
    const base = this.#packedBytes;
    for (let record = 0; record < length; ) {
      this.#begin(view, record);
      const end = this.#position + occupiedBytes(view.getUint32(record + RECORD.length, true));
      this.#mapItem(base + record, end);
      record += end - this.#position;
      this.#position = end;
    }
    this.#write(bytes, at, length);
  }

  /** The record at `at`, which comes next, goes; it may have gone before. Throws `DiskError`. */
  remove(bytes: Bytes, at: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const head = this.#begin(view, 0);
    const isEnd = this.#run.length === RUN_RECORDS_MAX || this.#runHead?.epoch !== head.epoch;
    if (isEnd) this.#endRun();
    this.#runHead ??= head;
    const record = removedRecord(view);
    this.#run.push(record);
    this.#position += occupiedBytes(record.length);
  }

  /**
   * Puts the file in its chunk's place, durably, after reading it back: it must end as the footer says. Throws `log-corrupt` if it doesn't, or
   * `DiskError`.
   */
  install(footer: ChunkFooter, { chunkId, createdUs }: PackedChunkIds): void {
    const { disk, folder, chunkSize, kernel, logId } = this.#log;
    this.#endRun();
    assert(this.#position === footer.endPosition, 'a chunk is packed as a whole');
    const file = this.#opened();
    const packedBytes = this.#packedBytes;
    this.#pad(BLOCK_BYTES);
    const map = new Uint8Array(this.#map.buffer);
    this.#write(map, 0, map.length);
    this.#pad(BLOCK_BYTES);
    const block = disk.alignedBuffer(CHUNK_HEADER_BYTES);
    encodeFooter(block, { ...footer, chunkId });
    this.#write(block, 0, CHUNK_FOOTER_BYTES);
    this.#flush();
    const packed = { packedBytes, mapCrc: kernel.crc32c(map, 0, map.length, 0) };
    encodeChunkHeader(block, {
      chunkNumber: this.#chunk.number,
      chunkSize,
      logId,
      chunkId,
      createdUs,
      packed,
    });
    disk.write(file, block, 0, CHUNK_HEADER_BYTES, 0);
    disk.sync(file);
    this.#readBack(footer);
    disk.close(file);
    this.#file = undefined;
    disk.rename(this.#temporaryPath, this.#chunk.path);
    disk.syncDirectory(folder);
  }

  /** Removes the file, unless it is in its place. */
  discard(): void {
    if (this.#file === undefined) return;
    this.#log.disk.close(this.#file);
    this.#file = undefined;
    this.#log.disk.unlink(this.#temporaryPath);
  }

  #opened(): FileHandle {
    assert(this.#file !== undefined, 'the file is in its place, or was discarded');
    return this.#file;
  }

  /** What the record at `at` says of itself, which must be that it comes next. */
  #begin(view: DataView, at: number): RunHead {
    const head = {
      position: readU64(view, at + RECORD.position),
      timestampUs: readU64(view, at + RECORD.timestamp),
      epoch: view.getUint32(at + RECORD.epoch, true),
      chain: view.getUint32(at + RECORD.chain, true),
      previousLength: view.getUint32(at + RECORD.previousLength, true),
    };
    assert(head.position === this.#position, "a chunk's records come in their order");
    this.#before ??= head;
    return head;
  }

  /** The item at this place of the packed data ends there in the log: it is where all stretches begin that begin in it. */
  #mapItem(offset: number, end: Position): void {
    const start = this.#chunk.number * this.#log.chunkSize;
    for (; this.#mapped < this.#map.length; this.#mapped++) {
      if (start + this.#mapped * MAP_BLOCK_BYTES >= end) return;
      this.#map[this.#mapped] = offset / ITEM_UNIT;
    }
  }

  #endRun(): void {
    if (this.#runHead === undefined) return;
    const bytes = new Uint8Array(runBytes(this.#run.length));
    encodeRun(this.#log.kernel, { bytes, at: 0 }, this.#runHead, this.#run);
    this.#runHead = undefined;
    this.#run.length = 0;
    this.#mapItem(this.#packedBytes, this.#position);
    this.#write(bytes, 0, bytes.length);
  }

  #write(bytes: Bytes, at: number, length: number): void {
    for (let done = 0; done < length; ) {
      const part = Math.min(length - done, BUFFER_BYTES - this.#filled);
      this.#buffer.set(bytes.subarray(at + done, at + done + part), this.#filled);
      this.#filled += part;
      done += part;
      if (this.#filled === BUFFER_BYTES) this.#flush();
    }
  }

  /** Zeros up to a multiple of `unit` in the file. */
  #pad(unit: number): void {
    const padded = alignUp(this.#filled, unit);
    this.#buffer.fill(0, this.#filled, padded);
    this.#filled = padded;
    if (this.#filled === BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    this.#check();
    if (this.#filled > 0) this.#log.disk.write(this.#opened(), this.#buffer, 0, this.#filled, this.#offset);
    this.#offset += this.#filled;
    this.#filled = 0;
  }

  /** From the medium, where the disk can. */
  #readBack(footer: ChunkFooter): void {
    const { chunkSize, kernel } = this.#log;
    const start = this.#chunk.number * chunkSize;
    assert(this.#before !== undefined, 'a chunk has records');
    const state = { ...this.#before };
    const reader = new ChunkReader(this.#log, chunkSize);
    try {
      reader.open(this.#temporaryPath, start, start, start + chunkSize);
      while (state.position < footer.endPosition) {
        this.#check();
        const stop = verifyRun(kernel, reader, state);
        const length = state.position - reader.position;
        if (length === 0) throw this.#misread(state.position, describeStop(stop));
        reader.skip(length);
      }
    } finally {
      reader.close();
    }
    const isSame = state.chain === footer.chain && state.previousLength === footer.previousLength;
    if (!isSame) throw this.#misread(state.position, 'it does not end as the chunk does');
  }

  #misread(position: Position, reason: string): Error {
    const place = { file: this.#temporaryPath, offset: 0, position };
    return logCorrupt(place, `the scavenged chunk was read back with other bytes: ${reason}`);
  }
}

/** What is kept of a record that goes; of one that has gone, what was kept. */
function removedRecord(view: DataView): RemovedRecord {
  const type = view.getUint8(RECORD.type);
  const recordFlags = view.getUint16(RECORD.flags, true);
  const original = originalType(type, recordFlags);
  const hasFlags = original === RECORD_TYPE.prepare;
  const crcAt = type === RECORD_TYPE.removed ? REMOVED.originalCrc : RECORD.crc;
  return {
    length: view.getUint32(RECORD.length, true),
    type: original,
    flags: hasFlags ? recordFlags & REMOVED_FLAGS.kept : 0,
    crc: view.getUint32(crcAt, true),
  };
}
