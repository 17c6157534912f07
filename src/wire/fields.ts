/**
 * What the codecs of single frames share: the shape of their answer, and the fields that can be wrong. Pure, any thread.
 * Decoders never throw, whatever the bytes: a frame comes from a stranger.
 */

import { readU64 } from '../base/bytes.js';
import { isUtf8 } from './utf8.js';

/** A decoded frame, or a sentence about what is wrong with it, to answer with. */
export type Decoded<T> = { readonly kind: 'ok'; readonly frame: T } | Invalid;

export interface Invalid {
  readonly kind: 'invalid';
  readonly reason: string;
}

export function ok<T>(frame: T): Decoded<T> {
  return { kind: 'ok', frame };
}

export function invalid(reason: string): Invalid {
  return { kind: 'invalid', reason };
}

const ALL_ONES = 0xffffffff;
const TEXT_DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** A u64: below 2^53, or `Infinity` for all ones, or undefined for what the protocol does not use. */
export function readU64Field(view: DataView, at: number): number | undefined {
  if (view.getUint32(at, true) === ALL_ONES && view.getUint32(at + 4, true) === ALL_ONES) {
    return Number.POSITIVE_INFINITY;
  }
  const value = readU64(view, at);
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** The text of `bytes[at, at+length)`, or undefined if it is not valid UTF-8. The range lies inside `bytes`. */
export function readText(bytes: Uint8Array, view: DataView, at: number, length: number): string | undefined {
  if (!isUtf8(view, at, length)) return undefined;
  return TEXT_DECODER.decode(bytes.subarray(at, at + length));
}

/** The str16 at `at`, which must end exactly at `end`; undefined if it does not, or is not valid UTF-8. */
export function readLastString16(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): string | undefined {
  if (at + 2 > end) return undefined;
  const length = view.getUint16(at, true);
  return at + 2 + length === end ? readText(bytes, view, at + 2, length) : undefined;
}
