/**
 * The Disk on node:fs alone: where the addon could not be built, and on other systems. As durable as the native one, but
 * it goes through the page cache (`direct` is ignored) and reserves space by writing zeros.
 * Synchronous: for threads that may block. Every failure throws DiskError.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { assert } from '../base/assert.js';
import { type Bytes, type Disk, DiskError, type FileHandle, type OpenOptions } from '../base/ports.js';
import { list, makeDirectory, rename, sizeOf, unlink } from './directory.js';
import { attempt } from './errno.js';
import { FILE_MODE, openFlags } from './open-flags.js';
import { assertOffset, assertRange } from './range.js';
import { writeZeros } from './zeros.js';

/** node:fs takes lengths below 2^31 only; what is longer goes in steps of this. */
const STEP_BYTES_MAX = 1 << 30;

export class JavascriptDisk implements Disk {
  readonly kind = 'javascript';
  readonly alignmentBytes = 1;
  readonly rename = rename;
  readonly unlink = unlink;
  readonly list = list;
  readonly makeDirectory = makeDirectory;
  readonly #paths = new Map<FileHandle, string>();

  open(path: string, options: OpenOptions): FileHandle {
    const flags = openFlags({ access: options.access, dsync: options.dsync ?? false });
    const file = attempt('open', path, () => openSync(path, flags, FILE_MODE));
    this.#paths.set(file, path);
    return file;
  }

  close(file: FileHandle): void {
    const path = this.#pathOf(file);
    this.#paths.delete(file);
    attempt('close', path, () => closeSync(file));
  }

  sizeOf(file: FileHandle): number {
    return sizeOf(file, this.#pathOf(file));
  }

  read(file: FileHandle, target: Bytes, at: number, length: number, offset: number): number {
    assertRange(target, at, length);
    assertOffset(offset);
    return attempt('pread', this.#pathOf(file), () => {
      let done = 0;
      while (done < length) {
        const step = Math.min(length - done, STEP_BYTES_MAX);
        const count = readSync(file, target, at + done, step, offset + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(file: FileHandle, source: Bytes, at: number, length: number, offset: number): void {
    assertRange(source, at, length);
    assertOffset(offset);
    const path = this.#pathOf(file);
    for (let done = 0; done < length; ) {
      const step = Math.min(length - done, STEP_BYTES_MAX);
      const count = attempt('pwrite', path, () => writeSync(file, source, at + done, step, offset + done));
      // No progress and no reason: better an error than a loop for ever.
      if (count === 0) throw new DiskError('EIO', 'pwrite', path);
      done += count;
    }
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
    const parts = [source.subarray(at, at + length), tail];
    const done = attempt('pwritev', this.#pathOf(file), () => writevSync(file, parts, offset));
    // Almost always all of it. What a short count left over is written part by part.
    const ofSource = Math.min(done, length);
    const ofTail = done - ofSource;
    this.write(file, source, at + ofSource, length - ofSource, offset + ofSource);
    this.write(file, tail, ofTail, tail.length - ofTail, offset + length + ofTail);
  }

  /** Writes zeros from the end of the file to `length`: what is merely made longer would be missing when it is needed. */
  allocate(file: FileHandle, length: number): void {
    writeZeros(this, file, length);
  }

  syncData(file: FileHandle): void {
    attempt('fdatasync', this.#pathOf(file), () => fdatasyncSync(file));
  }

  sync(file: FileHandle): void {
    attempt('fsync', this.#pathOf(file), () => fsyncSync(file));
  }

  syncDirectory(path: string): void {
    const directory = attempt('open', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    try {
      attempt('fsync', path, () => fsyncSync(directory));
    } finally {
      closeSync(directory);
    }
  }

  alignedBuffer(length: number): Bytes {
    return new Uint8Array(length);
  }

  dropCached(_file: FileHandle): void {
    // Only the addon can ask.
  }

  adviseHugePages(_buffer: ArrayBufferLike): void {
    // Only the addon can ask.
  }

  alignmentGap(_buffer: ArrayBufferLike): number {
    return 0;
  }

  #pathOf(file: FileHandle): string {
    const path = this.#paths.get(file);
    assert(path !== undefined, `file ${file} is not open`);
    return path;
  }
}
