/**
 * The log of a simulated node: the real formats, recovery and truncation on a simulated disk, and what the writer and preparer threads do
 * to it, synchronously. Pure, but for the disk that it is given. One batch is in flight at a time: bytes that go to a chunk wait until
 * the chunk before is full, sealed and synced. After a `DiskError` that is not about space the log must be recovered.
 */
import { assert } from '../../base/assert.js';
import { alignDown, alignUp, readU64 } from '../../base/bytes.js';
import { type Bytes, type ChainState, type Disk, DiskError, type RecordKernel } from '../../base/ports.js';
import type { Position, TimestampUs } from '../../base/units.js';
import type { LogStart } from '../../cluster/known-log.js';
import { readHistory } from '../../cluster/log-history.js';
import { type ChunkFooter, chunkOf, fileOffsetOf } from '../../log/chunk.js';
import { recoverFolder } from '../../log/folder-recovery.js';
import { chainBehind, LOG_START, occupiedBytes, RECORD } from '../../log/record.js';
import type { RecoveryInput } from '../../log/recovery.js';
import { type Truncation, truncateLog } from '../../log/truncation.js';
import { batchLength } from '../../log/write-batches.js';
import { ChunkFiles } from './chunk-files.js';
import { LogMemory } from './log-memory.js';

export interface NodeLogOptions {
  readonly logId: string;
  readonly chunkSize: number;
  /** Mints chunk ids. */
  readonly newId: () => string;
}

/** Whole blocks are written, as with direct I/O. */
const BLOCK_BYTES = 4096;
interface Parts {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly files: ChunkFiles;
  readonly memory: LogMemory;
  readonly start: LogStart;
  readonly recordsInActiveChunk: number;
  readonly lastTimestampUs: TimestampUs;
}

export class NodeLog {
  /** What was found when it was opened: what the cluster core starts with. */
  readonly start: LogStart;
  readonly #disk: Disk;
  readonly #kernel: RecordKernel;
  readonly #files: ChunkFiles;
  readonly #memory: LogMemory;
  #end: Readonly<ChainState>;
  #durable: Position;
  /** What is before has been given to the disk. */
  #written: Position;
  #recordsInActiveChunk: number;
  #lastTimestampUs: TimestampUs;
  /** Footers of chunks that are full but not sealed yet, by chunk number. */
  readonly #footers = new Map<number, ChunkFooter>();

  private constructor(parts: Parts) {
    this.start = parts.start;
    this.#disk = parts.disk;
    this.#kernel = parts.kernel;
    this.#files = parts.files;
    this.#memory = parts.memory;
    this.#end = parts.start.end;
    this.#durable = this.#end.position;
    this.#written = this.#end.position;
    this.#recordsInActiveChunk = parts.recordsInActiveChunk;
    this.#lastTimestampUs = parts.lastTimestampUs;
  }

  /** Makes an empty log in `folder`, durably. Throws `DiskError`. */
  static create(disk: Disk, kernel: RecordKernel, folder: string, options: NodeLogOptions): NodeLog {
    const files = new ChunkFiles(disk, { folder, ...options }, []);
    disk.makeDirectory(folder);
    files.make(0);
    const start: LogStart = { end: LOG_START, epochs: [], configurations: [], committed: 0 };
    const memory = new LogMemory(options.chunkSize);
    return new NodeLog({ disk, kernel, files, memory, start, recordsInActiveChunk: 0, lastTimestampUs: 0 });
  }

  /** Recovers and repairs the log in `folder`; undefined if there is none. Throws as `recoverFolder` and `readHistory` do. */
  static recover(
    disk: Disk,
    kernel: RecordKernel,
    folder: string,
    { newId, catchingUpFrom }: Pick<NodeLogOptions, 'newId'> & Pick<RecoveryInput, 'catchingUpFrom'>,
  ): NodeLog | undefined {
    const recovered = recoverFolder(disk, kernel, folder, catchingUpFrom);
    if (recovered === undefined) return undefined;
    const { logId, chunkSize, chunks, recordsInActiveChunk, lastTimestampUs } = recovered;
    const files = new ChunkFiles(disk, { folder, logId, chunkSize, newId }, chunks);
    const memory = new LogMemory(chunkSize);
    const start = readHistory(disk, kernel, recovered, (run) => {
      memory.put(run.position, run.bytes, run.at, run.length);
    });
    return new NodeLog({ disk, kernel, files, memory, start, recordsInActiveChunk, lastTimestampUs });
  }

  get logId(): string {
    return this.#files.options.logId;
  }

  get chunkSize(): number {
    return this.#files.options.chunkSize;
  }

  /** The end of the log, durable or not: what the next record continues. */
  get end(): Readonly<ChainState> {
    return this.#end;
  }

  /** What is before would survive a crash. */
  get durable(): Position {
    return this.#durable;
  }

  /** Timestamp of the last record; 0 in an empty log. */
  get lastTimestampUs(): TimestampUs {
    return this.#lastTimestampUs;
  }

  /** Where the files end that exist. */
  get capacity(): Position {
    return this.#files.all.length * this.chunkSize;
  }

  /**
   * Makes sure that records up to `end` can be written; false if the disk has no space for the chunks. Keeps one chunk ready ahead, if it
   * can. Throws any other `DiskError`.
   */
  makeRoom(end: Position): boolean {
    try {
      while (this.capacity < end + this.chunkSize) this.#files.make(this.#lastTimestampUs);
    } catch (error) {
      if (!(error instanceof DiskError && error.isOutOfSpace)) throw error;
    }
    return this.capacity >= end;
  }

  /**
   * Appends whole sealed records that continue the log, not yet durable. Unless the node is catching up, no Commit among them names what isn't
   * durable yet (`batchLength` says how far one may go). Throws `DiskError`; if there is no space, nothing has changed.
   */
  write(bytes: Bytes, isCatchUp = false): void {
    const allowed = isCatchUp ? bytes.length : batchLength(bytes, 0, bytes.length, this.#durable);
    assert(allowed === bytes.length, 'a Commit is never in one batch with what it names');
    const end = this.#end.position + bytes.length;
    if (!this.makeRoom(end)) throw new DiskError('ENOSPC', 'write', this.#files.options.folder);
    for (let at = 0; at < bytes.length; ) at += this.#take(bytes, at);
    this.#flush();
  }

  /** Makes everything written durable, chunk after chunk. Returns the log's end. Throws `DiskError`. */
  sync(): Position {
    while (this.#durable < this.#end.position) {
      this.#flush();
      this.#files.sync(chunkOf(this.#durable, this.chunkSize));
      this.#durable = this.#written;
    }
    return this.#durable;
  }

  /** Cuts the log at `to`, the start of a record, durably; see `truncateLog`. What was written before is synced first. */
  truncate(to: Position): Truncation {
    const end = this.sync();
    const { chunkSize } = this;
    this.#files.close();
    const input = { disk: this.#disk, kernel: this.#kernel, chunks: this.#files.all, chunkSize, end, to };
    const truncation = truncateLog(input);
    if (truncation.kind === 'refused') return truncation;
    this.#memory.cut(to);
    this.#end = truncation.end;
    this.#durable = to;
    this.#written = to;
    this.#recordsInActiveChunk = truncation.recordsInActiveChunk;
    this.#lastTimestampUs = truncation.lastTimestampUs;
    return truncation;
  }

  /** Where the last record ends that ends at `limit` or before, but at least the one that begins at `from`. */
  rangeEnd(from: Position, limit: Position): Position {
    assert(from < this.#end.position, 'a range begins with a record');
    let end = this.#recordEnd(from);
    while (end < Math.min(limit, this.#end.position)) {
      const next = this.#recordEnd(end);
      if (next > limit) break;
      end = next;
    }
    return end;
  }

  /** The whole records in [from, to), from memory. */
  read(from: Position, to: Position): Uint8Array {
    assert(from <= to && to <= this.#end.position, 'what is read is in the log');
    if (from < to) this.#recordEnd(from);
    return this.#memory.copy(from, to);
  }

  /** [from, to) as the disk has it now: for checks. */
  readFromDisk(from: Position, to: Position): Uint8Array {
    const bytes = new Uint8Array(to - from);
    for (let position = from; position < to; ) {
      const offset = position % this.chunkSize;
      const length = Math.min(to - position, this.chunkSize - offset);
      const part = this.#files.read(chunkOf(position, this.chunkSize), offset, offset + length);
      bytes.set(part, position - from);
      position += length;
    }
    return bytes;
  }

  /** Where [from, to) stands on the disk, file by file: for checks. */
  placesOf(from: Position, to: Position): readonly { path: string; from: number; to: number }[] {
    const places: { path: string; from: number; to: number }[] = [];
    for (let position = from; position < to; ) {
      const number = chunkOf(position, this.chunkSize);
      const length = Math.min(to - position, this.chunkSize - (position % this.chunkSize));
      const offset = fileOffsetOf(position, this.chunkSize);
      places.push({ path: this.#files.all[number]!.path, from: offset, to: offset + length });
      position += length;
    }
    return places;
  }

  /** Closes the files. */
  close(): void {
    this.#files.close();
  }

  /** Takes in what goes into the chunk that the log ends in, and no further; answers how many bytes. */
  #take(bytes: Bytes, at: number): number {
    const { position } = this.#end;
    const room = this.chunkSize - (position % this.chunkSize);
    const length = Math.min(bytes.length - at, room);
    this.#memory.put(position, bytes, at, length);
    this.#follow(bytes, at, length);
    if (length === room) this.#endChunk(chunkOf(position, this.chunkSize));
    return length;
  }

  /** Moves the end behind these records. Checksums are not looked at: who gave the records has, and recovery will. */
  #follow(bytes: Bytes, at: number, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = { ...this.#end };
    let record = at;
    while (record < at + length) {
      const continues =
        readU64(view, record + RECORD.position) === end.position &&
        view.getUint32(record + RECORD.chain, true) === end.chain &&
        view.getUint32(record + RECORD.previousLength, true) === end.previousLength;
      assert(continues, 'what is written continues the log');
      end.previousLength = view.getUint32(record + RECORD.length, true);
      end.chain = chainBehind(view, record);
      end.epoch = view.getUint32(record + RECORD.epoch, true);
      end.position += occupiedBytes(end.previousLength);
      this.#lastTimestampUs = readU64(view, record + RECORD.timestamp);
      this.#recordsInActiveChunk++;
      record += occupiedBytes(end.previousLength);
    }
    assert(record === at + length, 'what is written is whole records, and none crosses the end of a chunk');
    this.#end = end;
  }

  #endChunk(chunkNumber: number): void {
    const { position: endPosition, chain, previousLength, epoch } = this.#end;
    const { chunkId } = this.#files.all[chunkNumber]!;
    const { logId } = this;
    const recordCount = this.#recordsInActiveChunk;
    const footer = { chunkNumber, endPosition, logId, chunkId, chain, previousLength, epoch, recordCount };
    this.#footers.set(chunkNumber, footer);
    this.#recordsInActiveChunk = 0;
  }

  /** Gives the disk what goes into the chunk that is not durable yet; the rest waits for the sync of that chunk. */
  #flush(): void {
    const number = chunkOf(this.#durable, this.chunkSize);
    const start = number * this.chunkSize;
    const end = Math.min(this.#end.position, start + this.chunkSize);
    if (end <= this.#written) return;
    const footer = this.#footers.get(number);
    const from = alignDown(this.#written - start, BLOCK_BYTES);
    const to = alignUp(end - start, BLOCK_BYTES);
    this.#files.write(number, this.#memory.chunk(number), { from, to }, footer);
    this.#footers.delete(number);
    this.#written = end;
  }

  #recordEnd(position: Position): Position {
    assert(this.#memory.u32(position + RECORD.position) === position % 0x1_0000_0000, 'a record begins here');
    return position + occupiedBytes(this.#memory.u32(position + RECORD.length));
  }
}
