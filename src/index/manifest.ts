/**
 * Which files make up the index: what is not in the manifest doesn't count, and is removed at the next start. It is replaced as a whole, so that after a
 * crash at any instant there is the old or the new one, as in docs/formats.md. On a thread that may block.
 */
import { bytesEqual, formatUuid, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import type { HashSeed } from '../base/name-table.js';
import { type Bytes, type Disk, DiskError } from '../base/ports.js';

/** A segment: its file's number, and the chunks that it speaks for. */
export interface SegmentFile {
  readonly file: number;
  readonly firstChunk: number;
  readonly lastChunk: number;
}

/** A file of event ids. */
export interface EventIdsFile {
  readonly file: number;
  readonly chunk: number;
  /** How many events the chunk has in all. */
  readonly chunkEvents: number;
}

export interface Manifest {
  readonly logId: string;
  readonly chunkSize: number;
  /** Keys the hash of the streams' names, in all segments. */
  readonly seed: HashSeed;
  /** In the order of their chunks; no two speak for the same. */
  readonly segments: readonly SegmentFile[];
  /** In the order of their chunks. */
  readonly eventIds: readonly EventIdsFile[];
}

const MANIFEST_FILE = 'manifest';
const TEMPORARY_FILE = 'manifest.tmp';

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('CAIRNIDX');
const AT = {
  version: 8,
  length: 12,
  logId: 16,
  chunkSize: 32,
  seedLow: 40,
  seedHigh: 44,
  segments: 48,
  eventIds: 52,
};
const LISTS_AT = 56;
const SEGMENT_BYTES = 16;
const EVENT_IDS_BYTES = 20;
const CRC_BYTES = 4;
/** A million segments: a file this large is not ours. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** The name of segment file number `file`. */
export function segmentFileName(file: number): string {
  return `segment-${String(file).padStart(8, '0')}`;
}

/** The name of the file of event ids number `file`. */
export function eventIdsFileName(file: number): string {
  return `ids-${String(file).padStart(8, '0')}`;
}

/** The chunks that a segment speaks for. */
export function chunksOf({ firstChunk, lastChunk }: SegmentFile): number[] {
  return Array.from({ length: lastChunk - firstChunk + 1 }, (_, i) => firstChunk + i);
}

/** All files that the manifest names, itself included. */
export function filesOf({ segments, eventIds }: Manifest): Set<string> {
  const names = [MANIFEST_FILE];
  for (const { file } of segments) names.push(segmentFileName(file));
  for (const { file } of eventIds) names.push(eventIdsFileName(file));
  return new Set(names);
}

/** The manifest in `folder`; a string says why there is none that can be used. Throws `DiskError` only if the folder can't be read. */
export function loadManifest(disk: Disk, folder: string): Manifest | string {
  if (!disk.list(folder).includes(MANIFEST_FILE)) return 'there is none';
  try {
    const file = disk.open(`${folder}/${MANIFEST_FILE}`, { access: 'read' });
    try {
      const fileBytes = disk.sizeOf(file);
      if (fileBytes > FILE_BYTES_MAX) return 'it is too long';
      const bytes: Bytes = new Uint8Array(fileBytes);
      const got = disk.read(file, bytes, 0, fileBytes, 0);
      return decodeManifest(bytes.subarray(0, got));
    } finally {
      disk.close(file);
    }
  } catch (error) {
    if (error instanceof DiskError) return error.message;
    throw error;
  }
}

/** Puts the manifest in the place of the one before, durably. Throws `DiskError`: then either of the two is there. */
export function saveManifest(disk: Disk, folder: string, manifest: Manifest): void {
  const temporaryPath = `${folder}/${TEMPORARY_FILE}`;
  const bytes = encodeManifest(manifest);
  if (disk.list(folder).includes(TEMPORARY_FILE)) disk.unlink(temporaryPath);
  const file = disk.open(temporaryPath, { access: 'create-new' });
  try {
    disk.write(file, bytes, 0, bytes.length, 0);
    disk.sync(file);
  } finally {
    disk.close(file);
  }
  disk.rename(temporaryPath, `${folder}/${MANIFEST_FILE}`);
  disk.syncDirectory(folder);
}

export function encodeManifest({ logId, chunkSize, seed, segments, eventIds }: Manifest): Bytes {
  const listBytes = segments.length * SEGMENT_BYTES + eventIds.length * EVENT_IDS_BYTES;
  const bytes = new Uint8Array(LISTS_AT + listBytes + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(AT.version, FORMAT_VERSION, true);
  view.setUint32(AT.length, bytes.length, true);
  parseUuid(logId, bytes, AT.logId);
  writeU64(view, AT.chunkSize, chunkSize);
  view.setUint32(AT.seedLow, seed.low, true);
  view.setUint32(AT.seedHigh, seed.high, true);
  view.setUint32(AT.segments, segments.length, true);
  view.setUint32(AT.eventIds, eventIds.length, true);
  let at = LISTS_AT;
  for (const { file, firstChunk, lastChunk } of segments) {
    writeU64(view, at, file);
    view.setUint32(at + 8, firstChunk, true);
    view.setUint32(at + 12, lastChunk, true);
    at += SEGMENT_BYTES;
  }
  for (const { file, chunk, chunkEvents } of eventIds) {
    writeU64(view, at, file);
    view.setUint32(at + 8, chunk, true);
    writeU64(view, at + 12, chunkEvents);
    at += EVENT_IDS_BYTES;
  }
  view.setUint32(at, crc32c(bytes, 0, at, 0), true);
  return bytes;
}

/** The manifest in these bytes, or why there is none. */
export function decodeManifest(bytes: Bytes): Manifest | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const crcAt = bytes.length - CRC_BYTES;
  if (crcAt < LISTS_AT || !bytesEqual(bytes, 0, MAGIC, 0, MAGIC.length)) return 'it is no manifest';
  if (view.getUint32(AT.version, true) !== FORMAT_VERSION) return 'it has another format version';
  if (view.getUint32(AT.length, true) !== bytes.length) return 'it was cut short';
  if (view.getUint32(crcAt, true) !== crc32c(bytes, 0, crcAt, 0)) return 'its checksum is wrong';
  const segmentCount = view.getUint32(AT.segments, true);
  const eventIdsCount = view.getUint32(AT.eventIds, true);
  if (LISTS_AT + segmentCount * SEGMENT_BYTES + eventIdsCount * EVENT_IDS_BYTES !== crcAt)
    return 'it contradicts itself';
  const segments: SegmentFile[] = [];
  const eventIds: EventIdsFile[] = [];
  let at = LISTS_AT;
  for (; segments.length < segmentCount; at += SEGMENT_BYTES) {
    const [firstChunk, lastChunk] = [view.getUint32(at + 8, true), view.getUint32(at + 12, true)];
    if (firstChunk > lastChunk || firstChunk <= (segments.at(-1)?.lastChunk ?? -1))
      return 'it contradicts itself';
    segments.push({ file: readU64(view, at), firstChunk, lastChunk });
  }
  for (; eventIds.length < eventIdsCount; at += EVENT_IDS_BYTES) {
    const chunk = view.getUint32(at + 8, true);
    eventIds.push({ file: readU64(view, at), chunk, chunkEvents: readU64(view, at + 12) });
  }
  return {
    logId: formatUuid(bytes, AT.logId),
    chunkSize: readU64(view, AT.chunkSize),
    seed: { low: view.getUint32(AT.seedLow, true), high: view.getUint32(AT.seedHigh, true) },
    segments,
    eventIds,
  };
}
