/**
 * Looks streams up in one segment, through the page cache: whether it has a stream, where its events are. Index thread. What it keeps for
 * itself is a few numbers, whatever the segment's size. Every method that reads throws `IndexDamage` if a page is not as it was written.
 */
import { bytesEqual } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import {
  BLOCK_EVENTS,
  DirectoryEntry,
  entriesIn,
  isBelow,
  POSITION_UNIT,
  SKIP_BYTES,
} from './directory-page.js';
import type { EventTaker, ReadDirection } from './event-taker.js';
import type { PageCache } from './page-cache.js';
import { type LoadedPage, PagedBytes } from './paged-bytes.js';
import { type FileAccess, openPagedFile, type PagedFile } from './paged-file.js';
import { decodeSegmentHeader, type SegmentHeader } from './segment-format.js';
import {
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_PER_PAGE,
  filterBlockOf,
  filterBlocksFor,
  isInBlock,
} from './stream-filter.js';
import { type HashedName, METADATA_BIT } from './stream-hash.js';

/** Below all metadata streams, and above all others. */
const FIRST_METADATA = { bytes: new Uint8Array(0), at: 0, length: 0, high: METADATA_BIT, low: 0 };

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
    const { directory, filter } = this.header;
    const cache = this.#cache;
    const entry = this.#entry;
    for (let page = this.#pageFor(name); page < filter - directory; page++) {
      cache.load(this.file, directory + page);
      const { bytes, at } = cache;
      const count = entriesIn(bytes, at);
      for (let index = this.#indexFor(name, count); index < count; index++) {
        entry.read(bytes, at, index);
        if (entry.high !== name.high || entry.low !== name.low) return false;
        if (entry.nameBytes !== name.length) continue;
        if (bytesEqual(bytes, at + entry.name, name.bytes, name.at, name.length)) return true;
      }
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

  /**
   * Tells `taker` the names of metadata streams in the order of their hashes, each `bytes[at, at+length)` until it returns, until it answers `enough`: all,
   * or those whose hashes are not below that of `from`.
   */
  metadataNames(
    taker: (bytes: Bytes, at: number, length: number) => 'enough' | undefined,
    from: HashedName = FIRST_METADATA,
  ): void {
    const { directory, filter, metadataStreams } = this.header;
    if (metadataStreams === 0) return;
    const cache = this.#cache;
    const entry = new DirectoryEntry();
    for (let page = this.#pageFor(from); page < filter - directory; page++) {
      cache.load(this.file, directory + page);
      const { bytes, at } = cache;
      const count = entriesIn(bytes, at);
      for (let index = this.#indexFor(from, count); index < count; index++) {
        entry.read(bytes, at, index);
        if (taker(bytes, at + entry.name, entry.nameBytes) === 'enough') return;
      }
    }
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
    const { data, skipsAt } = this.#entry;
    const { firstChunk, chunkSize } = this.header;
    const block = Math.floor(index / BLOCK_EVENTS);
    this.#end = firstChunk * chunkSize;
    let offset = 0;
    if (block > 0) {
      this.#bytes.seek(skipsAt + SKIP_BYTES * (block - 1));
      this.#end = this.#bytes.uint(6) * POSITION_UNIT;
      offset = this.#bytes.uint(6);
    }
    this.#bytes.seek(data + offset);
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

  /** The first page of the directory whose last stream doesn't come before the name's hash. */
  #pageFor(name: HashedName): number {
    const { directory, filter } = this.header;
    const pages = filter - directory;
    // Hashes spread evenly, so the guess is off by a page or so; from there in steps that double, as a bad hash may be anywhere.
    const guess = this.#guess(name, pages);
    let low = 0;
    let high = pages;
    if (this.#endsBelow(guess, name)) {
      low = guess + 1;
      for (let step = 1; low + step < pages; step *= 2) {
        if (!this.#endsBelow(low + step - 1, name)) {
          high = low + step - 1;
          break;
        }
        low += step;
      }
    } else {
      high = guess;
      for (let step = 1; high - step >= 0; step *= 2) {
        if (this.#endsBelow(high - step, name)) {
          low = high - step + 1;
          break;
        }
        high -= step;
      }
    }
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#endsBelow(middle, name)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #guess({ high }: HashedName, pages: number): number {
    const { streams, metadataStreams } = this.header;
    const share = metadataStreams / streams;
    const place = (high % METADATA_BIT) / METADATA_BIT;
    const before = high < METADATA_BIT ? place * (1 - share) : 1 - share + place * share;
    return Math.min(pages - 1, Math.floor(before * pages));
  }

  #endsBelow(page: number, name: HashedName): boolean {
    const cache = this.#cache;
    cache.load(this.file, this.header.directory + page);
    return isBelow(cache.bytes, cache.at, entriesIn(cache.bytes, cache.at) - 1, name);
  }

  /** The first entry of the page that is loaded whose hash is not below the name's. */
  #indexFor(name: HashedName, count: number): number {
    const { bytes, at } = this.#cache;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBelow(bytes, at, middle, name)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
