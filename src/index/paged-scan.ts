/**
 * Reads a file of pages from one place to another in large steps, each page checked: for merging, and for what wants all of a section. On a
 * thread that may block. Past the page cache of the index, which would forget what others want; its memory is one step.
 */
import type { Bytes } from '../base/ports.js';
import { DiskError } from '../base/ports.js';
import { IndexDamage, PAGE_BYTES } from './page.js';
import { type LoadedPage, PagedBytes } from './paged-bytes.js';
import type { PagedFile } from './paged-file.js';

/** 256 KiB: sequential at a disk's full rate. */
const STEP_PAGES = 64;

export class PagedScan extends PagedBytes {
  readonly #source: PagedFile;
  readonly #buffer: Bytes = new Uint8Array(STEP_PAGES * PAGE_BYTES);
  #first = 0;
  #count = 0;
  /** The page that was checked last. */
  #checked = -1;

  constructor(source: PagedFile) {
    super();
    this.#source = source;
  }

  /** A page, valid until another one is asked for. */
  page(page: number): LoadedPage {
    return this.load(page);
  }

  protected load(page: number): LoadedPage {
    if (page < this.#first || page >= this.#first + this.#count) this.#fill(page);
    const at = (page - this.#first) * PAGE_BYTES;
    const { checks, path } = this.#source;
    if (page !== this.#checked && !checks.isIntact(this.#buffer, at, page))
      throw new IndexDamage(path, `the checksum of page ${page} is wrong`);
    this.#checked = page;
    return { bytes: this.#buffer, at };
  }

  #fill(page: number): void {
    const { disk, handle, path, pageCount } = this.#source;
    const count = Math.min(STEP_PAGES, pageCount - page);
    if (count <= 0) throw new IndexDamage(path, `there is no page ${page}`);
    try {
      const got = disk.read(handle, this.#buffer, 0, count * PAGE_BYTES, page * PAGE_BYTES);
      if (got < count * PAGE_BYTES) throw new IndexDamage(path, 'it was cut short');
    } catch (error) {
      if (error instanceof DiskError) throw new IndexDamage(path, error.message);
      throw error;
    }
    this.#first = page;
    this.#count = count;
    this.#checked = -1;
  }
}
