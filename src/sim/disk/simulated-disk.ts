/**
 * A disk in memory that can lose power and lie. Pure and deterministic: all chance comes from a seeded `Random`. A file is one array of
 * what a reader sees; what is not synced yet has its old bytes in an undo list, so that the good path costs a copy and nothing per sector.
 * Names work the same way: creating, renaming and removing is undone by a crash unless the directory was synced.
 * Sectors of 512 bytes are atomic, as recovery assumes (docs/formats.md); everything else that a disk may do to a write, it does.
 */
import { alignDown, alignUp } from '../../base/bytes.js';
import { type Bytes, type Disk, DiskError, type FileHandle, type OpenOptions } from '../../base/ports.js';
import type { Random } from '../random.js';
import { SimulatedDirectory } from './simulated-directory.js';
import { BLOCK_BYTES, type SimulatedFile } from './simulated-file.js';

/**
 * What becomes of writes that were not synced. `lose-all`, `torn`: the power goes, and all of them or any subset of their sectors is lost.
 * `keep-all`: only the process dies; they can be read, and a later power cut may still take them.
 */
export type CrashKind = 'lose-all' | 'keep-all' | 'torn';

/** What is about to change the disk; of a directory's changes, `path` is the directory or the (new) name. */
export type DiskOperation = 'write' | 'allocate' | 'sync' | 'syncDirectory' | 'create' | 'rename' | 'unlink';

interface OpenFile {
  readonly path: string;
  readonly file: SimulatedFile;
  readonly direct: boolean;
  readonly dsync: boolean;
}

export class SimulatedDisk implements Disk {
  readonly kind = 'simulated';
  readonly alignmentBytes = BLOCK_BYTES;

  // Faults: off by default, may be set at any time. Those called `next` happen once and switch themselves off.
  /** The next sync of a file throws EIO, and what it was to make durable is there or not, sector by sector, for good. */
  failNextSync = false;
  /** Syncs return and make nothing durable. */
  lying = false;
  /** The next write to a file lands at another block of the same file. */
  misdirectNextWrite = false;
  /** The next write is acknowledged, also by syncs, and never arrives. */
  loseNextWrite = false;
  /** All files together may be so long; what would make them longer throws ENOSPC. */
  spaceBytes = Number.POSITIVE_INFINITY;
  /** Called before everything that changes the disk; may throw, to stand for the end of the process. */
  beforeChange: ((operation: DiskOperation, path: string) => void) | undefined;

  // Counters.
  writes = 0;
  syncs = 0;
  bytesWritten = 0;
  bytesRead = 0;

  readonly #random: Random;
  readonly #directory = new SimulatedDirectory();
  readonly #open = new Map<FileHandle, OpenFile>();
  #nextHandle = 3;
  #usedBytes = 0;

  /** `random`: for the faults. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** The length of all files together. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** How many files are open: a leak if it isn't what it should be. */
  get openCount(): number {
    return this.#open.size;
  }

  /** The process dies, perhaps because the power goes. All handles are closed. Faults stay as they are. */
  crash(random: Random, how: CrashKind): void {
    this.#open.clear();
    if (how === 'keep-all') return;
    const isKept = how === 'torn' ? tear(random) : () => false;
    const files = this.#directory.files();
    this.#directory.crash(isKept);
    for (const file of files) file.crash(isKept);
    this.#usedBytes = 0;
    for (const file of this.#directory.files()) this.#usedBytes += file.length;
  }

  /** A copy of everything but the faults and what is open. */
  clone(random: Random): SimulatedDisk {
    const copy = new SimulatedDisk(random);
    copy.#directory.copyFrom(this.#directory);
    copy.#usedBytes = this.#usedBytes;
    return copy;
  }

  /** Flips one bit of what a file holds: the medium rots. */
  flipBit(path: string, offset: number, bit = 0): void {
    this.#directory.get(path, 'flip').flipBit(offset, bit);
  }

  /** Flips a bit somewhere in the files whose path `matches`; says where, or undefined if there is nothing to flip. */
  flipRandomBit(matches: (path: string) => boolean): { path: string; offset: number } | undefined {
    const paths = this.#directory.paths().filter((path) => matches(path) && this.contentOf(path).length > 0);
    if (paths.length === 0) return undefined;
    const path = this.#random.pick(paths);
    const offset = this.#random.below(this.contentOf(path).length);
    this.flipBit(path, offset, this.#random.below(8));
    return { path, offset };
  }

  /** What a file holds now, as a view: for checks. */
  contentOf(path: string): Uint8Array {
    return this.#directory.get(path, 'read').content();
  }

  /** Whether [from, to) of a file would be there after a crash: for checks. */
  isDurable(path: string, from: number, to: number): boolean {
    return this.#directory.isDurable(path) && this.#directory.get(path, 'read').isDurable(from, to);
  }

  /** All paths, sorted. */
  paths(): string[] {
    return this.#directory.paths();
  }

  open(path: string, options: OpenOptions): FileHandle {
    const isNew = options.access === 'create-new';
    if (isNew) this.beforeChange?.('create', path);
    const file = isNew ? this.#directory.create(path) : this.#directory.get(path, 'open');
    const handle = this.#nextHandle++;
    this.#open.set(handle, {
      path,
      file,
      direct: options.direct === true,
      dsync: options.dsync === true,
    });
    return handle;
  }

  close(file: FileHandle): void {
    this.#opened(file, 'close');
    this.#open.delete(file);
  }

  sizeOf(file: FileHandle): number {
    return this.#opened(file, 'fstat').file.length;
  }

  read(file: FileHandle, target: Bytes, at: number, length: number, offset: number): number {
    const opened = this.#opened(file, 'read');
    requireAligned(opened, target.byteOffset + at, length, offset);
    const count = opened.file.read(target, at, length, offset);
    this.bytesRead += count;
    return count;
  }

  write(file: FileHandle, source: Bytes, at: number, length: number, offset: number): void {
    const opened = this.#opened(file, 'write');
    requireAligned(opened, source.byteOffset + at, length, offset);
    const to = this.#destination(opened, length, offset);
    if (to !== undefined) opened.file.write(source, at, length, to);
    this.#written(opened, length);
  }

  writeWithTail(
    file: FileHandle,
    source: Bytes,
    at: number,
    length: number,
    tail: Bytes,
    offset: number,
  ): void {
    const opened = this.#opened(file, 'write');
    requireAligned(opened, source.byteOffset + at, length, offset);
    requireAligned(opened, tail.byteOffset, tail.length, 0);
    const to = this.#destination(opened, length + tail.length, offset);
    if (to !== undefined) {
      opened.file.write(source, at, length, to);
      opened.file.write(tail, 0, tail.length, to + length);
    }
    this.#written(opened, length + tail.length);
  }

  allocate(file: FileHandle, length: number): void {
    const opened = this.#opened(file, 'fallocate');
    this.beforeChange?.('allocate', opened.path);
    this.#reserve(opened, length, 'fallocate');
    opened.file.extend(length);
  }

  syncData(file: FileHandle): void {
    const opened = this.#opened(file, 'fdatasync');
    this.beforeChange?.('sync', opened.path);
    this.syncs++;
    this.#syncFile(opened);
  }

  sync(file: FileHandle): void {
    this.syncData(file);
  }

  syncDirectory(path: string): void {
    this.beforeChange?.('syncDirectory', path);
    this.syncs++;
    if (!this.lying) this.#directory.sync(path);
  }

  rename(from: string, to: string): void {
    this.beforeChange?.('rename', to);
    this.#usedBytes -= this.#directory.lengthOf(to);
    this.#directory.rename(from, to);
  }

  unlink(path: string): void {
    this.beforeChange?.('unlink', path);
    this.#usedBytes -= this.#directory.lengthOf(path);
    this.#directory.unlink(path);
  }

  list(path: string): string[] {
    return this.#directory.list(path);
  }

  /** Durable at once: what a crash does to the folder itself is not simulated. */
  makeDirectory(path: string): void {
    this.#directory.makeFolder(path);
  }

  alignedBuffer(length: number): Bytes {
    return new Uint8Array(length);
  }

  dropCached(_file: FileHandle): void {
    // It has no other memory.
  }

  adviseHugePages(_buffer: ArrayBufferLike): void {
    // Nothing to gain here.
  }

  /** A buffer counts as aligned from its start on: what must be aligned is the place in it. */
  alignmentGap(_buffer: ArrayBufferLike): number {
    return 0;
  }

  #opened(file: FileHandle, syscall: string): OpenFile {
    const opened = this.#open.get(file);
    if (opened === undefined) throw new DiskError('EBADF', syscall, String(file));
    return opened;
  }

  #reserve({ file, path }: OpenFile, length: number, syscall: string): void {
    const more = length - file.length;
    if (more <= 0) return;
    if (this.#usedBytes + more > this.spaceBytes) throw new DiskError('ENOSPC', syscall, path);
    this.#usedBytes += more;
  }

  /** Where a write lands: at its offset unless a fault says otherwise; undefined if it gets lost. */
  #destination(opened: OpenFile, length: number, offset: number): number | undefined {
    this.beforeChange?.('write', opened.path);
    if (this.loseNextWrite) {
      this.loseNextWrite = false;
      return undefined;
    }
    if (this.misdirectNextWrite) {
      this.misdirectNextWrite = false;
      return this.#elsewhere(opened.file.length, length, offset);
    }
    this.#reserve(opened, offset + length, 'write');
    return offset;
  }

  /** Another block of the file; nowhere if the file is too short for that. */
  #elsewhere(fileBytes: number, length: number, offset: number): number | undefined {
    const blocks = Math.floor((fileBytes - alignUp(length, BLOCK_BYTES)) / BLOCK_BYTES) + 1;
    if (blocks <= 1) return undefined;
    const block = this.#random.below(blocks - 1) * BLOCK_BYTES;
    return block < alignDown(offset, BLOCK_BYTES) ? block : block + BLOCK_BYTES;
  }

  #written(opened: OpenFile, length: number): void {
    this.writes++;
    this.bytesWritten += length;
    if (opened.dsync) this.#syncFile(opened);
  }

  #syncFile({ file, path }: OpenFile): void {
    if (this.failNextSync) {
      this.failNextSync = false;
      file.crash(tear(this.#random));
      throw new DiskError('EIO', 'fdatasync', path);
    }
    if (!this.lying) file.sync();
  }
}

/** Whether a sector or a name is kept: mostly any, at times almost all or almost none, so that single ones are missed or left. */
function tear(random: Random): () => boolean {
  const probability = random.pick([0.03, 0.5, 0.5, 0.97]);
  return () => random.chance(probability);
}

function requireAligned({ direct, path }: OpenFile, address: number, length: number, offset: number): void {
  if (!direct) return;
  if (address % BLOCK_BYTES === 0 && length % BLOCK_BYTES === 0 && offset % BLOCK_BYTES === 0) return;
  throw new DiskError('EINVAL', 'direct', path);
}
