/**
 * A chunk's file in the making: written under a temporary name from front to back, past the page cache where the disk can, so that a
 * copy doesn't push out what a node on the same machine needs. Durable before it gets its name. On a thread that may block.
 */
import { assert } from '../base/assert.js';
import { alignUp } from '../base/bytes.js';
import type { Bytes, Disk, FileHandle, RecordKernel } from '../base/ports.js';
import { BLOCK_BYTES } from './backup-chunk.js';

/** At this size direct writes are near a disk's full rate. */
const BUFFER_BYTES = 1_048_576;

export class ChunkFile {
  readonly #disk: Disk;
  readonly #kernel: RecordKernel;
  readonly #temporaryPath: string;
  readonly #buffer: Bytes;
  #file: FileHandle | undefined;
  #filled = 0;
  #written = 0;
  #crc = 0;

  /** Makes the file `path.tmp`, in the place of one that was left there. Throws `DiskError`. */
  constructor(disk: Disk, kernel: RecordKernel, path: string) {
    this.#disk = disk;
    this.#kernel = kernel;
    this.#temporaryPath = `${path}.tmp`;
    this.#buffer = disk.alignedBuffer(BUFFER_BYTES);
    const at = path.lastIndexOf('/');
    const name = this.#temporaryPath.slice(at + 1);
    if (disk.list(path.slice(0, at)).includes(name)) disk.unlink(this.#temporaryPath);
    this.#file = disk.open(this.#temporaryPath, { access: 'create-new', direct: true });
  }

  /** So far. */
  get bytes(): number {
    return this.#written + this.#filled;
  }

  /** CRC-32C of the whole file; known when it is finished. */
  get crc32c(): number {
    return this.#crc;
  }

  /** Makes the file so long now; what is never written stays zeros. */
  allocate(bytes: number): void {
    this.#disk.allocate(this.#opened(), bytes);
  }

  write(bytes: Bytes): void {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, this.#buffer.length - this.#filled);
      this.#buffer.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === this.#buffer.length) this.#flush();
    }
  }

  /** Fills the last block with zeros. */
  pad(): void {
    const end = alignUp(this.#filled, BLOCK_BYTES);
    this.#buffer.fill(0, this.#filled, end);
    this.#filled = end;
    if (this.#filled === this.#buffer.length) this.#flush();
  }

  /** Everything is written: makes it durable. */
  finish(): void {
    this.#flush();
    this.#disk.sync(this.#opened());
  }

  /** Gives the finished file its name; its folder has to be synced after that. */
  install(path: string): void {
    this.#disk.close(this.#opened());
    this.#file = undefined;
    this.#disk.rename(this.#temporaryPath, path);
  }

  /** Removes the file, unless it has its name. */
  discard(): void {
    if (this.#file === undefined) return;
    this.#disk.close(this.#file);
    this.#file = undefined;
    this.#disk.unlink(this.#temporaryPath);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    assert(this.#filled % BLOCK_BYTES === 0, 'a file of a backup is whole blocks');
    this.#crc = this.#kernel.crc32c(this.#buffer, 0, this.#filled, this.#crc);
    this.#disk.write(this.#opened(), this.#buffer, 0, this.#filled, this.#written);
    this.#written += this.#filled;
    this.#filled = 0;
  }

  #opened(): FileHandle {
    assert(this.#file !== undefined, 'the file is open');
    return this.#file;
  }
}
