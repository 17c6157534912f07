/**
 * Reads bytes that go on from page to page: numbers of one to six bytes, numbers of variable length, names. Where the pages come from is
 * told by who extends it. Pure; any thread. What it holds is valid until somebody else reads from the same source: seek again then.
 */
import type { Bytes } from '../base/ports.js';
import { addressOf, PAYLOAD_BYTES, pageOf } from './page.js';

/** Up to here a loop is faster than a view and a copy. */
const SHORT_BYTES = 32;

/** A page's payload: `bytes[at, at+4092)`. */
export interface LoadedPage {
  readonly bytes: Bytes;
  readonly at: number;
}

export abstract class PagedBytes {
  #bytes: Bytes = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #page = 0;

  /** Throws `IndexDamage` if the page is not as it was written. */
  protected abstract load(page: number): LoadedPage;

  /** The address of the next byte. */
  get address(): number {
    return addressOf(this.#page + 1) - (this.#end - this.#at);
  }

  seek(address: number): void {
    const page = pageOf(address);
    this.#turnTo(page);
    this.#at += address - addressOf(page);
  }

  u8(): number {
    if (this.#at === this.#end) this.#turnTo(this.#page + 1);
    return this.#bytes[this.#at++]!;
  }

  /** An unsigned number of `byteCount` bytes, at most six, little-endian. */
  uint(byteCount: number): number {
    let value = 0;
    for (let i = 0, scale = 1; i < byteCount; i++, scale *= 256) value += this.u8() * scale;
    return value;
  }

  /** An unsigned number below 2^53 in seven bits a byte, the lowest first (LEB128). */
  varint(): number {
    let byte = this.u8();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80 && scale < 2 ** 53; scale *= 0x80) {
      byte = this.u8();
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  copy(target: Bytes, at: number, length: number): void {
    if (length <= SHORT_BYTES && length <= this.#end - this.#at) {
      for (let i = 0; i < length; i++) target[at + i] = this.#bytes[this.#at++]!;
      return;
    }
    for (let done = 0; done < length; ) {
      if (this.#at === this.#end) this.#turnTo(this.#page + 1);
      const part = Math.min(length - done, this.#end - this.#at);
      target.set(this.#bytes.subarray(this.#at, this.#at + part), at + done);
      this.#at += part;
      done += part;
    }
  }

  #turnTo(page: number): void {
    const { bytes, at } = this.load(page);
    this.#bytes = bytes;
    this.#at = at;
    this.#end = at + PAYLOAD_BYTES;
    this.#page = page;
  }
}
