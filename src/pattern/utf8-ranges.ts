/**
 * A range of characters as sequences of ranges of bytes in UTF-8, so that an automaton can work on bytes. Pure, any thread. For texts that are valid
 * UTF-8 only, as all names are: bytes that no valid text has may be let through. The algorithm is that of Ken Thompson's grep, as told in
 * Russ Cox, "Regular Expression Matching in the Wild" (2010).
 */
import type { CodeRange } from './syntax.js';

/** Inclusive, of bytes. */
export type ByteRange = readonly [low: number, high: number];

/** The last character of one, two, three and four bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];
/** What fits into four bytes: no character is there, and the fewer bounds there are, the fewer sequences. */
const LAST_OF_FOUR = 0x1fffff;
/** Of the first byte, by length. */
const LEAD_BITS = [0, 0xc0, 0xe0, 0xf0];

/** Each sequence is matched byte by byte; no two of them by the same bytes. */
export function byteSequences([low, high]: CodeRange): readonly (readonly ByteRange[])[] {
  const sequences: ByteRange[][] = [];
  let first = 0;
  for (const [index, last] of LAST_OF_LENGTH.entries()) {
    const [from, to] = [Math.max(low, first), Math.min(high, last)];
    // From the first of its length: shorter characters, written too long, are in no valid text either.
    if (from <= to)
      split(from === first ? 0 : from, to === 0x10ffff ? LAST_OF_FOUR : to, index + 1, sequences);
    first = last + 1;
  }
  return sequences;
}

/** All characters of the range have `length` bytes. Splits until the last bytes run over all their values, or there is one last byte. */
function split(low: number, high: number, length: number, sequences: ByteRange[][]): void {
  for (let tailBytes = 1; tailBytes < length; tailBytes++) {
    const mask = (1 << (6 * tailBytes)) - 1;
    if ((low & ~mask) === (high & ~mask)) continue;
    if ((low & mask) !== 0) {
      split(low, low | mask, length, sequences);
      split((low | mask) + 1, high, length, sequences);
      return;
    }
    if ((high & mask) !== mask) {
      split(low, (high & ~mask) - 1, length, sequences);
      split(high & ~mask, high, length, sequences);
      return;
    }
  }
  const [lowest, highest] = [bytesOf(low, length), bytesOf(high, length)];
  sequences.push(lowest.map((byte, i) => [byte, highest[i]!]));
}

function bytesOf(code: number, length: number): number[] {
  const bytes: number[] = [];
  let rest = code;
  for (let i = length - 1; i > 0; i--) {
    bytes[i] = 0x80 | (rest & 0x3f);
    rest >>= 6;
  }
  bytes[0] = LEAD_BITS[length - 1]! | rest;
  return bytes;
}
