/** The check in front of every call that takes a range of bytes: a range outside its bytes is our bug. Any thread. */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';

/** Asserts that `bytes[at, at+length)` exists. */
export function assertRange(bytes: Bytes, at: number, length: number): void {
  assert(
    Number.isSafeInteger(at) && Number.isSafeInteger(length) && at >= 0 && length >= 0,
    'a range has a start and a length',
  );
  assert(at + length <= bytes.byteLength, 'a range lies inside its bytes');
}

/** Asserts that `offset` is a place in a file. */
export function assertOffset(offset: number): void {
  assert(Number.isSafeInteger(offset) && offset >= 0, 'an offset in a file is an integer, not negative');
}
