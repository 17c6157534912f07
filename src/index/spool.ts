/**
 * Bytes that are to be written later, in the order in which they come, whatever their number: the last of them in memory, the others in a
 * file without a checksum that lives as long as the job. On a thread that may block.
 */
import type { Bytes, Disk, FileHandle } from '../base/ports.js';
import { IndexDamage } from './page.js';

export class Spool {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #buffer: Bytes;
  #used = 0;
  #file: FileHandle | undefined;
  #written = 0;

  /** Keeps `bufferBytes` in memory; the file at `path` is made when there is more. */
  constructor(disk: Disk, path: string, bufferBytes: number) {
    this.#disk = disk;
    this.#path = path;
    this.#buffer = new Uint8Array(bufferBytes);
  }

  /** Room for `length` bytes at the place that is returned, in {@link buffer}. Throws `DiskError`. */
  claim(length: number): number {
    if (this.#used + length > this.#buffer.length) this.#spill();
    const at = this.#used;
    this.#used += length;
    return at;
  }

  get buffer(): Bytes {
    return this.#buffer;
  }

  /** Hands out all bytes, in pieces that are multiples of what was claimed each time if that was always the same. Nothing can be added behind that. */
  drain(take: (bytes: Bytes, length: number) => void): void {
    if (this.#file === undefined) {
      take(this.#buffer, this.#used);
      return;
    }
    this.#spill();
    const step = this.#buffer.length;
    for (let at = 0; at < this.#written; at += step) {
      const length = Math.min(step, this.#written - at);
      const got = this.#disk.read(this.#file, this.#buffer, 0, length, at);
      if (got < length) throw new IndexDamage(this.#path, 'it was cut short');
      take(this.#buffer, length);
    }
  }

  /** Removes the file. */
  close(): void {
    if (this.#file === undefined) return;
    this.#disk.close(this.#file);
    this.#file = undefined;
    this.#disk.unlink(this.#path);
  }

  #spill(): void {
    this.#file ??= this.#disk.open(this.#path, { access: 'create-new' });
    this.#disk.write(this.#file, this.#buffer, 0, this.#used, this.#written);
    this.#written += this.#used;
    this.#used = 0;
  }
}
