/**
 * The 64-bit hash by which segments sort their streams: two of base/name-table.ts's, differently keyed. It only ever leads to a name, whose
 * bytes decide: streams with the same hash are told apart, so a weak one costs time and nothing else. Its first bit says whether it is of a
 * metadata stream, so that all of those are one stretch at the end of a segment's directory. Pure; any thread.
 */
import { gather, type HashSeed, halfSipHash, NAME_BYTES_MAX } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import { isMetadataName } from '../base/stream-metadata.js';

/** A stream's name, `bytes[at, at+length)`, and its hash. */
export interface HashedName {
  readonly bytes: Bytes;
  readonly at: number;
  readonly length: number;
  readonly high: number;
  readonly low: number;
}

/** Fills in the hash of the name that it holds. */
export type StreamHash = (name: StreamName) => void;

/** A name that is looked up; one object for all of them. */
export class StreamName implements HashedName {
  bytes: Bytes = new Uint8Array(0);
  at = 0;
  length = 0;
  high = 0;
  low = 0;

  set(bytes: Bytes, at: number, length: number): void {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
  }
}

/** Told apart from the seed itself, so that the two halves have nothing to do with each other: from the digits of pi. */
const OTHER_LOW = 0x243f6a88;
const OTHER_HIGH = 0x85a308d3;

/** The first bit of `high`. */
export const METADATA_BIT = 0x8000_0000;

/** The hash with this key. Names have at most 1024 bytes. */
export function streamHash(seed: HashSeed): StreamHash {
  const other = { low: (seed.low ^ OTHER_LOW) >>> 0, high: (seed.high ^ OTHER_HIGH) >>> 0 };
  const words = new Int32Array(NAME_BYTES_MAX / 4);
  return (name) => {
    gather(name.bytes, name.at, name.length, words);
    name.high = placed(name, halfSipHash(words, name.length, seed));
    name.low = halfSipHash(words, name.length, other) >>> 0;
  };
}

/** The first half of the name's hash, its first bit as it has to be. */
export function placed({ bytes, at, length }: HashedName, hash: number): number {
  return (isMetadataName(bytes, at, length) ? hash | METADATA_BIT : hash & ~METADATA_BIT) >>> 0;
}

/** The order of streams in a segment: by hash, and streams with the same hash by the bytes of their names. */
export function compareNames(a: HashedName, b: HashedName): number {
  if (a.high !== b.high) return a.high - b.high;
  if (a.low !== b.low) return a.low - b.low;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a.bytes[a.at + i]! - b.bytes[b.at + i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
