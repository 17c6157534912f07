/**
 * The preparer thread's work: keeps chunks ready ahead of the writer, mostly one. A chunk is made under a temporary name: its space
 * reserved, its blocks filled with zeros (a durable write to prewritten blocks is 1.6 to 2 times faster than to fresh extents,
 * facts in docs/performance.md), its header written, all synced, then renamed and the folder synced. The zeros are written in steps, paced
 * by how fast the active chunk fills, so that they disturb nobody; if the log gets there first, the rest stays merely reserved.
 * Chunks behind the next one have time: their zeros go at the slowest pace.
 * When the medium has no room, or a chunk would leave less than the reserve, it says so in the ring's control words and tries again: the node refuses writes
 * meanwhile and goes on by itself afterwards. Any other failure kills the thread, and the node with it.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { join } from 'node:path';
import { assert } from '../base/assert.js';
import { alignUp } from '../base/bytes.js';
import { type DiskSpace, markBytes } from '../base/disk-space.js';
import { type Bytes, type Disk, DiskError, type FileHandle } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_NUMBER_MAX,
  chunkFileBytes,
  chunkFileName,
  encodeChunkHeader,
  temporaryFileName,
} from '../log/chunk.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { BLOCK_BYTES, CONTROL, RingMemory } from '../ring/layout.js';
import type { Agent } from '../ring/runner.js';
import { BEYOND_RESERVE, type PreparerOptions } from './commands.js';

/**
 * One zero-filling write: 128 KiB in 3 ms are 43 MB/s, a few percent of a fast disk; larger ones are seen in the latency of
 * the writes that have to be flushed together with them. A log that grows faster is written in larger batches, which hide larger steps: all
 * that is due is one write then, because each one changes the file's extents, which costs more than the zeros themselves.
 */
const STEP_BYTES_MIN = 128 * 1024;
const STEP_BYTES_MAX = 1024 * 1024;
const STEP_PAUSE_MS = 3;
/** The zeros run this many times as fast as the active chunk fills, so that they are done before it is full. */
const LEAD = 1.25;
/** When so much of the active chunk is used, the log is about to get there: the next chunk is finished as it is. */
const URGENT_SHARE = 7 / 8;
/**
 * A log that grows faster than this is written in batches so large that prewritten blocks gain less than the zeros cost the
 * same disk: the next chunk is finished at once, its space merely reserved.
 */
const FAST_LOG_BYTES_PER_MS = 400_000;
/** So much of the active chunk must have been written for its rate to mean anything. */
const RATE_SAMPLE_SHARE = 1 / 16;
/** How often a full disk is tried again. */
const RETRY_MS = 500;

/** How much room the disk of a folder has, if that can be found out. */
type SpaceSource = (folder: string) => DiskSpace | undefined;

interface ChunkInPreparation {
  readonly number: number;
  readonly temporaryPath: string;
  /** Undefined once it is closed, on the way to its name. */
  file: FileHandle | undefined;
  filledBytes: number;
}

export class PreparerAgent implements Agent {
  readonly #options: PreparerOptions;
  readonly #disk: Disk;
  readonly #spaceOf: SpaceSource;
  readonly #control: Int32Array;
  readonly #published: Cursor;
  readonly #prepared: Cursor;
  readonly #mainBell: Doorbell;
  readonly #zeros: Bytes;
  readonly #chunkBytes: number;
  readonly #fileBytes: number;
  #next: number;
  #chunk: ChunkInPreparation | undefined;
  #isOutOfSpace = false;
  #beganMs = 0;
  #beganAt: Position = FIRST_POSITION;

  constructor(options: PreparerOptions, disk: Disk, spaceOf: SpaceSource = () => undefined) {
    this.#options = options;
    this.#disk = disk;
    this.#spaceOf = spaceOf;
    this.#chunkBytes = options.ring.chunkBytes;
    this.#fileBytes = chunkFileBytes(this.#chunkBytes);
    this.#next = options.nextChunk;
    this.#control = new RingMemory(options.ring).control;
    this.#published = new Cursor(this.#control, CONTROL.published, options.ring.start);
    this.#prepared = new Cursor(this.#control, CONTROL.prepared, this.#next * this.#chunkBytes);
    this.#mainBell = new Doorbell(this.#control, CONTROL.mainBell);
    this.#zeros = disk.alignedBuffer(STEP_BYTES_MAX);
    // Memory that was never written is one page of the system's for all of it, which direct I/O has to look up the slow way.
    this.#zeros.fill(0);
  }

  doWork(): number {
    const published = this.#published.load();
    const active = Math.floor(published / this.#chunkBytes);
    if (this.isDone() || this.#next > active + this.#options.chunksAhead) return 0;
    if (this.#chunk === undefined && this.#isBeyondReserve()) {
      this.#waitForSpace(BEYOND_RESERVE);
      return 0;
    }
    try {
      return this.#step(published, active);
    } catch (error) {
      if (!(error instanceof DiskError && error.isOutOfSpace)) throw error;
      this.#discard();
      this.#waitForSpace(errnoNumber(error.errno));
      return 0;
    }
  }

  isDone(): boolean {
    return Atomics.load(this.#control, CONTROL.stopping) === 1;
  }

  idleMs(): number {
    if (this.#isOutOfSpace) return RETRY_MS;
    return this.#chunk === undefined ? Number.POSITIVE_INFINITY : STEP_PAUSE_MS;
  }

  close(): void {
    this.#discard();
  }

  /** One step of making the next chunk, where the log has reached `published`, in chunk `active`. */
  #step(published: number, active: number): number {
    const activeUsed = published % this.#chunkBytes;
    const chunk = this.#chunk ?? this.#begin(published);
    const isNext = this.#next === active + 1;
    const isLate = this.#next <= active;
    const isAlmostLate = activeUsed >= this.#chunkBytes * URGENT_SHARE;
    const isUrgent = isLate || (isNext && (isAlmostLate || this.#isFast(published)));
    if (chunk.filledBytes === this.#fileBytes || isUrgent) {
      this.#finish(chunk);
      return 1;
    }
    const due = isNext ? alignUp(Math.floor(activeUsed * LEAD), BLOCK_BYTES) : 0;
    const stepBytes = Math.min(Math.max(due - chunk.filledBytes, STEP_BYTES_MIN), STEP_BYTES_MAX);
    const length = Math.min(stepBytes, this.#fileBytes - chunk.filledBytes);
    this.#disk.write(openFile(chunk), this.#zeros, 0, length, chunk.filledBytes);
    chunk.filledBytes += length;
    return chunk.filledBytes < due ? 1 : 0;
  }

  /** Whether the log has grown too fast, since this chunk was begun, for zeros to be worth it. */
  #isFast(published: number): boolean {
    const grown = published - this.#beganAt;
    if (grown < this.#chunkBytes * RATE_SAMPLE_SHARE) return false;
    return grown / (performance.now() - this.#beganMs) > FAST_LOG_BYTES_PER_MS;
  }

  #begin(published: number): ChunkInPreparation {
    this.#beganMs = performance.now();
    this.#beganAt = published;
    // A log of a million chunks is full, too.
    if (this.#next > CHUNK_NUMBER_MAX) throw new DiskError('EFBIG', 'create', this.#options.folder);
    const temporaryPath = join(this.#options.folder, temporaryFileName(this.#next, 0));
    const file = this.#disk.open(temporaryPath, { access: 'create-new', direct: true });
    // Registered first: if there is no room for it, giving up closes and removes the file.
    this.#chunk = { number: this.#next, temporaryPath, file, filledBytes: 0 };
    this.#disk.allocate(file, this.#fileBytes);
    this.#setOutOfSpace(0);
    // Without the addon, reserving is zero-filling.
    if (this.#disk.kind === 'javascript') this.#chunk.filledBytes = this.#fileBytes;
    return this.#chunk;
  }

  #finish(chunk: ChunkInPreparation): void {
    const { folder, logId } = this.#options;
    const header = this.#disk.alignedBuffer(CHUNK_HEADER_BYTES);
    encodeChunkHeader(header, {
      chunkNumber: chunk.number,
      chunkSize: this.#chunkBytes,
      logId,
      chunkId: randomUUID(),
      createdUs: Date.now() * 1000,
    });
    const file = openFile(chunk);
    this.#disk.write(file, header, 0, CHUNK_HEADER_BYTES, 0);
    this.#disk.sync(file);
    this.#disk.close(file);
    chunk.file = undefined;
    this.#disk.rename(chunk.temporaryPath, join(folder, chunkFileName(chunk.number, 0)));
    this.#chunk = undefined;
    this.#disk.syncDirectory(folder);
    this.#next++;
    this.#setOutOfSpace(0);
    this.#prepared.store(this.#next * this.#chunkBytes);
    this.#mainBell.ring();
  }

  /** Whether another chunk would leave less free than the reserve. What a chunk takes it takes when it is begun. */
  #isBeyondReserve(): boolean {
    const { reserve, folder } = this.#options;
    const space = reserve && this.#spaceOf(folder);
    if (space === undefined) return false;
    const reserveBytes = markBytes(reserve!, space);
    return reserveBytes > 0 && space.freeBytes - this.#fileBytes < reserveBytes;
  }

  #waitForSpace(errno: number): void {
    this.#setOutOfSpace(errno);
    this.#mainBell.ring();
  }

  /** `errno`: what keeps the next chunk from being made, {@link BEYOND_RESERVE} among it; 0 if nothing does. */
  #setOutOfSpace(errno: number): void {
    this.#isOutOfSpace = errno !== 0;
    Atomics.store(this.#control, CONTROL.preparerErrno, errno);
  }

  #discard(): void {
    if (this.#chunk === undefined) return;
    if (this.#chunk.file !== undefined) this.#disk.close(this.#chunk.file);
    this.#disk.unlink(this.#chunk.temporaryPath);
    this.#chunk = undefined;
  }
}

function openFile({ file }: ChunkInPreparation): FileHandle {
  assert(file !== undefined, 'a chunk is written before its file is closed');
  return file;
}

function errnoNumber(name: string): number {
  return (constants.errno as Record<string, number>)[name] ?? constants.errno.ENOSPC;
}
