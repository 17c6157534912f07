/**
 * Looks streams up in one segment, through the page cache: whether it has a stream, where its events are. Index thread. What it keeps for
 * itself is a few numbers, whatever the segment's size. Every method that reads throws `IndexDamage` if a page is not as it was written.
 */
import type { Position, Revision } from '../base/units.js';
import type { EventTaker, ReadDirection } from './event-taker.js';
import type { PageCache } from './page-cache.js';
import { type LoadedPage, PagedBytes } from './paged-bytes.js';
import { type FileAccess, openPagedFile, type PagedFile } from './paged-file.js';
import {
  BLOCK_EVENTS,
  DirectoryEntry,
  decodeSegmentHeader,
  ENTRIES_PER_PAGE,
  ENTRY_BYTES,
  POSITION_UNIT,
  type SegmentHeader,
  SKIP_BYTES,
} from './segment-format.js';
import { FILTER_BLOCK_BYTES, FILTER_BLOCKS_PER_PAGE, filterBlockOf, filterBlocksFor, isInBlock } from './stream-filter.js';
import type { HashedName } from './stream-hash.js';

const TWO_TO_32 = 0x1_0000_0000;
/** Hashes spread evenly: the guess is off by some hundred entries in a directory of a hundred thousand. */
const GUESS_STEP = 128;

class CachedBytes extends PagedBytes {
  readonly #cache: PageCache;
  readonly #file: PagedFile;

  constructor(cache: PageCache, file: PagedFile) {
    super();
    this.#cache = cache;
    this.#file = file;
  }

  protected load(page: number): LoadedPage {
    this.#cache.load(this.#file, page);
    return this.#cache;
  }
}

export class SegmentReader {
  readonly header: SegmentHeader;
  readonly file: PagedFile;
  readonly #cache: PageCache;
  readonly #bytes: CachedBytes;
  /** The stream that was found last. */
  readonly #entry = new DirectoryEntry();
  /** One block of events, for reading backwards. */
  readonly #positions = new Float64Array(BLOCK_EVENTS);
  readonly #lengths = new Uint32Array(BLOCK_EVENTS);
  /** Where the event ends that was decoded last. */
  #end: Position = 0;

  /** Throws `IndexDamage` if there is no such segment, or its header is damaged. */
  constructor(access: FileAccess, path: string, cache: PageCache) {
    const { file, header } = openPagedFile(access, path, decodeSegmentHeader);
    this.file = file;
    this.header = header;
    this.#cache = cache;
    this.#bytes = new CachedBytes(cache, file);
  }

  get firstChunk(): number {
    return this.header.firstChunk;
  }

  /** Of the stream that {@link locate} found: its first revision here, how many events it has here, and where the last begins. */
  get first(): Revision {
    return this.#entry.first;
  }

  get count(): number {
    return this.#entry.count;
  }

  get last(): Position {
    return this.#entry.last;
  }

  /** Looks for a stream; true if the segment has events of it. */
  locate(name: HashedName): boolean {
    if (!this.#mayHave(name)) return false;
    for (let index = this.#lowerBound(name); index < this.header.streams; index++) {
      this.#readEntry(index);
      const { high, low, nameBytes, data } = this.#entry;
      if (high !== name.high || low !== name.low) return false;
      if (nameBytes !== name.length) continue;
      this.#bytes.seek(data);
      if (this.#bytes.equals(name.bytes, name.at, name.length)) return true;
    }
    return false;
  }

  /**
   * Feeds `taker` the found stream's events from revision `from`, which is here, until it has enough. Returns the revision of the first that it
   * did not take, or that comes behind the last here.
   */
  collect(from: Revision, direction: ReadDirection, taker: EventTaker): Revision {
    const { first } = this.#entry;
    const index = from - first;
    return first + (direction === 'forwards' ? this.#forwards(index, taker) : this.#backwards(index, taker));
  }

  close(): void {
    this.#cache.forget(this.file);
    this.file.close();
  }

  #forwards(from: number, taker: EventTaker): number {
    const { count } = this.#entry;
    let index = this.#seekBlock(from);
    for (; index < from; index++) this.#decode(0);
    for (; index < count; index++) {
      this.#decode(0);
      if (!taker.add(this.#positions[0]!, this.#lengths[0]!)) return index;
    }
    return count;
  }

  #backwards(from: number, taker: EventTaker): number {
    for (let index = from; index >= 0; ) {
      const begin = this.#seekBlock(index);
      for (let place = 0; place <= index - begin; place++) this.#decode(place);
      for (let place = index - begin; place >= 0; place--, index--) {
        if (!taker.add(this.#positions[place]!, this.#lengths[place]!)) return index;
      }
    }
    return -1;
  }

  /** Makes ready to decode the block that the stream's event `index` is in; returns the block's first event. */
  #seekBlock(index: number): number {
    const { eventsAt, skipsAt } = this.#entry;
    const { firstChunk, chunkSize } = this.header;
    const block = Math.floor(index / BLOCK_EVENTS);
    this.#end = firstChunk * chunkSize;
    let offset = 0;
    if (block > 0) {
      this.#bytes.seek(skipsAt + SKIP_BYTES * (block - 1));
      this.#end = this.#bytes.uint(6) * POSITION_UNIT;
      offset = this.#bytes.uint(6);
    }
    this.#bytes.seek(eventsAt + offset);
    return block * BLOCK_EVENTS;
  }

  #decode(place: number): void {
    const position = this.#end + this.#bytes.varint() * POSITION_UNIT;
    const length = this.#bytes.varint() * POSITION_UNIT;
    this.#positions[place] = position;
    this.#lengths[place] = length;
    this.#end = position + length;
  }

  #mayHave({ high, low }: HashedName): boolean {
    const { filter, streams } = this.header;
    if (streams === 0) return false;
    const block = filterBlockOf(low, filterBlocksFor(streams));
    this.#cache.load(this.file, filter + Math.floor(block / FILTER_BLOCKS_PER_PAGE));
    const at = this.#cache.at + (block % FILTER_BLOCKS_PER_PAGE) * FILTER_BLOCK_BYTES;
    return isInBlock(this.#cache.bytes, at, high, low);
  }

  /** The first entry whose hash is not below the name's. */
  #lowerBound(name: HashedName): number {
    const { streams } = this.header;
    const guess = Math.floor((name.high / TWO_TO_32) * streams);
    let low = 0;
    let high = streams;
    // Around the guess in steps that double: good hashes are found in one or two pages, bad ones still in few.
    if (this.#isBelow(guess, name)) {
      low = guess + 1;
      for (let step = GUESS_STEP; low + step < streams; step *= 2) {
        if (!this.#isBelow(low + step, name)) {
          high = low + step;
          break;
        }
        low += step + 1;
      }
    } else {
      high = guess;
      for (let step = GUESS_STEP; high - step >= 0; step *= 2) {
        if (this.#isBelow(high - step, name)) {
          low = high - step + 1;
          break;
        }
        high -= step;
      }
    }
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#isBelow(middle, name)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBelow(index: number, { high, low }: HashedName): boolean {
    this.#readEntry(index);
    const entry = this.#entry;
    return entry.high === high ? entry.low < low : entry.high < high;
  }

  #readEntry(index: number): void {
    this.#cache.load(this.file, this.header.directory + Math.floor(index / ENTRIES_PER_PAGE));
    this.#entry.read(this.#cache.bytes, this.#cache.at + (index % ENTRIES_PER_PAGE) * ENTRY_BYTES);
  }
}
