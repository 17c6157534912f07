/**
 * What a chunk file looks like around its records: header and footer block, name, and the arithmetic from a position in
 * the log to a place in a file, as in docs/formats.md. Pure; any thread. Encoding fills a whole block; decoding answers
 * with a union, because a damaged block is something that recovery and `cairn inspect` expect to meet.
 */
import { assert } from '../base/assert.js';
import { bytesEqual, formatUuid, isZero, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import type { Bytes, ChainState } from '../base/ports.js';
import { RECORD_OCCUPIED_MIN } from './record.js';

/** One block of the disk: what direct I/O is aligned to, so that data begins at an aligned offset. */
export const CHUNK_HEADER_BYTES = 4096;
export const CHUNK_FOOTER_BYTES = 4096;
/** Small enough for tests that cross many chunks, large enough for a record of the largest name and type. */
export const CHUNK_SIZE_MIN = 65_536;
/** 1 GiB: offsets in a chunk fit a u32 with room, and copying or repairing one chunk stays a matter of seconds. */
export const CHUNK_SIZE_MAX = 1_073_741_824;
/** Direct I/O needs whole blocks. */
const CHUNK_SIZE_UNIT = 4096;
/** Six digits in the file name: 268 TB of log at the default chunk size. */
export const CHUNK_NUMBER_MAX = 999_999;
const CHUNK_VERSION_MAX = 999_999;

const FORMAT_VERSION = 1;
/** Of the header of a scavenged chunk's file. */
const PACKED_VERSION = 2;
const HEADER_MAGIC = new TextEncoder().encode('CAIRNCHK');
const FOOTER_MAGIC = new TextEncoder().encode('CAIRNEND');
const BLOCK_CRC_AT = 4092;

const HEADER = {
  magic: 0,
  version: 8,
  chunkNumber: 12,
  chunkSize: 16,
  logId: 24,
  chunkId: 40,
  created: 56,
  zeros: 64,
  packedBytes: 64,
  mapCrc: 72,
  packedZeros: 76,
};
const FOOTER = {
  magic: 0,
  version: 8,
  chunkNumber: 12,
  endPosition: 16,
  logId: 24,
  chunkId: 40,
  chain: 56,
  previousLength: 60,
  epoch: 64,
  recordCount: 68,
  zeros: 72,
};

/** Ids are UUIDs in their text form, so that they compare and print as they are. */
export interface ChunkHeader {
  readonly chunkNumber: number;
  readonly chunkSize: number;
  readonly logId: string;
  readonly chunkId: string;
  readonly createdUs: number;
  /** Of a scavenged chunk, whose data is packed (`packed-chunk.ts`). */
  readonly packed?: PackedSize | undefined;
}

export interface PackedSize {
  /** Of the items; zeros fill the last block. */
  readonly packedBytes: number;
  /** CRC-32C of the map. */
  readonly mapCrc: number;
}

/** What vouches for a full chunk: its last record's `crc` (`chain`), `length` (`previousLength`) and epoch. */
export interface ChunkFooter {
  readonly chunkNumber: number;
  readonly endPosition: number;
  readonly logId: string;
  readonly chunkId: string;
  readonly chain: number;
  readonly previousLength: number;
  readonly epoch: number;
  readonly recordCount: number;
}

export type DecodedChunkHeader =
  | { readonly kind: 'header'; readonly header: ChunkHeader }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

export type DecodedChunkFooter =
  | { readonly kind: 'footer'; readonly footer: ChunkFooter }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Fills the 4096 bytes of `block`. */
export function encodeChunkHeader(block: Bytes, header: ChunkHeader): void {
  const view = beginBlock(block, HEADER_MAGIC);
  view.setUint32(HEADER.chunkNumber, header.chunkNumber, true);
  writeU64(view, HEADER.chunkSize, header.chunkSize);
  writeIds(block, HEADER.logId, header.logId, header.chunkId);
  writeU64(view, HEADER.created, header.createdUs);
  if (header.packed !== undefined) {
    view.setUint32(HEADER.version, PACKED_VERSION, true);
    writeU64(view, HEADER.packedBytes, header.packed.packedBytes);
    view.setUint32(HEADER.mapCrc, header.packed.mapCrc, true);
  }
  view.setUint32(BLOCK_CRC_AT, crc32c(block, 0, BLOCK_CRC_AT, 0), true);
}

/** Reads the 4096 bytes of `block`. */
export function decodeChunkHeader(block: Bytes): DecodedChunkHeader {
  const problem = blockProblem(block, HEADER_MAGIC, PACKED_VERSION);
  if (problem !== undefined) return problem;
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const isPacked = view.getUint32(HEADER.version, true) === PACKED_VERSION;
  const packed = isPacked
    ? { packedBytes: readU64(view, HEADER.packedBytes), mapCrc: view.getUint32(HEADER.mapCrc, true) }
    : undefined;
  const header: ChunkHeader = {
    chunkNumber: view.getUint32(HEADER.chunkNumber, true),
    chunkSize: readU64(view, HEADER.chunkSize),
    logId: formatUuid(block, HEADER.logId),
    chunkId: formatUuid(block, HEADER.chunkId),
    createdUs: readU64(view, HEADER.created),
    ...(packed !== undefined && { packed }),
  };
  if (!isChunkSize(header.chunkSize)) return damaged(`a chunk size of ${header.chunkSize}`);
  const zeros = isPacked ? HEADER.packedZeros : HEADER.zeros;
  if (!isZero(block, zeros, BLOCK_CRC_AT - zeros)) return damaged('unknown fields');
  if (packed !== undefined && !isPackedSize(packed, header.chunkSize))
    return damaged(`${packed.packedBytes} bytes of packed data`);
  return { kind: 'header', header };
}

/** Fills the 4096 bytes of `block`. */
export function encodeFooter(block: Bytes, footer: ChunkFooter): void {
  const view = beginBlock(block, FOOTER_MAGIC);
  view.setUint32(FOOTER.chunkNumber, footer.chunkNumber, true);
  writeU64(view, FOOTER.endPosition, footer.endPosition);
  writeIds(block, FOOTER.logId, footer.logId, footer.chunkId);
  view.setUint32(FOOTER.chain, footer.chain, true);
  view.setUint32(FOOTER.previousLength, footer.previousLength, true);
  view.setUint32(FOOTER.epoch, footer.epoch, true);
  view.setUint32(FOOTER.recordCount, footer.recordCount, true);
  view.setUint32(BLOCK_CRC_AT, crc32c(block, 0, BLOCK_CRC_AT, 0), true);
}

/** Reads the 4096 bytes of `block`; `absent` if they are zeros, as in a chunk that isn't sealed. */
export function decodeFooter(block: Bytes): DecodedChunkFooter {
  if (isZero(block, 0, CHUNK_FOOTER_BYTES)) return { kind: 'absent' };
  const problem = blockProblem(block, FOOTER_MAGIC, FORMAT_VERSION);
  if (problem !== undefined) return problem;
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  if (!isZero(block, FOOTER.zeros, BLOCK_CRC_AT - FOOTER.zeros)) return damaged('unknown fields');
  const footer: ChunkFooter = {
    chunkNumber: view.getUint32(FOOTER.chunkNumber, true),
    endPosition: readU64(view, FOOTER.endPosition),
    logId: formatUuid(block, FOOTER.logId),
    chunkId: formatUuid(block, FOOTER.chunkId),
    chain: view.getUint32(FOOTER.chain, true),
    previousLength: view.getUint32(FOOTER.previousLength, true),
    epoch: view.getUint32(FOOTER.epoch, true),
    recordCount: view.getUint32(FOOTER.recordCount, true),
  };
  return { kind: 'footer', footer };
}

function beginBlock(block: Bytes, magic: Uint8Array): DataView {
  assert(block.length === CHUNK_HEADER_BYTES, 'a chunk header or footer is one block');
  block.fill(0);
  block.set(magic, 0);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  view.setUint32(HEADER.version, FORMAT_VERSION, true);
  return view;
}

function writeIds(block: Bytes, at: number, logId: string, chunkId: string): void {
  assert(parseUuid(logId, block, at), `not a log id: ${logId}`);
  assert(parseUuid(chunkId, block, at + 16), `not a chunk id: ${chunkId}`);
}

function blockProblem(
  block: Bytes,
  magic: Uint8Array,
  versionMax: number,
): Exclude<DecodedChunkFooter, { kind: 'footer' | 'absent' }> | undefined {
  assert(block.length === CHUNK_HEADER_BYTES, 'a chunk header or footer is one block');
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  if (!bytesEqual(block, 0, magic, 0, magic.length)) return damaged('the magic bytes are missing');
  if (view.getUint32(BLOCK_CRC_AT, true) !== crc32c(block, 0, BLOCK_CRC_AT, 0)) {
    return damaged('its checksum is wrong');
  }
  const version = view.getUint32(HEADER.version, true);
  return version >= 1 && version <= versionMax ? undefined : { kind: 'unknown-version', version };
}

function damaged(reason: string): { kind: 'damaged'; reason: string } {
  return { kind: 'damaged', reason };
}

/** The end of the chunk that this footer seals, where the next chunk's first record continues. */
export function chainAfter(footer: ChunkFooter): ChainState {
  const { endPosition, chain, previousLength, epoch } = footer;
  return { position: endPosition, chain, previousLength, epoch };
}

/** Whether a log may have chunks of this size. */
export function isChunkSize(size: number): boolean {
  return size >= CHUNK_SIZE_MIN && size <= CHUNK_SIZE_MAX && size % CHUNK_SIZE_UNIT === 0;
}

/** The number of the chunk that holds `position`; of an end position, the chunk that comes next. */
export function chunkOf(position: number, chunkSize: number): number {
  return Math.floor(position / chunkSize);
}

/** Where `position` stands in its chunk's file. */
export function fileOffsetOf(position: number, chunkSize: number): number {
  return CHUNK_HEADER_BYTES + (position % chunkSize);
}

/** Where the footer block stands in a chunk's file. */
export function footerOffsetOf(chunkSize: number): number {
  return CHUNK_HEADER_BYTES + chunkSize;
}

/** Data that is left of a chunk: whole items, and not much more than the chunk had. */
function isPackedSize({ packedBytes }: PackedSize, chunkSize: number): boolean {
  return packedBytes > 0 && packedBytes % 8 === 0 && packedBytes <= 2 * chunkSize;
}

/** How long a plain chunk's file is, always. */
export function chunkFileBytes(chunkSize: number): number {
  return CHUNK_HEADER_BYTES + chunkSize + CHUNK_FOOTER_BYTES;
}

/**
 * The length of the Padding record that must come first if a record that occupies `occupied` bytes is to follow at
 * `position`: all that is left of the chunk, or 0 if the record fits.
 */
export function paddingBefore(position: number, occupied: number, chunkSize: number): number {
  const left = chunkSize - (position % chunkSize);
  if (occupied === left || occupied + RECORD_OCCUPIED_MIN <= left) return 0;
  assert(left < chunkSize, 'a record must fit into a chunk');
  return left;
}

const FILE_NAME_PATTERN = /^chunk-(\d{6})\.(\d{6})$/;
const TEMPORARY_NAME_PATTERN = /^chunk-(\d{6})\.(\d{6})\.tmp$/;

/** `chunk-NNNNNN.VVVVVV` */
export function chunkFileName(chunkNumber: number, version: number): string {
  assert(chunkNumber <= CHUNK_NUMBER_MAX && version <= CHUNK_VERSION_MAX, 'a chunk name has six digits');
  return `chunk-${String(chunkNumber).padStart(6, '0')}.${String(version).padStart(6, '0')}`;
}

/** The name of a chunk in preparation. */
export function temporaryFileName(chunkNumber: number, version: number): string {
  return `${chunkFileName(chunkNumber, version)}.tmp`;
}

/** What a file's name says: a chunk, one in preparation, a name that looks like ours but isn't, or something else. */
export type ParsedFileName =
  | { readonly kind: 'chunk' | 'temporary'; readonly chunkNumber: number; readonly version: number }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'other' };

export function parseFileName(name: string): ParsedFileName {
  const chunk = FILE_NAME_PATTERN.exec(name);
  if (chunk !== null) return { kind: 'chunk', chunkNumber: Number(chunk[1]), version: Number(chunk[2]) };
  const temporary = TEMPORARY_NAME_PATTERN.exec(name);
  if (temporary !== null) {
    return { kind: 'temporary', chunkNumber: Number(temporary[1]), version: Number(temporary[2]) };
  }
  return { kind: name.toLowerCase().startsWith('chunk-') ? 'malformed' : 'other' };
}
