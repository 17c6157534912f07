/**
 * Reads the fields of messages and records of the cluster, which a stranger may have sent. Pure. It never throws: the first fault is
 * remembered, all later fields are empty, and whoever has read the last field asks {@link FieldReader.finish}. All fields are
 * read byte by byte, because a DataView would be one more object for each message.
 */
import { formatUuid, isZero } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import type { Epoch, Position } from '../base/units.js';
import { TextByBytes } from './text-cache.js';

const TWO_TO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;
/** The upper half of 2^53 - 1. */
const HIGH_MAX = 0x1f_ffff;
const ID_BYTES = 16;
const NOTHING = new Uint8Array(0);

const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
const ids = new TextByBytes((bytes) => formatUuid(bytes, 0));
const texts = new TextByBytes(decodeText);

/** `open`, fields in order, `finish`; many times. */
export class FieldReader {
  #bytes: Bytes = NOTHING;
  #at = 0;
  #end = 0;
  #fault: string | undefined;

  open(bytes: Bytes): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
    this.#fault = undefined;
  }

  /** Ends the reading: what was wrong first, if anything. Bytes that nobody has read are wrong. */
  finish(): string | undefined {
    if (this.#at < this.#end) this.fail('bytes left over at the end');
    this.#bytes = NOTHING;
    return this.#fault;
  }

  /** For what only the caller can know. */
  fail(fault: string): void {
    if (this.#fault === undefined) this.#fault = fault;
    this.#at = this.#end;
  }

  u8(): number {
    return this.#has(1) ? this.#bytes[this.#at++]! : 0;
  }

  u16(): number {
    if (!this.#has(2)) return 0;
    const at = this.#at;
    this.#at = at + 2;
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  u32(): number {
    return this.#has(4) ? this.#word() >>> 0 : 0;
  }

  i32(): number {
    return this.#has(4) ? this.#word() : 0;
  }

  u64(): number {
    if (!this.#has(8)) return 0;
    const low = this.#word() >>> 0;
    return this.#joined(low, this.#word() >>> 0);
  }

  position(): Position {
    return this.#checkedPosition(this.u64());
  }

  /** All ones are -1. */
  positionOrNone(): Position {
    if (!this.#has(8)) return 0;
    const low = this.#word() >>> 0;
    const high = this.#word() >>> 0;
    return low === ALL_ONES && high === ALL_ONES ? -1 : this.#checkedPosition(this.#joined(low, high));
  }

  epoch(): Epoch {
    const epoch = this.u32();
    if (epoch === 0) this.fail('an epoch of 0');
    return epoch;
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) this.fail(`neither no nor yes: ${value}`);
    return value === 1;
  }

  /** A u32 that has no meaning yet. */
  zero(): void {
    if (this.u32() !== 0) this.fail('a field without meaning that is not 0');
  }

  /** An integer of `read` that lies in [min, max]. */
  within(value: number, min: number, max: number): number {
    if (value >= min && value <= max) return value;
    this.fail(`${value} is not from ${min} to ${max}`);
    // What is read next may depend on it.
    return min;
  }

  id(): string {
    const id = this.idOrNone();
    if (id === '') this.fail('an id of zeros');
    return id;
  }

  idOrNone(): string {
    if (!this.#has(ID_BYTES)) return '';
    const at = this.#at;
    this.#at = at + ID_BYTES;
    if (isZero(this.#bytes, at, ID_BYTES)) return '';
    return ids.get(this.#bytes, at, ID_BYTES)!;
  }

  /** A text of `bytesMin` to `bytesMax` bytes behind a u16 that says how many. */
  text(bytesMin: number, bytesMax: number): string {
    const length = this.u16();
    if (length < bytesMin || length > bytesMax) this.fail(`a text of ${length} bytes`);
    if (length === 0 || !this.#has(length)) return '';
    const at = this.#at;
    this.#at = at + length;
    const text = texts.get(this.#bytes, at, length);
    if (text === undefined) this.fail('a text that is not UTF-8');
    return text ?? '';
  }

  /** All that is left, as a view. */
  rest(bytesMax: number): Bytes {
    const at = this.#at;
    if (this.#end - at > bytesMax) this.fail(`${this.#end - at} bytes, more than ${bytesMax}`);
    if (this.#fault !== undefined) return NOTHING;
    this.#at = this.#end;
    return this.#bytes.subarray(at, this.#end);
  }

  #has(length: number): boolean {
    if (this.#end - this.#at >= length) return true;
    this.fail('cut short');
    return false;
  }

  #word(): number {
    const at = this.#at;
    const bytes = this.#bytes;
    this.#at = at + 4;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  #joined(low: number, high: number): number {
    if (high <= HIGH_MAX) return high * TWO_TO_32 + low;
    this.fail('a number of 2^53 or more');
    return 0;
  }

  #checkedPosition(value: number): Position {
    if (value % 8 !== 0) this.fail(`no position: ${value}`);
    return value;
  }
}

/** Bytes are UTF-8 if encoding makes the same of what was decoded; the decoder's own check would have to throw. */
function decodeText(bytes: Uint8Array): string | undefined {
  const text = TEXT_DECODER.decode(bytes);
  const again = TEXT_ENCODER.encode(text);
  if (again.length !== bytes.length) return undefined;
  return again.every((byte, i) => byte === bytes[i]) ? text : undefined;
}
