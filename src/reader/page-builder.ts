/**
 * Pages in the making. Main thread. A page has memory of its own, because a socket may hold it long after the ring has moved on.
 */
import { assert } from '../base/assert.js';
import type { PageBytes, PageMemory } from './page-memory.js';
import type { ReadPage } from './read-page.js';

/** A page in the making, or some bytes of the log on their way to one. Records go behind the headroom. */
export class PageBuilder implements PageBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory, for record fields. */
  readonly words: Uint32Array;
  readonly view: DataView<ArrayBuffer>;
  /** Where the records start, and where the next one goes. */
  readonly start: number;
  at: number;
  /** Room for records in all. */
  readonly recordBytes: number;
  readonly #memory: PageMemory;
  readonly #piece: PageBytes;
  #isReleased = false;

  constructor(memory: PageMemory, headroomBytes: number, recordBytes: number) {
    assert(headroomBytes % 8 === 0 && recordBytes % 4 === 0, 'records stay aligned behind the headroom');
    this.#memory = memory;
    this.#piece = memory.take(headroomBytes + recordBytes);
    this.bytes = this.#piece.bytes;
    this.words = this.#piece.words;
    this.view = this.#piece.view;
    this.start = headroomBytes;
    this.at = headroomBytes;
    this.recordBytes = recordBytes;
    this.bytes.fill(0, 0, headroomBytes);
  }

  /** The page, with the records up to `at`. */
  page(content: Omit<ReadPage, 'kind' | 'bytes' | 'release'>): ReadPage {
    const bytes = this.bytes.subarray(0, this.at);
    return { kind: 'page', bytes, release: () => this.release(), ...content };
  }

  /** Its bytes are not needed any more. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#memory.give(this.#piece);
  }
}
