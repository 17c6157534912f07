/**
 * Finding records again behind a place that can't be read: by headers whose checksum is right and which say that they stand
 * just there. For recovery and tools; any thread that may block. An event's data can hold such a header on purpose, so
 * what is found here is evidence of damage, never a reason to go on with the log.
 */
import { readU64 } from '../base/bytes.js';
import { type Bytes, type ChainState, type RecordKernel, VERIFY_STOP } from '../base/ports.js';
import type { ChunkReader } from './chunk-reader.js';
import { decodeHeader } from './decoded-record.js';
import { occupiedBytes, RECORD, RECORD_ALIGNMENT, RECORD_HEADER_BYTES } from './record.js';

/**
 * Moves the reader to the next valid header, whose record ends at or before `end`; returns the bytes that it occupies. If
 * there is none the reader stands near `end`, and what is left up to there, less than a header, is returned.
 */
export function findHeader(kernel: RecordKernel, reader: ChunkReader, end: number): number {
  do {
    const { bytes, at, length } = reader;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let i = at;
    for (; i + RECORD_HEADER_BYTES <= at + length; i += RECORD_ALIGNMENT) {
      const position = reader.position + (i - at);
      if (readU64(view, i + RECORD.position) !== position) continue;
      const occupied = occupiedBytes(view.getUint32(i + RECORD.length, true));
      if (position + occupied > end || !isHeader(kernel, bytes, i)) continue;
      reader.skip(i - at);
      return occupied;
    }
    reader.skip(i - at);
  } while (reader.more());
  return end - reader.position;
}

/** Whether a valid header stands at `at`, whatever came before it. */
function isHeader(kernel: RecordKernel, bytes: Bytes, at: number): boolean {
  return kernel.verify(bytes, at, RECORD_HEADER_BYTES, stateBefore(bytes, at)) === VERIFY_STOP.partial;
}

/** The state that the record at `at` claims to continue. */
export function stateBefore(bytes: Bytes, at: number): ChainState {
  const { position, chain, previousLength, epoch } = decodeHeader(bytes, at);
  return { position, chain, previousLength, epoch };
}
