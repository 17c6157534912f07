/**
 * Goes through all streams of a segment, in its order, and if wanted through the events of each: for merging, for a snapshot, and to verify it.
 * On a thread that may block. Every method throws `IndexDamage` if a page is not as it was written.
 */
import type { Bytes } from '../base/ports.js';
import type { EventTaker } from './event-taker.js';
import { addressOf, IndexDamage } from './page.js';
import type { PagedFile } from './paged-file.js';
import { PagedScan } from './paged-scan.js';
import { DirectoryEntry, ENTRIES_PER_PAGE, ENTRY_BYTES, POSITION_UNIT, type SegmentHeader } from './segment-format.js';
import { StreamName } from './stream-hash.js';

const NAME_BYTES_MAX = 1024;

export class SegmentScan {
  /** The stream that {@link next} came to. */
  readonly entry = new DirectoryEntry();
  readonly name = new StreamName();
  readonly #file: PagedFile;
  readonly #header: SegmentHeader;
  readonly #directory: PagedScan;
  readonly #data: PagedScan;
  readonly #entryBytes: Bytes = new Uint8Array(ENTRY_BYTES);
  readonly #nameBytes: Bytes = new Uint8Array(NAME_BYTES_MAX);
  #index = 0;
  #events = 0;

  constructor(file: PagedFile, header: SegmentHeader) {
    this.#file = file;
    this.#header = header;
    this.#directory = new PagedScan(file);
    this.#data = new PagedScan(file);
  }

  /** Goes to the next stream; false behind the last. */
  next(): boolean {
    const { streams, events, directory } = this.#header;
    if (this.#index === streams) {
      if (this.#events !== events) throw this.#damage('its directory has another number of events than its header');
      return false;
    }
    if (this.#index % ENTRIES_PER_PAGE === 0)
      this.#directory.seek(addressOf(directory + this.#index / ENTRIES_PER_PAGE));
    this.#directory.copy(this.#entryBytes, 0, ENTRY_BYTES);
    this.entry.read(this.#entryBytes, 0);
    this.#index++;
    this.#events += this.entry.count;
    const { high, low, data, nameBytes } = this.entry;
    if (nameBytes > NAME_BYTES_MAX || this.entry.count === 0) throw this.#damage('an entry makes no sense');
    this.#data.seek(data);
    this.#data.copy(this.#nameBytes, 0, nameBytes);
    this.name.set(this.#nameBytes, 0, nameBytes);
    this.name.high = high;
    this.name.low = low;
    return true;
  }

  /** Feeds `taker` all events of the stream. At most once for each, right after {@link next}. */
  events(taker: EventTaker): void {
    const { count } = this.entry;
    let end = this.#header.firstChunk * this.#header.chunkSize;
    let position = end;
    for (let i = 0; i < count; i++) {
      position = end + this.#data.varint() * POSITION_UNIT;
      const length = this.#data.varint() * POSITION_UNIT;
      end = position + length;
      taker.add(position, length);
    }
    if (position !== this.entry.last || this.#data.address !== this.entry.skipsAt)
      throw this.#damage('the events of a stream contradict its entry');
  }

  #damage(reason: string): IndexDamage {
    return new IndexDamage(this.#file.path, reason);
  }
}
