/**
 * The only two changes that a start may make to a log, both found by `recovery.ts`: zeroing what was never acknowledged, and
 * writing the footer of a chunk that is full. A crash in the middle leaves a state from which recovery comes to the same
 * end. Runs on a thread that may block.
 */
import type { Bytes, Disk, FileHandle } from '../base/ports.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkFooter,
  encodeFooter,
  footerOffsetOf,
} from './chunk.js';
import type { RecoveredLog } from './recovery.js';

/** Big enough for sequential writes at the disk's rate. */
const ZEROS_BYTES = 1_048_576;

/**
 * Makes everything behind the end of the log zeros, durably. Goes from the back to the front, one chunk after the other:
 * a chunk loses its footer only when all behind it is zeros, its data only when the footer is gone, and the unfinished
 * transaction only when the torn bytes behind it are gone. Throws `DiskError`; then nothing may be written to the log.
 */
export function repairTail(disk: Disk, recovered: RecoveredLog): void {
  const { torn, chunkSize, chunks } = recovered;
  if (torn === undefined) return;
  const zeros = disk.alignedBuffer(Math.min(ZEROS_BYTES, chunkSize));
  for (const chunk of chunks.toReversed()) {
    const start = chunk.number * chunkSize;
    if (torn.to <= start || torn.from >= start + chunkSize) continue;
    const file = disk.open(chunk.path, { access: 'write' });
    const clear = (from: number, to: number) => writeZeros(disk, file, zeros, { from, to });
    const offsetOf = (position: number) => CHUNK_HEADER_BYTES + clamp(position - start, chunkSize);
    try {
      const footerOffset = footerOffsetOf(chunkSize);
      clear(footerOffset, footerOffset + CHUNK_FOOTER_BYTES);
      clear(offsetOf(torn.verifiedTo), offsetOf(torn.to));
      clear(offsetOf(torn.from), offsetOf(torn.verifiedTo));
    } finally {
      disk.close(file);
    }
  }
}

/** Writes the footer of a full chunk, durably. Throws `DiskError`. */
export function sealChunk(disk: Disk, path: string, footer: ChunkFooter): void {
  const chunkSize = footer.endPosition / (footer.chunkNumber + 1);
  const block = disk.alignedBuffer(CHUNK_FOOTER_BYTES);
  encodeFooter(block, footer);
  const file = disk.open(path, { access: 'write' });
  try {
    disk.write(file, block, 0, CHUNK_FOOTER_BYTES, footerOffsetOf(chunkSize));
    disk.syncData(file);
  } finally {
    disk.close(file);
  }
}

/** Zeros a range of the file, durably. */
function writeZeros(disk: Disk, file: FileHandle, zeros: Bytes, range: { from: number; to: number }): void {
  const { from, to } = range;
  for (let at = from; at < to; at += zeros.length) {
    disk.write(file, zeros, 0, Math.min(zeros.length, to - at), at);
  }
  disk.syncData(file);
}

function clamp(offset: number, limit: number): number {
  return Math.min(Math.max(offset, 0), limit);
}
