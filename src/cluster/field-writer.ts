/**
 * Writes the fields of messages and records of the cluster, one behind the other, little-endian, into slabs that are never
 * written twice. Pure. What does not fit its field is a bug of ours: it dies here, at its maker, and not as an invalid message at its receiver.
 */
import { AssertionFailure, assert } from '../base/assert.js';
import { bytesEqual, parseUuid } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { BytesByText, textBytesOf } from './text-cache.js';

/** More than any message without its range, and any Membership record: 32 members of 349 bytes are 11 KiB. */
const FIELDS_BYTES_MAX = 16 * 1024;
/** Messages are cut from slabs, because memory of one's own costs each of them more than all its fields. */
const SLAB_BYTES = 128 * 1024;
const TWO_TO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;
const NO_ID = new Uint8Array(16);
const NOTHING = new Uint8Array(0);
/** Each byte of an id costs less by hand than a call to `set`; names are longer. */
const ID_BYTES = 16;

const TEXT_ENCODER = new TextEncoder();
const idBytes = new BytesByText(encodeId);
const textBytes = new BytesByText(encodeText);

/** `reset`, fields in order, `take`; many times. */
export class FieldWriter {
  #bytes = new Uint8Array(SLAB_BYTES);
  #start = 0;
  #at = 0;

  reset(): void {
    if (this.#at > SLAB_BYTES - FIELDS_BYTES_MAX) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#at = 0;
    }
    this.#start = this.#at;
  }

  /** Bytes written since `reset`. */
  get length(): number {
    return this.#at - this.#start;
  }

  u8(value: number): void {
    if (!isUnsigned(value, 0xff)) misfit('u8', value);
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    if (!isUnsigned(value, 0xffff)) misfit('u16', value);
    const at = this.#at;
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
    this.#at = at + 2;
  }

  u32(value: number): void {
    if (!isUnsigned(value, ALL_ONES)) misfit('u32', value);
    this.#word(value);
  }

  i32(value: number): void {
    if ((value | 0) !== value) misfit('i32', value);
    this.#word(value);
  }

  /** An integer from 0 to 2^53 - 1. */
  u64(value: number): void {
    if (!isUnsigned(value, Number.MAX_SAFE_INTEGER)) misfit('u64 below 2^53', value);
    this.#word(value);
    this.#word(value / TWO_TO_32);
  }

  position(value: Position): void {
    if (value % 8 !== 0) misfit('position', value);
    this.u64(value);
  }

  /** -1 becomes all ones. */
  positionOrNone(value: Position): void {
    if (value === -1) {
      this.#word(ALL_ONES);
      this.#word(ALL_ONES);
    } else {
      this.position(value);
    }
  }

  epoch(value: number): void {
    if (value === 0) misfit('epoch', value);
    this.u32(value);
  }

  boolean(value: boolean): void {
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  /** The 16 bytes of a UUID in lower case. */
  id(text: string): void {
    this.#copy(idBytes.get(text));
  }

  /** Like {@link id}, but '' may be: it becomes zeros. */
  idOrNone(text: string): void {
    this.#copy(text === '' ? NO_ID : idBytes.get(text));
  }

  /** A u16 with the number of bytes, `bytesMin` to `bytesMax`, then the text as UTF-8. */
  text(text: string, bytesMin: number, bytesMax: number): void {
    const bytes = textBytes.get(text);
    const isFitting = bytes.length >= bytesMin && bytes.length <= bytesMax;
    if (!isFitting) misfit(`text of ${bytesMin} to ${bytesMax} bytes`, text);
    this.u16(bytes.length);
    this.#copy(bytes);
  }

  /** What was written since `reset`, and a copy of `tail` behind it: the caller's from now on. */
  take(tail: Bytes = NOTHING): Uint8Array {
    const { length } = this;
    // A typed array ignores what is written behind its end.
    assert(length <= FIELDS_BYTES_MAX, 'more fields than any message has');
    if (tail.length <= FIELDS_BYTES_MAX - length) {
      if (tail.length > 0) this.#bytes.set(tail, this.#at);
      this.#at += tail.length;
      return this.#bytes.subarray(this.#start, this.#at);
    }
    const whole = new Uint8Array(length + tail.length);
    whole.set(this.#bytes.subarray(this.#start, this.#at));
    whole.set(tail, length);
    return whole;
  }

  #word(value: number): void {
    const at = this.#at;
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#at = at + 4;
  }

  #copy(source: Uint8Array): void {
    const at = this.#at;
    const length = source.length;
    if (length <= ID_BYTES) for (let i = 0; i < length; i++) this.#bytes[at + i] = source[i]!;
    else if (at + length <= SLAB_BYTES) this.#bytes.set(source, at);
    this.#at = at + length;
  }
}

function isUnsigned(value: number, max: number): boolean {
  return value >= 0 && value <= max && Number.isInteger(value);
}

/** Apart from `assert`, which would make its sentence whether it is wanted or not. */
function misfit(field: string, value: number | string): never {
  throw new AssertionFailure(`no ${field}: ${value}`);
}

function encodeId(text: string): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  assert(parseUuid(text, bytes, 0) && text === text.toLowerCase(), `no id: ${text}`);
  assert(!bytesEqual(bytes, 0, NO_ID, 0, ID_BYTES), 'the id of all zeros stands for none');
  return bytes;
}

function encodeText(text: string): Uint8Array {
  assert(textBytesOf(text) !== undefined, 'a text with lone surrogates');
  return TEXT_ENCODER.encode(text);
}
