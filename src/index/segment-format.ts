/**
 * What a segment's header looks like, as in docs/formats.md. A segment is a file that says where all events of whole chunks are, by stream.
 * Pure; any thread.
 *
 *   page 0  │ header
 *   page 1… │ data: by stream its events (gap, length …), a skip for each further block of 64 events
 *   …       │ directory: by stream hash, name, where its data is, first revision, how many events, where the last is
 *   …       │ filter over the streams' hashes
 */
import { bytesEqual, formatUuid, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import type { HashSeed } from '../base/name-table.js';
import type { Bytes, ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { readChainState, writeChainState } from './chain-state-field.js';
import { PAGE_BYTES } from './page.js';
import type { PagedHeader } from './paged-file.js';
import { filterBlocksFor } from './stream-filter.js';

/** 1 had metadata streams among the others. */
const FORMAT_VERSION = 2;
const MAGIC = new TextEncoder().encode('CAIRNSEG');

const AT = {
  version: 8,
  salt: 12,
  logId: 16,
  firstChunk: 32,
  lastChunk: 36,
  chunkSize: 40,
  seedLow: 48,
  seedHigh: 52,
  decided: 56,
  /** A chain state: 20 bytes. */
  end: 64,
  pageCount: 84,
  streams: 88,
  events: 96,
  directory: 104,
  filter: 108,
  metadataStreams: 112,
} as const;

/** The chunks that a segment speaks for, and how it knows them again. */
export interface SegmentScope {
  readonly logId: string;
  readonly chunkSize: number;
  readonly firstChunk: number;
  readonly lastChunk: number;
  /** Keys the hash of the streams' names. */
  readonly seed: HashSeed;
  /** Where it was known which of the events are committed: at the end of the chunks, or behind the transaction that is open there. */
  readonly decided: Position;
  /** The end of the last chunk. Its chain vouches for all of the log before. */
  readonly end: Readonly<ChainState>;
}

export interface SegmentHeader extends SegmentScope, PagedHeader {
  readonly streams: number;
  readonly events: number;
  /** How many of the streams are metadata streams: the last ones of the directory. */
  readonly metadataStreams: number;
  /** The first pages of directory and filter. */
  readonly directory: number;
  readonly filter: number;
}

/** The header's page, without its checksum. */
export function encodeSegmentHeader(header: SegmentHeader): Bytes {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  page.set(MAGIC);
  view.setUint32(AT.version, FORMAT_VERSION, true);
  view.setUint32(AT.salt, header.salt, true);
  parseUuid(header.logId, page, AT.logId);
  view.setUint32(AT.firstChunk, header.firstChunk, true);
  view.setUint32(AT.lastChunk, header.lastChunk, true);
  writeU64(view, AT.chunkSize, header.chunkSize);
  view.setUint32(AT.seedLow, header.seed.low, true);
  view.setUint32(AT.seedHigh, header.seed.high, true);
  writeU64(view, AT.decided, header.decided);
  writeChainState(view, AT.end, header.end);
  view.setUint32(AT.pageCount, header.pageCount, true);
  writeU64(view, AT.streams, header.streams);
  writeU64(view, AT.events, header.events);
  view.setUint32(AT.directory, header.directory, true);
  view.setUint32(AT.filter, header.filter, true);
  writeU64(view, AT.metadataStreams, header.metadataStreams);
  return page;
}

/** The header in a page whose checksum is right, or why it is none. */
export function decodeSegmentHeader(page: Bytes): SegmentHeader | string {
  if (!bytesEqual(page, 0, MAGIC, 0, MAGIC.length)) return 'it is no segment';
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  if (view.getUint32(AT.version, true) !== FORMAT_VERSION) return 'it has another format version';
  const u32 = (at: number) => view.getUint32(at, true);
  const header: SegmentHeader = {
    salt: u32(AT.salt),
    logId: formatUuid(page, AT.logId),
    firstChunk: u32(AT.firstChunk),
    lastChunk: u32(AT.lastChunk),
    chunkSize: readU64(view, AT.chunkSize),
    seed: { low: u32(AT.seedLow), high: u32(AT.seedHigh) },
    decided: readU64(view, AT.decided),
    end: readChainState(view, AT.end),
    pageCount: u32(AT.pageCount),
    streams: readU64(view, AT.streams),
    events: readU64(view, AT.events),
    directory: u32(AT.directory),
    filter: u32(AT.filter),
    metadataStreams: readU64(view, AT.metadataStreams),
  };
  return isPlausible(header) ? header : 'its header contradicts itself';
}

function isPlausible(header: SegmentHeader): boolean {
  const { firstChunk, lastChunk, chunkSize, end, decided, streams, directory, filter, pageCount } = header;
  return (
    firstChunk <= lastChunk &&
    end.position === (lastChunk + 1) * chunkSize &&
    decided >= end.position &&
    header.metadataStreams <= streams &&
    directory >= 1 &&
    (streams === 0 ? filter === directory : filter > directory) &&
    pageCount >= filter &&
    (filterBlocksFor(streams) === 0) === (pageCount === filter)
  );
}
