/**
 * The Disk on the addon: past the page cache with O_DIRECT, space reserved by fallocate. Validates and decides; the addon
 * acts. Synchronous: for threads that may block. Every failure throws DiskError.
 */
import { constants } from 'node:fs';
import { assert } from '../base/assert.js';
import type { Bytes, Disk, FileHandle, OpenOptions } from '../base/ports.js';
import { list, makeDirectory, rename, sizeOf, unlink } from './directory.js';
import { checked, errnoName } from './errno.js';
import type { Addon } from './load.js';
import { FILE_MODE, openFlags } from './open-flags.js';
import { assertOffset, assertRange } from './range.js';
import { writeZeros } from './zeros.js';

/** A page: no file system and no disk in use asks for more. */
const ALIGNMENT_BYTES = 4096;

interface OpenFile {
  readonly path: string;
  /** What reads and writes must be aligned to. */
  readonly alignment: number;
}

export class AddonDisk implements Disk {
  readonly kind = 'native';
  readonly alignmentBytes = ALIGNMENT_BYTES;
  readonly rename = rename;
  readonly unlink = unlink;
  readonly list = list;
  readonly makeDirectory = makeDirectory;
  readonly #addon: Addon;
  readonly #files = new Map<FileHandle, OpenFile>();
  #directRefusedFor: string | undefined;

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** The first file whose file system refused direct I/O, if any did; it is read and written through the page cache. */
  get directRefusedFor(): string | undefined {
    return this.#directRefusedFor;
  }

  open(path: string, options: OpenOptions): FileHandle {
    let file = this.#addon.open(path, openFlags(options), FILE_MODE);
    if (options.direct === true && file < 0 && errnoName(-file) === 'EINVAL') {
      file = this.#openPlain(path, options);
    }
    checked(file, 'open', path);
    // Alignment is asked for even where the page cache makes it needless: a mistake shows everywhere, not on some disks.
    this.#files.set(file, { path, alignment: options.direct === true ? ALIGNMENT_BYTES : 1 });
    return file;
  }

  close(file: FileHandle): void {
    const { path } = this.#fileOf(file);
    this.#files.delete(file);
    checked(this.#addon.close(file), 'close', path);
  }

  sizeOf(file: FileHandle): number {
    return sizeOf(file, this.#fileOf(file).path);
  }

  read(file: FileHandle, target: Bytes, at: number, length: number, offset: number): number {
    assertRange(target, at, length);
    assertOffset(offset);
    const { path, alignment } = this.#fileOf(file);
    return checked(this.#addon.read(file, target, at, length, offset, alignment), 'pread', path);
  }

  write(file: FileHandle, source: Bytes, at: number, length: number, offset: number): void {
    assertRange(source, at, length);
    assertOffset(offset);
    const { path, alignment } = this.#fileOf(file);
    checked(this.#addon.write(file, source, at, length, offset, alignment), 'pwrite', path);
  }

  writeWithTail(
    file: FileHandle,
    source: Bytes,
    at: number,
    length: number,
    tail: Bytes,
    offset: number,
  ): void {
    assertRange(source, at, length);
    assertOffset(offset);
    const { path, alignment } = this.#fileOf(file);
    const result = this.#addon.writeWithTail(file, source, at, length, offset, alignment, tail);
    checked(result, 'pwritev', path);
  }

  allocate(file: FileHandle, length: number): void {
    assertOffset(length);
    const result = this.#addon.allocate(file, length);
    if (result < 0 && isUnsupported(result)) writeZeros(this, file, length);
    else checked(result, 'fallocate', this.#fileOf(file).path);
  }

  syncData(file: FileHandle): void {
    checked(this.#addon.syncData(file), 'fdatasync', this.#fileOf(file).path);
  }

  sync(file: FileHandle): void {
    checked(this.#addon.sync(file), 'fsync', this.#fileOf(file).path);
  }

  dropCached(file: FileHandle): void {
    checked(this.#addon.dropCached(file), 'fadvise', this.#fileOf(file).path);
  }

  syncDirectory(path: string): void {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const directory = checked(this.#addon.open(path, flags, 0), 'open', path);
    const result = this.#addon.sync(directory);
    this.#addon.close(directory);
    checked(result, 'fsync', path);
  }

  alignedBuffer(length: number): Bytes {
    const memory = new ArrayBuffer(length + ALIGNMENT_BYTES);
    return new Uint8Array(memory, this.alignmentGap(memory), length);
  }

  adviseHugePages(buffer: ArrayBufferLike): void {
    this.#addon.adviseHugePages(new Uint8Array(buffer));
  }

  alignmentGap(buffer: ArrayBufferLike): number {
    return checked(this.#addon.alignmentGap(new Uint8Array(buffer), ALIGNMENT_BYTES), 'address', 'memory');
  }

  /**
   * Opens without O_DIRECT what could not be opened with it. By then a new file may be there, empty: the kernel looks for
   * direct I/O last. That nobody else had made it is certain, because then the first call had failed with EEXIST.
   */
  #openPlain(path: string, options: OpenOptions): number {
    const { dsync = false } = options;
    const isNew = options.access === 'create-new';
    let file = this.#addon.open(
      path,
      openFlags({ access: isNew ? 'write' : options.access, dsync }),
      FILE_MODE,
    );
    if (isNew && file < 0 && errnoName(-file) === 'ENOENT') {
      file = this.#addon.open(path, openFlags({ access: 'create-new', dsync }), FILE_MODE);
    }
    if (file >= 0) this.#directRefusedFor ??= path;
    return file;
  }

  #fileOf(file: FileHandle): OpenFile {
    const open = this.#files.get(file);
    assert(open !== undefined, `file ${file} is not open`);
    return open;
  }
}

/** Whether a result says that the file system can't do this at all. */
function isUnsupported(result: number): boolean {
  return ['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'].includes(errnoName(-result));
}
