/**
 * The bytes of a log in memory, chunk by chunk as in the files, so that whole blocks can be written straight from here. Pure. Behind the
 * end of the log all is zeros.
 */
import { assert } from '../../base/assert.js';
import type { Bytes } from '../../base/ports.js';
import type { Position } from '../../base/units.js';
import { chunkOf } from '../../log/chunk.js';

export class LogMemory {
  readonly #chunkSize: number;
  readonly #chunks: Uint8Array[] = [];

  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** The data of a chunk: `chunkSize` bytes. */
  chunk(number: number): Uint8Array {
    while (this.#chunks.length <= number) this.#chunks.push(new Uint8Array(this.#chunkSize));
    return this.#chunks[number]!;
  }

  /** Puts `bytes[at, at+length)` to `position`; it must not cross the end of the chunk. */
  put(position: Position, bytes: Bytes, at: number, length: number): void {
    const offset = position % this.#chunkSize;
    assert(offset + length <= this.#chunkSize, 'what is put in one go lies in one chunk');
    this.chunk(chunkOf(position, this.#chunkSize)).set(bytes.subarray(at, at + length), offset);
  }

  /** A copy of [from, to). */
  copy(from: Position, to: Position): Uint8Array {
    const bytes = new Uint8Array(to - from);
    for (let position = from; position < to; ) {
      const offset = position % this.#chunkSize;
      const length = Math.min(to - position, this.#chunkSize - offset);
      const chunk = this.chunk(chunkOf(position, this.#chunkSize));
      bytes.set(chunk.subarray(offset, offset + length), position - from);
      position += length;
    }
    return bytes;
  }

  /** The u32 at `position`, a multiple of 4. */
  u32(position: Position): number {
    const chunk = this.chunk(chunkOf(position, this.#chunkSize));
    const at = position % this.#chunkSize;
    return (chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16) | (chunk[at + 3]! << 24)) >>> 0;
  }

  /** Forgets what is behind `position`. */
  cut(position: Position): void {
    const number = chunkOf(position, this.#chunkSize);
    this.#chunks.length = Math.min(this.#chunks.length, number + 1);
    this.#chunks[number]?.fill(0, position % this.#chunkSize);
  }
}
