/**
 * Memory for pages. Main thread. A page has memory of its own, because a socket may hold it long after the ring has moved on.
 */
import { assert } from '../base/assert.js';
import type { ReadPage } from './read-page.js';

/** A page in the making, or some bytes of the log on their way to one. Records go behind the headroom. */
export class PageBuilder {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory, for record fields. */
  readonly words: Uint32Array;
  readonly view: DataView<ArrayBuffer>;
  /** Where the records start, and where the next one goes. */
  readonly start: number;
  at: number;

  constructor(headroomBytes: number, recordBytes: number) {
    assert(headroomBytes % 8 === 0 && recordBytes % 4 === 0, 'records stay aligned behind the headroom');
    // Not zeroed: everything is overwritten, or cut off, before anyone sees it.
    const { buffer } = Buffer.allocUnsafeSlow(headroomBytes + recordBytes);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.start = headroomBytes;
    this.at = headroomBytes;
    this.bytes.fill(0, 0, headroomBytes);
  }

  /** Room for records in all. */
  get recordBytes(): number {
    return this.bytes.length - this.start;
  }

  /** The page, with the records up to `at`. */
  page(content: Omit<ReadPage, 'kind' | 'bytes'>): ReadPage {
    return { kind: 'page', bytes: this.bytes.subarray(0, this.at), ...content };
  }
}
