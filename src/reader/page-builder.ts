/**
 * Memory for pages, and copying single records into them. Main thread. A page is memory of its own, because a socket may hold
 * it long after the ring has moved on.
 */
import { assert } from '../base/assert.js';
import type { ReadPage } from './read-page.js';

/** Up to here copying in a loop of words is faster than making two views for `set` (some 100 ns, measured). */
const LOOP_BYTES_MAX = 384;

/** Some memory as bytes and, the same, as 32-bit words. */
export interface WordMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** A page in the making: `bytes` and the same memory as words and as a view. Records go behind the headroom. */
export class PageBuilder implements WordMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array;
  readonly view: DataView<ArrayBuffer>;
  /** Where the records start, and where the next one goes. */
  readonly start: number;
  at: number;

  constructor(headroomBytes: number, recordBytes: number) {
    assert(headroomBytes % 8 === 0, 'records stay aligned behind the headroom');
    // Not zeroed: everything is overwritten, or cut off, before anyone sees it.
    const { buffer } = Buffer.allocUnsafeSlow(headroomBytes + recordBytes);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
    this.view = new DataView(buffer);
    this.start = headroomBytes;
    this.at = headroomBytes;
    this.bytes.fill(0, 0, headroomBytes);
  }

  /** Room for records in all. */
  get recordBytes(): number {
    return this.bytes.length - this.start;
  }

  /** Appends `length` bytes from `from` in `source`, both multiples of 8. */
  append(source: WordMemory, from: number, length: number): void {
    if (length > LOOP_BYTES_MAX) {
      this.bytes.set(source.bytes.subarray(from, from + length), this.at);
    } else {
      const mine = this.words;
      const theirs = source.words;
      let to = this.at >> 2;
      for (let word = from >> 2, end = (from + length) >> 2; word < end; word++) mine[to++] = theirs[word]!;
    }
    this.at += length;
  }

  /** The page, with the records up to `at`. */
  page(content: Omit<ReadPage, 'kind' | 'bytes'>): ReadPage {
    return { kind: 'page', bytes: this.bytes.subarray(0, this.at), ...content };
  }
}
