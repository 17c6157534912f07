/**
 * The writer thread's work: puts what is published on disk, straight from the ring, and makes it durable. Group commit by
 * natural batching: take everything that is there, up to a cap, write it, sync it, move `durable`, repeat; while one
 * batch syncs the next one fills, so there is no timer. One write is in flight at a time, which is what recovery's
 * telling a torn tail from corruption rests on (docs/formats.md). A failed write or sync throws: the thread dies, the node with it,
 * nothing is retried and nothing past the last good sync was ever told to anyone.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { assert } from '../base/assert.js';
import { alignDown, alignUp } from '../base/bytes.js';
import type { Bytes, Disk, FileHandle, RecordKernel } from '../base/ports.js';
import { earlier } from '../base/units.js';
import { CHUNK_HEADER_BYTES, chunkFileName, decodeChunkHeader, encodeFooter } from '../log/chunk.js';
import { type Truncation, truncateLog } from '../log/truncation.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { BLOCK_BYTES, CONTROL, RingMemory } from '../ring/layout.js';
import type { Agent } from '../ring/runner.js';
import { type CountedBatch, StatisticsWords } from '../ring/writer-statistics.js';
import type { WriterOptions } from './commands.js';

/** What the agent needs of the thread that it runs on. */
export interface WriterSurroundings {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** Tells main how a truncation went. */
  report(truncation: Truncation): void;
}

interface OpenChunk {
  readonly number: number;
  readonly file: FileHandle;
  readonly chunkId: string;
}

export class WriterAgent implements Agent {
  readonly #options: WriterOptions;
  readonly #surroundings: WriterSurroundings;
  readonly #disk: Disk;
  readonly #memory: RingMemory;
  readonly #published: Cursor;
  readonly #durable: Cursor;
  readonly #truncateTo: Cursor;
  readonly #mainBell: Doorbell;
  readonly #statistics: StatisticsWords;
  /** The last, partly filled block: copied, because main goes on framing into it while it is being written. */
  readonly #tailBlock: Bytes;
  readonly #chunkBytes: number;
  #chunk: OpenChunk | undefined;
  #hasTruncated = false;

  constructor(options: WriterOptions, surroundings: WriterSurroundings) {
    const { disk } = surroundings;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#disk = disk;
    this.#memory = new RingMemory(options.ring);
    const { control } = this.#memory;
    this.#published = new Cursor(control, CONTROL.published, options.ring.start);
    this.#durable = new Cursor(control, CONTROL.durable, options.ring.start);
    this.#mainBell = new Doorbell(control, CONTROL.mainBell);
    this.#statistics = new StatisticsWords(this.#memory);
    this.#durable.load();
    this.#truncateTo = new Cursor(control, CONTROL.truncateTo, options.ring.start);
    this.#tailBlock = disk.alignedBuffer(BLOCK_BYTES);
    this.#chunkBytes = options.ring.chunkBytes;
  }

  doWork(): number {
    if (Atomics.load(this.#memory.control, CONTROL.truncating) === 1) return this.#truncate();
    this.#hasTruncated = false;
    const durable = this.#durable.position;
    const published = this.#published.load();
    if (published === durable) return 0;
    const chunkNumber = Math.floor(durable / this.#chunkBytes);
    const end = this.#batchEnd(durable, published);
    const chunk = this.#openChunk(chunkNumber);
    const counted = this.#write(chunk, durable, end);
    this.#durable.store(end);
    this.#mainBell.ring();
    this.#statistics.addBatch(counted);
    if (end % this.#chunkBytes === 0) this.#statistics.add('chunks', 1);
    if (end % this.#chunkBytes === 0) this.#closeChunk();
    return end - durable;
  }

  isDone(): boolean {
    const stopping = Atomics.load(this.#memory.control, CONTROL.stopping) === 1;
    return stopping && this.#published.load() === this.#durable.position;
  }

  idleMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  isAwaited(): boolean {
    return Atomics.load(this.#memory.control, CONTROL.isAwaited) === 1;
  }

  close(): void {
    this.#closeChunk();
  }

  /**
   * Cuts the log, once, and waits for main to go on from there: until it does, what is published is of the log as it was. All of that is
   * durable before main asks.
   */
  #truncate(): number {
    if (this.#hasTruncated) return 0;
    const end = this.#durable.position;
    assert(this.#published.load() === end, 'main asks for a truncation when all is durable');
    const { kernel, report } = this.#surroundings;
    const to = this.#truncateTo.load();
    const chunks = Array.from({ length: Math.ceil(end / this.#chunkBytes) }, (_, number) => {
      return { path: join(this.#options.folder, chunkFileName(number, 0)) };
    });
    this.#closeChunk();
    const truncation = truncateLog({
      disk: this.#disk,
      kernel,
      chunks,
      chunkSize: this.#chunkBytes,
      end,
      to,
    });
    if (truncation.kind === 'truncated') this.#durable.store(to);
    this.#hasTruncated = true;
    report(truncation);
    return 1;
  }

  /** A batch ends at the chunk's end, at the ring's end, at a block boundary when over the cap, or takes all there is. */
  #batchEnd(durable: number, published: number): number {
    const chunkEnd = alignDown(durable, this.#chunkBytes) + this.#chunkBytes;
    const ringEnd = durable + this.#options.ring.ringBytes - this.#memory.offsetOf(durable);
    const capEnd = alignDown(durable, BLOCK_BYTES) + this.#options.batchBytesMax;
    return earlier(earlier(published, chunkEnd), earlier(ringEnd, capEnd));
  }

  /** Writes the blocks that hold [durable, end), the last one filled up with zeros, and syncs. */
  #write(chunk: OpenChunk, durable: number, end: number): CountedBatch {
    const from = alignDown(durable, BLOCK_BYTES);
    const wholeEnd = alignDown(end, BLOCK_BYTES);
    const at = this.#memory.offsetOf(from);
    const offset = CHUNK_HEADER_BYTES + (from % this.#chunkBytes);
    const { bytes } = this.#memory;
    const startMs = performance.now();
    if (end % this.#chunkBytes === 0) {
      this.#disk.writeWithTail(chunk.file, bytes, at, wholeEnd - from, this.#footer(chunk, end), offset);
    } else if (end > wholeEnd) {
      this.#fillTailBlock(wholeEnd, end);
      this.#disk.writeWithTail(chunk.file, bytes, at, wholeEnd - from, this.#tailBlock, offset);
    } else {
      this.#disk.write(chunk.file, bytes, at, wholeEnd - from, offset);
    }
    const writtenMs = performance.now();
    if (this.#options.syncMode === 'fdatasync') this.#disk.syncData(chunk.file);
    const syncedMs = performance.now();
    this.#statistics.setLastBatch({ from: durable, to: end, beganMs: startMs, writtenMs, syncedMs });
    const times = { writeMs: writtenMs - startMs, syncMs: syncedMs - writtenMs };
    return { recordBytes: end - durable, diskBytes: alignUp(end, BLOCK_BYTES) - from, ...times };
  }

  #fillTailBlock(from: number, to: number): void {
    const at = this.#memory.offsetOf(from);
    const length = to - from;
    this.#tailBlock.set(this.#memory.bytes.subarray(at, at + length));
    this.#tailBlock.fill(0, length);
  }

  /** The footer block of a chunk whose last record main has noted in the chunk-end table. */
  #footer(chunk: OpenChunk, endPosition: number): Bytes {
    const { chunkEnds } = this.#memory;
    const at = this.#memory.chunkEndAt(chunk.number);
    const block = this.#tailBlock;
    encodeFooter(block, {
      chunkNumber: chunk.number,
      endPosition,
      logId: this.#options.logId,
      chunkId: chunk.chunkId,
      chain: chunkEnds[at]!,
      previousLength: chunkEnds[at + 1]!,
      epoch: chunkEnds[at + 2]!,
      recordCount: chunkEnds[at + 3]!,
    });
    return block;
  }

  #openChunk(number: number): OpenChunk {
    if (this.#chunk?.number === number) return this.#chunk;
    this.#closeChunk();
    const { folder, syncMode } = this.#options;
    const path = join(folder, chunkFileName(number, 0));
    const file = this.#disk.open(path, { access: 'write', direct: true, dsync: syncMode === 'dsync' });
    this.#disk.read(file, this.#tailBlock, 0, BLOCK_BYTES, 0);
    const decoded = decodeChunkHeader(this.#tailBlock);
    assert(decoded.kind === 'header', `the header of ${path} was checked before the node got ready`);
    this.#chunk = { number, file, chunkId: decoded.header.chunkId };
    return this.#chunk;
  }

  #closeChunk(): void {
    if (this.#chunk !== undefined) this.#disk.close(this.#chunk.file);
    this.#chunk = undefined;
  }
}
