/**
 * The file with the ids of a chunk's last events, as in docs/formats.md: what a leader needs to recognise retries of before a restart. It stands
 * beside the segments as long as its chunk is within the retry window. On a thread that may block.
 *
 *   page 0  │ header
 *   page 1… │ the ids of all events
 *   …       │ by event: number of its stream (varint), distance from the event before in units of 8 bytes (varint)
 *   …       │ by stream: length of its name (varint), name, revision of its first event here (varint)
 */
import { bytesEqual, formatUuid, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import type { Bytes, ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { readChainState, writeChainState } from './chain-state-field.js';
import { POSITION_UNIT } from './directory-page.js';
import { addressOf, IndexDamage, PAGE_BYTES } from './page.js';
import { type FileAccess, makePagedFile, openPagedFile, type PagedHeader } from './paged-file.js';
import { PagedScan } from './paged-scan.js';
import { PagedWriter } from './paged-writer.js';
import type { SegmentTarget } from './segment-writer.js';

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('CAIRNIDS');
const ID_WORDS = 4;
const NAME_BYTES_MAX = 1024;
const AT = {
  version: 8,
  salt: 12,
  logId: 16,
  chunk: 32,
  pageCount: 36,
  chunkSize: 40,
  /** A chain state: 20 bytes. */
  end: 48,
  events: 68,
  chunkEvents: 72,
  streamTable: 80,
  streams: 88,
} as const;

/** Events in the order of the log, by column: id (4 words), number of the stream, revision, position. */
export interface EventColumns {
  readonly ids: Uint32Array;
  readonly streams: Uint32Array;
  readonly revisions: Float64Array;
  readonly positions: Float64Array;
}

/** The chunk that the events are of, and how it is known again. */
export interface EventIdsScope {
  readonly logId: string;
  readonly chunk: number;
  readonly chunkSize: number;
  readonly end: Readonly<ChainState>;
  /** How many events the chunk has in all: the file may have the last of them only. */
  readonly chunkEvents: number;
}

export interface EventIdsHeader extends EventIdsScope, PagedHeader {
  readonly events: number;
  readonly streams: number;
  readonly streamTable: number;
}

/** What such a file holds; a stream's number is its index in `names`. */
export interface EventIds extends EventColumns {
  readonly header: EventIdsHeader;
  readonly names: readonly Bytes[];
}

/** Makes the file; `nameOf` knows the streams by the numbers that the columns have. Throws `DiskError`, and leaves nothing behind then. */
export function writeEventIds(
  target: SegmentTarget,
  scope: EventIdsScope,
  columns: EventColumns,
  nameOf: (stream: number) => Bytes,
): void {
  const { disk, path, salt } = target;
  makePagedFile(target, path, salt, (file, checks) => {
    const pages = new PagedWriter({ disk, file, checks });
    const firsts = writeEvents(pages, columns, scope.chunk * scope.chunkSize);
    const streamTable = pages.address;
    for (const [stream, revision] of firsts) {
      const name = nameOf(stream);
      pages.varint(name.length);
      pages.bytes(name, 0, name.length);
      pages.varint(revision);
    }
    const events = columns.streams.length;
    return encodeHeader({
      ...scope,
      salt,
      events,
      streams: firsts.size,
      streamTable,
      pageCount: pages.finish(),
    });
  });
}

/** Returns the streams in the order of their numbers in the file: that of their first events. */
function writeEvents(pages: PagedWriter, columns: EventColumns, start: Position): Map<number, number> {
  const { ids, streams, revisions, positions } = columns;
  pages.bytes(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), 0, ids.byteLength);
  const numbers = new Map<number, number>();
  const firsts = new Map<number, number>();
  let before = start;
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i]!;
    let number = numbers.get(stream);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(stream, number);
      firsts.set(stream, revisions[i]!);
    }
    pages.varint(number);
    pages.varint((positions[i]! - before) / POSITION_UNIT);
    before = positions[i]!;
  }
  return firsts;
}

/** Reads the file. Throws `IndexDamage` if it is missing or not as it was written. */
export function readEventIds(access: FileAccess, path: string): EventIds {
  const { file, header } = openPagedFile(access, path, decodeEventIdsHeader);
  try {
    const { events, streams, streamTable, chunk, chunkSize } = header;
    const scan = new PagedScan(file);
    const names: Bytes[] = [];
    const next = new Float64Array(streams);
    scan.seek(streamTable);
    for (let stream = 0; stream < streams; stream++) {
      const length = scan.varint();
      if (length > NAME_BYTES_MAX) throw new IndexDamage(path, 'a name is too long');
      const name = new Uint8Array(length);
      scan.copy(name, 0, length);
      names.push(name);
      next[stream] = scan.varint();
    }
    const ids = new Uint32Array(events * ID_WORDS);
    const columns = {
      ids,
      streams: new Uint32Array(events),
      revisions: new Float64Array(events),
      positions: new Float64Array(events),
    };
    if (events > 0) {
      scan.seek(addressOf(1));
      scan.copy(new Uint8Array(ids.buffer), 0, ids.byteLength);
    }
    for (let i = 0, position = chunk * chunkSize; i < events; i++) {
      const stream = scan.varint();
      if (stream >= streams) throw new IndexDamage(path, 'an event has no stream');
      position += scan.varint() * POSITION_UNIT;
      columns.streams[i] = stream;
      columns.revisions[i] = next[stream]!++;
      columns.positions[i] = position;
    }
    return { header, names, ...columns };
  } finally {
    file.close();
  }
}

function encodeHeader(header: EventIdsHeader): Bytes {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  page.set(MAGIC);
  view.setUint32(AT.version, FORMAT_VERSION, true);
  view.setUint32(AT.salt, header.salt, true);
  parseUuid(header.logId, page, AT.logId);
  view.setUint32(AT.chunk, header.chunk, true);
  view.setUint32(AT.pageCount, header.pageCount, true);
  writeU64(view, AT.chunkSize, header.chunkSize);
  writeChainState(view, AT.end, header.end);
  view.setUint32(AT.events, header.events, true);
  writeU64(view, AT.chunkEvents, header.chunkEvents);
  writeU64(view, AT.streamTable, header.streamTable);
  view.setUint32(AT.streams, header.streams, true);
  return page;
}

/** The header in a page whose checksum is right, or why it is none. */
export function decodeEventIdsHeader(page: Bytes): EventIdsHeader | string {
  if (!bytesEqual(page, 0, MAGIC, 0, MAGIC.length)) return 'it has no event ids';
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  if (view.getUint32(AT.version, true) !== FORMAT_VERSION) return 'it has another format version';
  const u32 = (at: number) => view.getUint32(at, true);
  return {
    salt: u32(AT.salt),
    logId: formatUuid(page, AT.logId),
    chunk: u32(AT.chunk),
    pageCount: u32(AT.pageCount),
    chunkSize: readU64(view, AT.chunkSize),
    end: readChainState(view, AT.end),
    events: u32(AT.events),
    chunkEvents: readU64(view, AT.chunkEvents),
    streamTable: readU64(view, AT.streamTable),
    streams: u32(AT.streams),
  };
}
