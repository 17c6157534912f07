/**
 * A window that slides over the data of one chunk's file: big sequential reads into one aligned buffer, records always whole
 * and contiguous in it. Any thread that may block. It knows nothing about records but the one thing that they may be
 * longer than the window, which then grows. What counts is the medium, not what the system remembers of it.
 */
import { assert } from '../base/assert.js';
import { alignDown, alignUp } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import { CHUNK_HEADER_BYTES } from './chunk.js';
import { ChunkContents, type ChunkPlatform } from './chunk-contents.js';
import { logCorrupt } from './damage.js';

/** 2 MiB: at this size sequential direct reads are near a disk's full rate, and the window still fits a processor's cache. */
const WINDOW_BYTES_MAX = 2_097_152;
/** Reads start and end at whole blocks, in the file and in memory, as direct I/O wants. */
const BLOCK_BYTES = 4096;

/**
 * Where bytes come from. `medium`: past the page cache where the disk can. `renewed`: through the page cache, which forgets the file first, so that
 * the bytes are the medium's, and whoever reads them next, with `remembered`, has them from memory.
 */
export type ReadSource = 'medium' | 'renewed' | 'remembered';

export class ChunkReader {
  /** The unread bytes are `bytes[at, at+length)`. The buffer is replaced when the window grows. */
  bytes: Bytes;
  at = 0;
  length = 0;
  /** Position in the log of `bytes[at]`. */
  position = 0;

  readonly #platform: ChunkPlatform;
  /** Of what is opened from now on. */
  source: ReadSource;
  #file: ChunkContents | undefined;
  #path = '';
  /** Position of the chunk's first byte. */
  #start = 0;
  /** Position of `bytes[0]`: a multiple of {@link BLOCK_BYTES}, as chunks begin at one. */
  #base = 0;
  /** How many bytes of the buffer have been read. */
  #filled = 0;
  #end = 0;

  constructor(platform: ChunkPlatform, chunkSize: number, source: ReadSource = 'medium') {
    this.#platform = platform;
    this.source = source;
    this.bytes = platform.disk.alignedBuffer(Math.min(chunkSize, WINDOW_BYTES_MAX));
  }

  /** Goes on with the positions `[from, to)`, which are in this file, whose chunk begins at `start`. */
  open(path: string, start: number, from: number, to: number): void {
    const { source } = this;
    if (path !== this.#path) {
      this.close();
      const options = { direct: source === 'medium', isRenewed: source === 'renewed' };
      this.#file = new ChunkContents(this.#platform, path, start, options);
      this.#path = path;
      this.#start = start;
    }
    this.seek(from, to);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#path = '';
  }

  /** Starts over at another place of the same file, with nothing in the window. */
  seek(from: number, to: number): void {
    assert(from <= to, 'a range ends before it begins');
    this.#base = alignDown(from, BLOCK_BYTES);
    this.#filled = 0;
    this.#end = to;
    this.at = from - this.#base;
    this.position = from;
    this.length = 0;
  }

  /** Passes over `count` bytes of the window. */
  skip(count: number): void {
    assert(count <= this.length, 'only what is in the window can be skipped');
    this.at += count;
    this.position += count;
    this.length -= count;
  }

  /** Reads on behind what is in the window; false if the range ends there. Throws `DiskError`. */
  more(): boolean {
    if (this.#base + this.#filled >= this.#end) return false;
    this.#slide();
    const from = this.#base + this.#filled;
    const count = Math.min(this.bytes.length - this.#filled, alignUp(this.#end, BLOCK_BYTES) - from);
    assert(this.#file !== undefined, 'the reader is open');
    const got = this.#file.read(from, this.bytes, this.#filled, count);
    if (got < count) {
      const offset = CHUNK_HEADER_BYTES + from - this.#start;
      const place = { file: this.#path, offset: offset + got, position: from + got };
      throw logCorrupt(place, 'the file was cut short');
    }
    this.#filled += count;
    this.length = Math.min(this.#base + this.#filled, this.#end) - this.position;
    return true;
  }

  /** Makes sure of `count` bytes in the window; false if the range ends before. */
  require(count: number): boolean {
    while (this.length < count) if (!this.more()) return false;
    return true;
  }

  /** Moves what is unread to the front, keeping addresses and file offsets equal modulo the block; grows if it is much. */
  #slide(): void {
    const base = Math.min(alignDown(this.position, BLOCK_BYTES), this.#base + this.#filled);
    const drop = base - this.#base;
    const kept = this.#filled - drop;
    const isCrowded = kept > this.bytes.length / 2;
    const target = isCrowded ? this.#platform.disk.alignedBuffer(this.bytes.length * 2) : this.bytes;
    if (isCrowded) target.set(this.bytes.subarray(drop, this.#filled), 0);
    else target.copyWithin(0, drop, this.#filled);
    this.bytes = target;
    this.#base = base;
    this.#filled = kept;
    this.at = this.position - base;
  }
}
