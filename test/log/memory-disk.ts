/**
 * A Disk in memory, for tests: files are byte arrays, everything is at once durable, and what is read and written is counted.
 * Paths are flat strings; a folder is whatever stands before the last slash.
 */
import { type Bytes, type Disk, DiskError, type FileHandle, type OpenOptions } from '../../src/base/ports.js';

const ALIGNMENT_BYTES = 4096;

export class MemoryDisk implements Disk {
  readonly kind = 'simulated';
  readonly alignmentBytes = ALIGNMENT_BYTES;
  /** Path → content. Tests look at it and damage it. */
  readonly files = new Map<string, Uint8Array>();
  readonly folders = new Set<string>();
  /** From the medium. */
  bytesRead = 0;
  /** Whether a file that is not read directly is read from the medium once, and then remembered. */
  hasPageCache = false;
  bytesWritten = 0;
  syncs = 0;
  /** Called before each write; may throw, to stand for a crash or a failing disk. */
  beforeWrite: ((path: string, offset: number, length: number) => void) | undefined;

  readonly #open = new Map<FileHandle, { path: string; direct: boolean }>();
  /** What the page cache has, by path. */
  readonly #cached = new Map<string, Uint8Array>();
  #nextHandle = 3;

  /** A disk with the same content. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk();
    for (const [path, bytes] of this.files) copy.files.set(path, bytes.slice());
    for (const folder of this.folders) copy.folders.add(folder);
    return copy;
  }

  /** The paths of files that are not the same on both disks. */
  differences(other: MemoryDisk): string[] {
    const paths = new Set([...this.files.keys(), ...other.files.keys()]);
    const nothing = new Uint8Array(0);
    return [...paths].filter((path) => {
      return Buffer.compare(this.files.get(path) ?? nothing, other.files.get(path) ?? nothing) !== 0;
    });
  }

  /** How many files are open: a leak if it isn't 0 in the end. */
  get openCount(): number {
    return this.#open.size;
  }

  open(path: string, options: OpenOptions): FileHandle {
    const exists = this.files.has(path);
    if (options.access === 'create-new' && exists) throw new DiskError('EEXIST', 'open', path);
    if (options.access === 'create-new') this.files.set(path, new Uint8Array(0));
    else if (!exists) throw new DiskError('ENOENT', 'open', path);
    const file = this.#nextHandle++;
    this.#open.set(file, { path, direct: options.direct === true });
    return file;
  }

  close(file: FileHandle): void {
    if (!this.#open.delete(file)) throw new DiskError('EBADF', 'close', String(file));
  }

  sizeOf(file: FileHandle): number {
    return this.#content(file).length;
  }

  read(file: FileHandle, target: Bytes, at: number, length: number, offset: number): number {
    this.#requireAligned(file, target, [at, length, offset]);
    const isCached = this.hasPageCache && !this.#open.get(file)!.direct;
    const remembered = isCached ? this.#cached.get(this.#path(file)) : undefined;
    const part = (remembered ?? this.#content(file)).subarray(offset, offset + length);
    target.set(part, at);
    if (remembered === undefined) this.bytesRead += part.length;
    if (isCached && remembered === undefined) this.#cached.set(this.#path(file), this.#content(file).slice());
    return part.length;
  }

  write(file: FileHandle, source: Bytes, at: number, length: number, offset: number): void {
    this.#requireAligned(file, source, [at, length, offset]);
    this.beforeWrite?.(this.#path(file), offset, length);
    if (offset + length > this.#content(file).length) this.allocate(file, offset + length);
    this.#content(file).set(source.subarray(at, at + length), offset);
    this.#cached.delete(this.#path(file));
    this.bytesWritten += length;
  }

  writeWithTail(
    file: FileHandle,
    source: Bytes,
    at: number,
    length: number,
    tail: Bytes,
    offset: number,
  ): void {
    this.write(file, source, at, length, offset);
    this.write(file, tail, 0, tail.length, offset + length);
  }

  allocate(file: FileHandle, length: number): void {
    const content = this.#content(file);
    if (length <= content.length) return;
    const longer = new Uint8Array(length);
    longer.set(content);
    this.files.set(this.#path(file), longer);
  }

  syncData(file: FileHandle): void {
    this.#path(file);
    this.syncs++;
  }

  sync(file: FileHandle): void {
    this.syncData(file);
  }

  syncDirectory(_path: string): void {
    this.syncs++;
  }

  rename(from: string, to: string): void {
    const content = this.files.get(from);
    if (content === undefined) throw new DiskError('ENOENT', 'rename', from);
    this.files.delete(from);
    this.files.set(to, content);
  }

  unlink(path: string): void {
    if (!this.files.delete(path)) throw new DiskError('ENOENT', 'unlink', path);
  }

  list(path: string): string[] {
    const prefix = `${path}/`;
    const names = [...this.files.keys()].filter((name) => name.startsWith(prefix));
    if (names.length === 0 && !this.folders.has(path)) throw new DiskError('ENOENT', 'scandir', path);
    return names.map((name) => name.slice(prefix.length)).sort();
  }

  makeDirectory(path: string): void {
    this.folders.add(path);
  }

  alignedBuffer(length: number): Bytes {
    return new Uint8Array(length);
  }

  dropCached(file: FileHandle): void {
    this.#cached.delete(this.#path(file));
  }

  adviseHugePages(_buffer: ArrayBufferLike): void {
    // Nothing to gain here.
  }

  /** A buffer counts as aligned from its start on: what must be aligned is the place in it. */
  alignmentGap(_buffer: ArrayBufferLike): number {
    return 0;
  }

  #path(file: FileHandle): string {
    const open = this.#open.get(file);
    if (open === undefined) throw new DiskError('EBADF', 'file', String(file));
    return open.path;
  }

  #content(file: FileHandle): Uint8Array {
    const path = this.#path(file);
    const content = this.files.get(path);
    if (content === undefined) throw new DiskError('ENOENT', 'file', path);
    return content;
  }

  #requireAligned(file: FileHandle, bytes: Bytes, numbers: readonly number[]): void {
    if (this.#open.get(file)?.direct !== true) return;
    const all = [...numbers, bytes.byteOffset];
    if (all.some((number) => number % ALIGNMENT_BYTES !== 0)) {
      throw new DiskError('EINVAL', 'direct', this.#path(file));
    }
  }
}
