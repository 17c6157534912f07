/**
 * Telling zeros from anything else at memory speed: what lies behind the end of a log is hundreds of megabytes of zeros, and
 * every start looks at all of them. Pure; any thread.
 */
import type { Bytes } from '../base/ports.js';

/** Compared block by block with memcmp; one block stays in the processor's cache. */
const ZEROS = new Uint8Array(65_536);

/** The index of the first byte in `bytes[at, at+length)` that is not zero, or -1. */
export function firstNonZero(bytes: Bytes, at: number, length: number): number {
  const end = at + length;
  for (let block = at; block < end; block += ZEROS.length) {
    const blockEnd = Math.min(end, block + ZEROS.length);
    if (isZeroBlock(bytes, block, blockEnd)) continue;
    for (let i = block; i < blockEnd; i++) if (bytes[i] !== 0) return i;
  }
  return -1;
}

/** The index of the last byte in `bytes[at, at+length)` that is not zero, or -1. */
export function lastNonZero(bytes: Bytes, at: number, length: number): number {
  for (let blockEnd = at + length; blockEnd > at; blockEnd -= ZEROS.length) {
    const block = Math.max(at, blockEnd - ZEROS.length);
    if (isZeroBlock(bytes, block, blockEnd)) continue;
    for (let i = blockEnd - 1; i >= block; i--) if (bytes[i] !== 0) return i;
  }
  return -1;
}

function isZeroBlock(bytes: Bytes, from: number, to: number): boolean {
  return Buffer.compare(bytes.subarray(from, to), ZEROS.subarray(0, to - from)) === 0;
}
