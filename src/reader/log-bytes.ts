/**
 * Any stretch of the log, wherever it lies: its latest part is copied out of the ring, at once, the rest is read from chunk
 * files. Main thread, which is the one that frames records into the ring: nothing moves while a copy is made.
 */
import { assert } from '../base/assert.js';
import { alignDown, alignUp } from '../base/bytes.js';
import type { Position } from '../base/units.js';
import { Cursor } from '../ring/cursor.js';
import { CONTROL, type RingMemory } from '../ring/layout.js';
import type { ChunkFiles } from './chunk-files.js';
import type { CopyList } from './copy-list.js';

/** What a reader must know of the log's writing end. `RingProducer` is one. */
export interface LogTail {
  readonly memory: RingMemory;
  /** The first position whose bytes are in the ring. */
  readonly floor: Position;
  /** Up to here records are sealed and don't change. */
  readonly published: Position;
  /** Length field of the last published record; 0 if there is none. */
  readonly lastLength: number;
}

export class LogBytes {
  readonly #tail: LogTail;
  readonly #files: ChunkFiles;

  constructor(tail: LogTail, files: ChunkFiles) {
    this.#tail = tail;
    this.#files = files;
  }

  /** The end of what can be read at all. */
  get end(): Position {
    return this.#tail.published;
  }

  /** Length field of the record that ends there; 0 if there is none. */
  get lastLength(): number {
    return this.#tail.lastLength;
  }

  /** The first position whose bytes are in the ring now. */
  get floor(): Position {
    return this.#tail.floor;
  }

  /**
   * Fills `target[at, at+length)` with the published bytes from `position`. Returns undefined if all came from the ring and are there;
   * else a promise, and the bytes may be damaged.
   */
  read(position: Position, target: Uint8Array, at: number, length: number): Promise<void> | undefined {
    return this.#read(position, target, at, { length, cold: this.#coldBytes(position, length) });
  }

  /**
   * Fills `target` with the published bytes from `position`, of one chunk. What the chunk's file has as a whole comes from there, whatever the ring still has:
   * pieces that are put together may end inside of records, of which the file may have Removed ones in their place.
   */
  async readPiece(position: Position, target: Uint8Array): Promise<void> {
    const { length } = target;
    const { chunkBytes } = this.#tail.memory.descriptor;
    const isFiled = alignDown(position, chunkBytes) + chunkBytes <= this.#durable;
    await this.#read(position, target, 0, {
      length,
      cold: isFiled ? length : this.#coldBytes(position, length),
    });
  }

  /** The file that `position` is in, for messages. */
  pathAt(position: Position): string {
    return this.#files.pathAt(position);
  }

  /** Notes in `copies` that bytes from `position`, which are in the ring, go to the place `to`; see {@link copyNoted}. */
  note(copies: CopyList, position: Position, length: number, to: number): void {
    const { memory } = this.#tail;
    const from = memory.offsetOf(position);
    const first = Math.min(length, memory.descriptor.ringBytes - from);
    copies.add(from, to, first);
    if (first < length) copies.add(0, to + first, length - first);
  }

  /** Copies from the ring what was noted. */
  copyNoted(copies: CopyList, target: Uint8Array): void {
    copies.copy(this.#tail.memory.bytes, target);
  }

  /**
   * How many of the bytes come from files. In a chunk's file a Removed record may stand for one that the ring still has; no record is put together of both, so
   * what begins in a file goes on there to the chunk's end, if the file has all of the chunk.
   */
  #coldBytes(position: Position, length: number): number {
    const { floor } = this;
    if (position >= floor) return 0;
    const chunkEnd = alignUp(floor, this.#tail.memory.descriptor.chunkBytes);
    return Math.min(length, (chunkEnd <= this.#durable ? chunkEnd : floor) - position);
  }

  /** Up to here the files have everything. */
  get #durable(): Position {
    return new Cursor(this.#tail.memory.control, CONTROL.durable, this.floor).load();
  }

  /** `cold`: how many of the bytes come from files. */
  #read(
    position: Position,
    target: Uint8Array,
    at: number,
    { length, cold }: { readonly length: number; readonly cold: number },
  ): Promise<void> | undefined {
    assert(position >= 0 && position + length <= this.#tail.published, 'only what is published can be read');
    if (cold < length) this.#copy(position + cold, target, at + cold, length - cold);
    return cold === 0 ? undefined : this.#files.read(position, target, at, cold);
  }

  #copy(position: Position, target: Uint8Array, at: number, length: number): void {
    const { memory } = this.#tail;
    const from = memory.offsetOf(position);
    const first = Math.min(length, memory.descriptor.ringBytes - from);
    target.set(memory.bytes.subarray(from, from + first), at);
    if (first < length) target.set(memory.bytes.subarray(0, length - first), at + first);
  }
}
