/**
 * Pieces of bytes, all of one length, that are to be written later, in the order in which they come, whatever their number: the last of them in
 * memory, the others in a file without a checksum that lives as long as the job. On a thread that may block.
 */
import type { Bytes, Disk, FileHandle } from '../base/ports.js';
import { IndexDamage } from './page.js';

export class Spool {
  /** The pieces that are in memory. */
  readonly buffer: Bytes;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #pieceBytes: number;
  #used = 0;
  #file: FileHandle | undefined;
  #written = 0;

  /** Keeps `piecesMax` in memory; the file at `path` is made when there are more. */
  constructor(disk: Disk, path: string, pieceBytes: number, piecesMax: number) {
    this.#disk = disk;
    this.#path = path;
    this.#pieceBytes = pieceBytes;
    this.buffer = new Uint8Array(pieceBytes * piecesMax);
  }

  /** A place for the next piece in {@link buffer}, valid until the next one is claimed. Throws `DiskError`. */
  claim(): number {
    if (this.#used === this.buffer.length) this.#spill();
    const at = this.#used;
    this.#used += this.#pieceBytes;
    return at;
  }

  /** Hands out all pieces, each as `bytes[at, at+length)`. Nothing can be added behind that. */
  drain(take: (bytes: Bytes, at: number) => void): void {
    if (this.#file !== undefined) this.#spill();
    const total = this.#file === undefined ? this.#used : this.#written;
    for (let from = 0; from < total; from += this.buffer.length) {
      const length = Math.min(this.buffer.length, total - from);
      if (this.#file !== undefined) this.#readBack(this.#file, from, length);
      for (let at = 0; at < length; at += this.#pieceBytes) take(this.buffer, at);
    }
  }

  /** Removes the file. */
  close(): void {
    if (this.#file === undefined) return;
    this.#disk.close(this.#file);
    this.#file = undefined;
    this.#disk.unlink(this.#path);
  }

  #readBack(file: FileHandle, from: number, length: number): void {
    const got = this.#disk.read(file, this.buffer, 0, length, from);
    if (got < length) throw new IndexDamage(this.#path, 'it was cut short');
  }

  #spill(): void {
    this.#file ??= this.#disk.open(this.#path, { access: 'create-new' });
    this.#disk.write(this.#file, this.buffer, 0, this.#used, this.#written);
    this.#written += this.#used;
    this.#used = 0;
  }
}
