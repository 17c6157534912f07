/**
 * Makes a segment: takes streams in the order of their hashes, each with all of its events, and writes them as they come. Its memory doesn't grow
 * with the events; of the directory, which comes behind them, it keeps a part, the rest waits in a spool. On a thread that may block.
 */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import {
  BLOCK_EVENTS,
  DirectoryEntry,
  DirectoryPageBuilder,
  entriesIn,
  POSITION_UNIT,
  type StreamPlace,
} from './directory-page.js';
import type { EventTaker } from './event-taker.js';
import { PAYLOAD_BYTES } from './page.js';
import { type FileAccess, makePagedFile } from './paged-file.js';
import { PagedWriter } from './paged-writer.js';
import { encodeSegmentHeader, type SegmentHeader, type SegmentScope } from './segment-format.js';
import { Spool } from './spool.js';
import {
  addToBlock,
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_PER_PAGE,
  filterBlockOf,
  filterBlocksFor,
} from './stream-filter.js';
import { compareNames, type HashedName, METADATA_BIT, StreamName } from './stream-hash.js';

/** A stream that is about to be written. */
export interface StreamSummary {
  readonly name: HashedName;
  readonly first: Revision;
  readonly count: number;
  /** Where its last event begins. */
  readonly last: Position;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Where a segment comes from: what feeds the writer all of its streams. */
export type SegmentSource = (writer: SegmentWriter) => void;

/** 16 MiB: the directory of most segments, some 300,000 streams. */
const SPOOL_PAGES = 4096;

export class SegmentWriter implements EventTaker {
  readonly #pages: PagedWriter;
  readonly #directory: Spool;
  readonly #directoryPage = new DirectoryPageBuilder();
  #directoryAt = 0;
  readonly #start: Position;
  readonly #name = new StreamName();
  readonly #nameBytes: Bytes = new Uint8Array(1024);
  #place: Mutable<StreamPlace> = { data: 0, eventBytes: 0, first: 0, count: 0, last: 0 };
  #streams = 0;
  #metadataStreams = 0;
  #events = 0;
  /** Of the stream that is being written: how many events it has so far, and where the last of them ends. */
  #added = 0;
  #end: Position = 0;
  /** Its skips: where the event before each block ends, and how many bytes of events come before it. */
  #skips = new Float64Array(64);
  #skipCount = 0;

  /** Only {@link writeSegment} makes one. `start`: of the first chunk. */
  constructor(pages: PagedWriter, directory: Spool, start: Position) {
    this.#pages = pages;
    this.#directory = directory;
    this.#start = start;
  }

  get streams(): number {
    return this.#streams;
  }

  get events(): number {
    return this.#events;
  }

  get metadataStreams(): number {
    return this.#metadataStreams;
  }

  /** Begins the next stream. All of its events follow, by {@link add}, and then {@link endStream}. */
  beginStream({ name, first, count, last }: StreamSummary): void {
    assert(count > 0 && this.#added === 0, 'a stream has events, and the one before was ended');
    assert(this.#streams === 0 || compareNames(this.#name, name) < 0, 'streams come in order, each once');
    this.#nameBytes.set(name.bytes.subarray(name.at, name.at + name.length));
    this.#name.set(this.#nameBytes, 0, name.length);
    this.#name.high = name.high;
    this.#name.low = name.low;
    const place = this.#place;
    place.data = this.#pages.address;
    place.eventBytes = 0;
    place.first = first;
    place.count = count;
    place.last = last;
    this.#end = this.#start;
    this.#skipCount = 0;
  }

  add(position: Position, bytes: number): boolean {
    if (this.#added > 0 && this.#added % BLOCK_EVENTS === 0) this.#skip();
    assert(position >= this.#end, 'the events of a stream come in order');
    const gapBytes = this.#pages.varint((position - this.#end) / POSITION_UNIT);
    this.#place.eventBytes += gapBytes + this.#pages.varint(bytes / POSITION_UNIT);
    this.#end = position + bytes;
    this.#added++;
    return true;
  }

  endStream(): void {
    assert(this.#added === this.#place.count, 'a stream has as many events as was said');
    for (let i = 0; i < 2 * this.#skipCount; i++) this.#pages.uint(this.#skips[i]!, 6);
    const page = this.#directoryPage;
    if (this.#streams === 0 || !page.hasRoom(this.#name.length)) {
      this.#directoryAt = this.#directory.claim();
      page.begin(this.#directory.buffer, this.#directoryAt);
    }
    page.add(this.#directory.buffer, this.#directoryAt, this.#name, this.#place);
    this.#streams++;
    if (this.#name.high >= METADATA_BIT) this.#metadataStreams++;
    this.#events += this.#added;
    this.#added = 0;
  }

  #skip(): void {
    const at = 2 * this.#skipCount++;
    if (at === this.#skips.length) {
      const longer = new Float64Array(2 * at);
      longer.set(this.#skips);
      this.#skips = longer;
    }
    this.#skips[at] = this.#end / POSITION_UNIT;
    this.#skips[at + 1] = this.#place.eventBytes;
  }
}

/** Where a segment is to go. */
export interface SegmentTarget extends FileAccess {
  readonly path: string;
  /** Tells its pages from those of any other file. */
  readonly salt: number;
  /** Called now and then; may throw, to give the file up. */
  readonly check?: (() => void) | undefined;
}

/** Makes the file, whole and durable, with the streams that `source` feeds. Throws `DiskError`, and leaves nothing behind then. */
export function writeSegment(
  target: SegmentTarget,
  scope: SegmentScope,
  source: SegmentSource,
): SegmentHeader {
  const { disk, path, salt } = target;
  const directory = new Spool(disk, `${path}.spool`, PAYLOAD_BYTES, SPOOL_PAGES);
  let header: SegmentHeader | undefined;
  try {
    makePagedFile(target, path, salt, (file, checks) => {
      const pages = new PagedWriter({ disk, file, checks, check: target.check });
      const writer = new SegmentWriter(pages, directory, scope.firstChunk * scope.chunkSize);
      source(writer);
      const { streams, events, metadataStreams } = writer;
      const directoryPage = pages.endPage();
      const blocks = writeDirectory(pages, directory, streams);
      const filterPage = pages.endPage();
      writeFilter(pages, blocks);
      const pageCount = pages.finish();
      header = {
        ...{ ...scope, salt, streams, events, metadataStreams },
        ...{ directory: directoryPage, filter: filterPage, pageCount },
      };
      return encodeSegmentHeader(header);
    });
  } finally {
    directory.close();
  }
  assert(header !== undefined, 'a file that is made has a header');
  return header;
}

/** Returns the filter over all streams. */
function writeDirectory(pages: PagedWriter, directory: Spool, streams: number): Bytes {
  const blocks = filterBlocksFor(streams);
  const filter: Bytes = new Uint8Array(blocks * FILTER_BLOCK_BYTES);
  const entry = new DirectoryEntry();
  let count = 0;
  directory.drain((bytes, page) => {
    const entries = entriesIn(bytes, page);
    for (let index = 0; index < entries; index++) {
      entry.read(bytes, page, index);
      addToBlock(filter, filterBlockOf(entry.low, blocks) * FILTER_BLOCK_BYTES, entry.high, entry.low);
    }
    pages.bytes(bytes, page, PAYLOAD_BYTES);
    count += entries;
  });
  assert(count === streams, 'every stream has an entry');
  return filter;
}

function writeFilter(pages: PagedWriter, filter: Bytes): void {
  for (let at = 0, count = 1; at < filter.length; at += FILTER_BLOCK_BYTES, count++) {
    pages.bytes(filter, at, FILTER_BLOCK_BYTES);
    if (count % FILTER_BLOCKS_PER_PAGE === 0) pages.endPage();
  }
}
