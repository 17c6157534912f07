/**
 * The file `scavenge` of a data folder (docs/formats.md, Scavenge state): which chunk files were gone over, and through which point. Pure. It only
 * saves work: where it is missing, damaged or of another log, all chunks are gone over again, which changes nothing.
 */
import { bytesEqual, formatUuid, isZero, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';

export const SCAVENGE_FILE = 'scavenge';

/** A chunk's file, and the point through which it was gone over. */
export interface ScavengedChunk {
  /** That of the file's header: another file, as a member's copy is, has not been gone over. */
  readonly chunkId: string;
  readonly through: Position;
}

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('CAIRNSCV');
const AT = { version: 8, chunks: 12, logId: 16, list: 32 };
const ENTRY_BYTES = 24;
const CRC_BYTES = 4;

/** Chunk `n` is at index `n`; undefined if it was not gone over. */
export function encodeScavengeState(
  logId: string,
  chunks: readonly (ScavengedChunk | undefined)[],
): Uint8Array {
  const file = new Uint8Array(AT.list + ENTRY_BYTES * chunks.length + CRC_BYTES);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint32(AT.version, FORMAT_VERSION, true);
  view.setUint32(AT.chunks, chunks.length, true);
  parseUuid(logId, file, AT.logId);
  let at = AT.list;
  for (let number = 0; number < chunks.length; number++, at += ENTRY_BYTES) {
    const chunk = chunks[number];
    if (chunk === undefined) continue;
    parseUuid(chunk.chunkId, file, at);
    writeU64(view, at + 16, chunk.through);
  }
  view.setUint32(at, crc32c(file, 0, at, 0), true);
  return file;
}

/** What the file says, if it is whole and of this log. */
export function decodeScavengeState(file: Bytes, logId: string): (ScavengedChunk | undefined)[] | undefined {
  const crcAt = file.length - CRC_BYTES;
  if (crcAt < AT.list || !bytesEqual(file, 0, MAGIC, 0, MAGIC.length)) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const count = view.getUint32(AT.chunks, true);
  const isOurs =
    view.getUint32(AT.version, true) === FORMAT_VERSION &&
    AT.list + ENTRY_BYTES * count === crcAt &&
    view.getUint32(crcAt, true) === crc32c(file, 0, crcAt, 0) &&
    formatUuid(file, AT.logId) === logId;
  if (!isOurs) return undefined;
  return Array.from({ length: count }, (_, number) => {
    const at = AT.list + ENTRY_BYTES * number;
    if (isZero(file, at, ENTRY_BYTES)) return undefined;
    return { chunkId: formatUuid(file, at), through: readU64(view, at + 16) };
  });
}
