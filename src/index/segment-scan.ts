/**
 * Goes through all streams of a segment, in its order, and if wanted through the events of each: for merging, for a snapshot, and to verify it.
 * Reads the directory alone unless it is asked for events. On a thread that may block. Every method throws `IndexDamage` if a page is not as
 * it was written.
 */
import { DirectoryEntry, entriesIn, POSITION_UNIT } from './directory-page.js';
import type { EventTaker } from './event-taker.js';
import { IndexDamage } from './page.js';
import type { PagedFile } from './paged-file.js';
import { PagedScan } from './paged-scan.js';
import type { SegmentHeader } from './segment-format.js';
import { StreamName } from './stream-hash.js';

export class SegmentScan {
  /** The stream that {@link next} came to. */
  readonly entry = new DirectoryEntry();
  readonly name = new StreamName();
  readonly #file: PagedFile;
  readonly #header: SegmentHeader;
  readonly #directory: PagedScan;
  #data: PagedScan | undefined;
  #page: number;
  /** Of the page: how many streams it has, and which is next. */
  #count = 0;
  #index = 0;
  #streams = 0;

  constructor(file: PagedFile, header: SegmentHeader) {
    this.#file = file;
    this.#header = header;
    this.#directory = new PagedScan(file);
    this.#page = header.directory - 1;
  }

  /** Goes to the next stream; false behind the last. */
  next(): boolean {
    if (this.#index === this.#count) {
      if (this.#streams === this.#header.streams) return false;
      this.#page++;
      const { bytes, at } = this.#directory.page(this.#page);
      this.#count = entriesIn(bytes, at);
      this.#index = 0;
      if (this.#count === 0) throw this.#damage('its directory has fewer streams than its header says');
    }
    const { bytes, at } = this.#directory.page(this.#page);
    this.entry.read(bytes, at, this.#index++);
    this.#streams++;
    const { high, low, name, nameBytes } = this.entry;
    this.name.set(bytes, at + name, nameBytes);
    this.name.high = high;
    this.name.low = low;
    return true;
  }

  /** Feeds `taker` all events of the stream. */
  events(taker: EventTaker): void {
    this.#data ??= new PagedScan(this.#file);
    const data = this.#data;
    const { count, data: begin, skipsAt, last } = this.entry;
    let end = this.#header.firstChunk * this.#header.chunkSize;
    let position = end;
    data.seek(begin);
    for (let i = 0; i < count; i++) {
      position = end + data.varint() * POSITION_UNIT;
      const length = data.varint() * POSITION_UNIT;
      end = position + length;
      taker.add(position, length);
    }
    if (position !== last || data.address !== skipsAt)
      throw this.#damage('the events of a stream contradict its entry');
  }

  #damage(reason: string): IndexDamage {
    return new IndexDamage(this.#file.path, reason);
  }
}
