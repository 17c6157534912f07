/**
 * The pages of index files that are in memory: so many and no more, whatever the files' size. A page is checked when it is read, once for as
 * long as it stays. Which one goes is found by a clock that passes over what was used since it last came by (Corbató, "A
 * paging experiment with the Multics system", 1968). Memory is taken as it is needed. Index thread.
 */
import { assert } from '../base/assert.js';
import { type Bytes, DiskError } from '../base/ports.js';
import { IndexDamage, PAGE_BYTES } from './page.js';
import type { PagedFile } from './paged-file.js';

/** Pages whose memory is taken at a time: 1 MiB. */
const SLAB_PAGES = 256;

export class PageCache {
  /** The page that was loaded last is `bytes[at, at+4096)`, until the next one is. */
  bytes: Bytes = new Uint8Array(0);
  at = 0;
  /** How often a page was read from a file. */
  misses = 0;
  readonly #slabs: Bytes[] = [];
  readonly #framesMax: number;
  readonly #files: (PagedFile | undefined)[] = [];
  readonly #pages: number[] = [];
  readonly #wasUsed: Uint8Array;
  #hand = 0;
  #lastFile: PagedFile | undefined;
  #lastPage = -1;

  constructor(bytesMax: number) {
    this.#framesMax = Math.max(1, Math.floor(bytesMax / PAGE_BYTES));
    this.#wasUsed = new Uint8Array(this.#framesMax);
  }

  /** Throws `IndexDamage` if the page is not as it was written. */
  load(file: PagedFile, page: number): void {
    if (file === this.#lastFile && page === this.#lastPage) return;
    let frame = file.frames.get(page);
    if (frame === undefined) frame = this.#read(file, page);
    this.#wasUsed[frame] = 1;
    this.bytes = this.#slabs[Math.floor(frame / SLAB_PAGES)]!;
    this.at = (frame % SLAB_PAGES) * PAGE_BYTES;
    this.#lastFile = file;
    this.#lastPage = page;
  }

  /** Gives up the pages of a file that is about to be closed. */
  forget(file: PagedFile): void {
    for (const frame of file.frames.values()) this.#files[frame] = undefined;
    file.frames.clear();
    this.#lastFile = undefined;
  }

  #read(file: PagedFile, page: number): number {
    const { disk, handle, path, checks, pageCount } = file;
    if (page >= pageCount) throw new IndexDamage(path, `there is no page ${page}`);
    const frame = this.#freeFrame();
    const slab = this.#slabs[Math.floor(frame / SLAB_PAGES)]!;
    const at = (frame % SLAB_PAGES) * PAGE_BYTES;
    this.misses++;
    // What was in the frame is overwritten.
    this.#lastFile = undefined;
    try {
      const got = disk.read(handle, slab, at, PAGE_BYTES, page * PAGE_BYTES);
      if (got < PAGE_BYTES) throw new IndexDamage(path, 'it was cut short');
    } catch (error) {
      throw error instanceof DiskError ? new IndexDamage(path, error.message) : error;
    }
    if (!checks.isIntact(slab, at, page))
      throw new IndexDamage(path, `the checksum of page ${page} is wrong`);
    this.#files[frame] = file;
    this.#pages[frame] = page;
    file.frames.set(page, frame);
    return frame;
  }

  /** One that nobody has used since the hand was last there; nothing is in it any more. */
  #freeFrame(): number {
    if (this.#files.length < this.#framesMax) return this.#addFrame();
    for (let steps = 0; steps <= 2 * this.#framesMax; steps++) {
      const frame = this.#hand;
      this.#hand = (frame + 1) % this.#framesMax;
      const file = this.#files[frame];
      if (file !== undefined && this.#wasUsed[frame] === 1) {
        this.#wasUsed[frame] = 0;
        continue;
      }
      file?.frames.delete(this.#pages[frame]!);
      this.#files[frame] = undefined;
      return frame;
    }
    assert(false, 'a round of the hand leaves nothing in use');
  }

  #addFrame(): number {
    const frame = this.#files.length;
    if (frame % SLAB_PAGES === 0) {
      const pages = Math.min(SLAB_PAGES, this.#framesMax - frame);
      this.#slabs.push(new Uint8Array(pages * PAGE_BYTES));
    }
    this.#files.push(undefined);
    this.#pages.push(0);
    return frame;
  }
}
