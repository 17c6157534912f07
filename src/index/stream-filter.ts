/**
 * Which streams a segment may have: a blocked Bloom filter (Putze, Sanders and Singler, "Cache-, hash- and space-efficient Bloom filters",
 * 2007). All bits of a stream are in one block of 64 bytes, so that a look costs one page. It never misses a stream that is there. Pure.
 */
import type { Bytes } from '../base/ports.js';
import { PAYLOAD_BYTES } from './page.js';

export const FILTER_BLOCK_BYTES = 64;
/** Blocks of one page; they never lie in two. */
export const FILTER_BLOCKS_PER_PAGE = Math.floor(PAYLOAD_BYTES / FILTER_BLOCK_BYTES);
/** Ten bits a stream and six probes: one stream in eighty that isn't there is looked for. */
const STREAMS_PER_BLOCK = 51;
const PROBES = 6;
const BLOCK_BITS_SHIFT = 32 - 9;
const TWO_TO_32 = 0x1_0000_0000;

/** How many blocks a filter for so many streams has. */
export function filterBlocksFor(streams: number): number {
  return Math.ceil(streams / STREAMS_PER_BLOCK);
}

/** The block that a stream's bits are in. */
export function filterBlockOf(low: number, blocks: number): number {
  return Math.floor((low / TWO_TO_32) * blocks);
}

export function addToBlock(bytes: Bytes, block: number, high: number, low: number): void {
  for (let probe = 0, bits = firstBits(high); probe < PROBES; probe++, bits = stepped(bits, low)) {
    const bit = bits >>> BLOCK_BITS_SHIFT;
    bytes[block + (bit >>> 3)]! |= 1 << (bit & 7);
  }
}

/** Whether the stream may have been added to the block at `bytes[block]`. */
export function isInBlock(bytes: Bytes, block: number, high: number, low: number): boolean {
  for (let probe = 0, bits = firstBits(high); probe < PROBES; probe++, bits = stepped(bits, low)) {
    const bit = bits >>> BLOCK_BITS_SHIFT;
    if ((bytes[block + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** Without the hash's first bit, which nearly all streams have the same. */
function firstBits(high: number): number {
  return (high << 1) >>> 0;
}

/** Double hashing: the next probe of a stream. */
function stepped(bits: number, low: number): number {
  return (bits + (Math.imul(low, 0x85ebca6b) | 1)) >>> 0;
}
