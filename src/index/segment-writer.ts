/**
 * Makes a segment: takes streams in the order of their hashes, each with all of its events, and writes them as they come. Its memory doesn't grow
 * with the events; of the directory, which comes behind them, it keeps a part, the rest waits in a spool. On a thread that may block.
 */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import type { EventTaker } from './event-taker.js';
import { type FileAccess, makePagedFile } from './paged-file.js';
import { PagedWriter } from './paged-writer.js';
import {
  BLOCK_EVENTS,
  DirectoryEntry,
  ENTRIES_PER_PAGE,
  ENTRY_BYTES,
  encodeSegmentHeader,
  POSITION_UNIT,
  type SegmentHeader,
  type SegmentScope,
} from './segment-format.js';
import { Spool } from './spool.js';
import { addToBlock, FILTER_BLOCK_BYTES, FILTER_BLOCKS_PER_PAGE, filterBlockOf, filterBlocksFor } from './stream-filter.js';
import { compareNames, type HashedName, StreamName } from './stream-hash.js';

/** A stream that is about to be written. */
export interface StreamSummary {
  readonly name: HashedName;
  readonly first: Revision;
  readonly count: number;
  /** Where its last event begins. */
  readonly last: Position;
}

/** Where a segment comes from: what feeds the writer all of its streams. */
export type SegmentSource = (writer: SegmentWriter) => void;

/** 16 MiB, a multiple of an entry: the streams of most segments. */
const SPOOL_BYTES = 400_000 * ENTRY_BYTES;

export class SegmentWriter implements EventTaker {
  readonly #pages: PagedWriter;
  readonly #directory: Spool;
  readonly #start: Position;
  readonly #entry = new DirectoryEntry();
  readonly #lastName = new StreamName();
  readonly #lastBytes: Bytes = new Uint8Array(1024);
  #streams = 0;
  #events = 0;
  /** Of the stream that is being written: how many events it has so far, and where the last of them ends. */
  #added = 0;
  #end: Position = 0;
  #eventBytes = 0;
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

  /** Begins the next stream. All of its events follow, by {@link add}, and then {@link endStream}. */
  beginStream({ name, first, count, last }: StreamSummary): void {
    assert(count > 0 && this.#added === 0, 'a stream has events, and the one before was ended');
    assert(this.#streams === 0 || compareNames(this.#lastName, name) < 0, 'streams come in order, each once');
    this.#lastBytes.set(name.bytes.subarray(name.at, name.at + name.length));
    this.#lastName.set(this.#lastBytes, 0, name.length);
    this.#lastName.high = name.high;
    this.#lastName.low = name.low;
    const entry = this.#entry;
    entry.high = name.high;
    entry.low = name.low;
    entry.data = this.#pages.address;
    entry.nameBytes = name.length;
    entry.first = first;
    entry.count = count;
    entry.last = last;
    this.#pages.bytes(name.bytes, name.at, name.length);
    this.#end = this.#start;
    this.#eventBytes = 0;
    this.#skipCount = 0;
  }

  add(position: Position, bytes: number): boolean {
    if (this.#added > 0 && this.#added % BLOCK_EVENTS === 0) this.#skip();
    assert(position >= this.#end, 'the events of a stream come in order');
    this.#eventBytes += this.#pages.varint((position - this.#end) / POSITION_UNIT);
    this.#eventBytes += this.#pages.varint(bytes / POSITION_UNIT);
    this.#end = position + bytes;
    this.#added++;
    return true;
  }

  endStream(): void {
    const entry = this.#entry;
    assert(this.#added === entry.count, 'a stream has as many events as was said');
    for (let i = 0; i < 2 * this.#skipCount; i++) this.#pages.uint(this.#skips[i]!, 6);
    entry.eventBytes = this.#eventBytes;
    const at = this.#directory.claim(ENTRY_BYTES);
    entry.write(this.#directory.buffer, at);
    this.#streams++;
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
    this.#skips[at + 1] = this.#eventBytes;
  }
}

/** Where a segment is to go. */
export interface SegmentTarget extends FileAccess {
  readonly path: string;
  /** Tells its pages from those of any other file. */
  readonly salt: number;
}

/** Makes the file, whole and durable, with the streams that `source` feeds. Throws `DiskError`, and leaves nothing behind then. */
export function writeSegment(target: SegmentTarget, scope: SegmentScope, source: SegmentSource): SegmentHeader {
  const { disk, path, salt } = target;
  const directory = new Spool(disk, `${path}.spool`, SPOOL_BYTES);
  let header: SegmentHeader | undefined;
  try {
    makePagedFile(target, path, salt, (file, checks) => {
      const pages = new PagedWriter({ disk, file, checks });
      const writer = new SegmentWriter(pages, directory, scope.firstChunk * scope.chunkSize);
      source(writer);
      const { streams, events } = writer;
      const directoryPage = pages.endPage();
      const blocks = writeDirectory(pages, directory, streams);
      const filterPage = pages.endPage();
      writeFilter(pages, blocks);
      const pageCount = pages.finish();
      header = { ...scope, salt, streams, events, directory: directoryPage, filter: filterPage, pageCount };
      return encodeSegmentHeader(header);
    });
  } finally {
    directory.close();
  }
  assert(header !== undefined, 'a file that is made has a header');
  return header;
}

/** Returns the filter over all entries. */
function writeDirectory(pages: PagedWriter, directory: Spool, streams: number): Bytes {
  const blocks = filterBlocksFor(streams);
  const filter: Bytes = new Uint8Array(blocks * FILTER_BLOCK_BYTES);
  const entry = new DirectoryEntry();
  let count = 0;
  directory.drain((bytes, length) => {
    for (let at = 0; at < length; at += ENTRY_BYTES) {
      entry.read(bytes, at);
      addToBlock(filter, filterBlockOf(entry.low, blocks) * FILTER_BLOCK_BYTES, entry.high, entry.low);
      pages.bytes(bytes, at, ENTRY_BYTES);
      if (++count % ENTRIES_PER_PAGE === 0) pages.endPage();
    }
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
