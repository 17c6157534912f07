/** Reads all pages of an open file, one after the other, and names those that are not as they were written. On a thread that may block. */
import { type Bytes, DiskError } from '../base/ports.js';
import { IndexDamage, PAGE_BYTES } from './page.js';
import type { PagedFile } from './paged-file.js';

/** 256 KiB: sequential at a disk's full rate. */
const STEP_PAGES = 64;

/** Which pages to read; all, unless it is said. */
export interface PageRange {
  readonly from?: number;
  readonly count?: number;
  /** Called before each step; may throw. */
  readonly check?: (() => void) | undefined;
}

/** The numbers of the damaged pages; the header, page 0, was checked when the file was opened. Throws `IndexDamage` if it can't be read. */
export function* damagedPages(file: PagedFile, range: PageRange = {}): Generator<number> {
  const { disk, handle, path, checks, pageCount } = file;
  const { from = 0, count: most = pageCount, check } = range;
  const end = Math.min(from + most, pageCount);
  const buffer: Bytes = new Uint8Array(STEP_PAGES * PAGE_BYTES);
  for (let first = Math.max(1, from); first < end; first += STEP_PAGES) {
    check?.();
    const count = Math.min(STEP_PAGES, end - first);
    try {
      const got = disk.read(handle, buffer, 0, count * PAGE_BYTES, first * PAGE_BYTES);
      if (got < count * PAGE_BYTES) throw new IndexDamage(path, 'it was cut short');
    } catch (error) {
      throw error instanceof DiskError ? new IndexDamage(path, error.message) : error;
    }
    for (let i = 0; i < count; i++) if (!checks.isIntact(buffer, i * PAGE_BYTES, first + i)) yield first + i;
  }
}
