/**
 * A growing run of bytes that frames are written into, one behind the other, until they go out as one message. Pure,
 * any thread. Messages are cut from slabs: what `take` has handed over is never written to again, so a socket may
 * hold it as long as it likes, and a slab is garbage when the last message cut from it is.
 */

import { assert } from '../base/assert.js';
import { writeI64, writeU64 } from '../base/bytes.js';
import { APPENDED_BYTES, EVENT_PREFIX_BYTES, FRAME_HEADER_BYTES, OPCODE } from './frames.js';

/** Smallest slab: what an idle session holds on to. A busy one gets room for four messages like its last. */
const SLAB_BYTES_MIN = 16 * 1024;
const MESSAGES_PER_SLAB = 4;
/** Largest slab unless one message alone needs more: a slow socket may keep a whole slab alive for one small message. */
const SLAB_BYTES_MAX = 512 * 1024;

/** What may lie ready: as much as a busy client has on its way. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024;

const TEXT_ENCODER = new TextEncoder();

/** Short runs are copied byte by byte: a call to `set` costs about as much as 24 of these steps. */
const SHORT_COPY_BYTES = 24;

/** A slab: in Node without zeros, for every byte that leaves has been written. */
const allocate: (bytes: number) => Uint8Array<ArrayBuffer> =
  typeof Buffer === 'function'
    ? (bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
    : (bytes) => new Uint8Array(bytes);

/** What an event is made of. */
export interface EventContent {
  readonly type: Uint8Array;
  readonly metadata: string | Uint8Array;
  readonly data: string | Uint8Array;
}

/** Writes frames: `begin`, fields in order, `end`; many times; then `take`. Nothing is allocated per frame. */
export class FrameWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** Where the message in the making starts in the slab. */
  #messageAt = 0;
  #at = 0;
  /** Where the open frame starts, or −1. */
  #frameAt = -1;
  #lastMessageBytes = 0;
  /** Slabs that were given back, to be written to again: the last one is the most likely to be in a cache. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #spareBytes = 0;

  /** Bytes written since the last {@link take}. */
  get length(): number {
    return this.#at - this.#messageAt;
  }

  /** Starts a frame. The one before must have ended. */
  begin(opcode: number, flags: number, requestId: number): void {
    assert(this.#frameAt < 0, 'a frame begins inside another');
    this.#reserve(FRAME_HEADER_BYTES);
    const at = this.#at;
    this.#frameAt = at;
    this.#header(at, 0, (flags << 8) | opcode, requestId);
    this.#at = at + FRAME_HEADER_BYTES;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** An integer from 0 to 2^53, or `Infinity` for all ones. */
  u64(value: number): void {
    this.#reserve(8);
    if (value === Number.POSITIVE_INFINITY) {
      this.#view.setUint32(this.#at, 0xffffffff, true);
      this.#view.setUint32(this.#at + 4, 0xffffffff, true);
    } else {
      writeU64(this.#view, this.#at, value);
    }
    this.#at += 8;
  }

  /** An integer of magnitude below 2^53. */
  i64(value: number): void {
    this.#reserve(8);
    writeI64(this.#view, this.#at, value);
    this.#at += 8;
  }

  /** The bytes themselves, without a length. */
  bytes(source: Uint8Array): void {
    this.copy(source, 0, source.length);
  }

  /** `source[from, from+length)`, without a length. */
  copy(source: Uint8Array, from: number, length: number): void {
    this.#reserve(length);
    const target = this.#bytes;
    const at = this.#at;
    if (length <= SHORT_COPY_BYTES) for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
    else target.set(length === source.length ? source : source.subarray(from, from + length), at);
    this.#at = at + length;
  }

  /** The text as UTF-8, without a length. Returns the number of bytes. */
  utf8(text: string): number {
    // A UTF-16 code unit becomes at most three bytes.
    this.#reserve(text.length * 3);
    const { written } = TEXT_ENCODER.encodeInto(text, this.#bytes.subarray(this.#at));
    this.#at += written;
    return written;
  }

  /** A u16 with the number of bytes, then the text as UTF-8, which must fit. */
  string16(text: string): void {
    this.u16(0);
    const length = this.utf8(text);
    assert(length <= 0xffff, 'a str16 holds at most 65535 bytes');
    this.#view.setUint16(this.#at - length - 2, length, true);
  }

  /** Ends the frame and fills in its length. */
  end(): void {
    assert(this.#frameAt >= 0, 'no frame to end');
    this.#view.setUint32(this.#frameAt, this.#at - this.#frameAt, true);
    this.#frameAt = -1;
  }

  /** Forgets the frame that was begun, if there is one: it can't be finished. */
  abandon(): void {
    if (this.#frameAt >= 0) this.#at = this.#frameAt;
    this.#frameAt = -1;
  }

  /** A whole Appended frame; `flags` are 0 or APPENDED_DUPLICATE. The hot path of a server. */
  appended(requestId: number, flags: number, revision: number, position: number): void {
    assert(this.#frameAt < 0, 'a frame begins inside another');
    this.#reserve(APPENDED_BYTES);
    const at = this.#at;
    this.#header(at, APPENDED_BYTES, (flags << 8) | OPCODE.appended, requestId);
    writeU64(this.#view, at + 12, revision);
    writeU64(this.#view, at + 20, position);
    this.#at = at + APPENDED_BYTES;
  }

  /**
   * A whole event of an Append: its id (16 bytes of `ids` from `idAt`), lengths, type, metadata and data. Texts become UTF-8.
   * Returns the bytes of type, metadata and data. The hot path of a client.
   */
  event(ids: DataView, idAt: number, flags: number, content: EventContent): number {
    const { type, metadata, data } = content;
    // A UTF-16 code unit becomes at most three bytes.
    this.#reserve(EVENT_PREFIX_BYTES + type.length + 3 * (metadata.length + data.length));
    const at = this.#at;
    const view = this.#view;
    for (let i = 0; i < 16; i += 4) view.setUint32(at + i, ids.getUint32(idAt + i));
    view.setUint32(at + 16, type.length | (flags << 16), true);
    this.#at = at + EVENT_PREFIX_BYTES;
    this.#put(type);
    const metadataBytes = this.#put(metadata);
    const dataBytes = this.#put(data);
    view.setUint32(at + 20, metadataBytes, true);
    view.setUint32(at + 24, dataBytes, true);
    return type.length + metadataBytes + dataBytes;
  }

  /** Writes bytes or text that room was made for; returns the bytes that it takes. */
  #put(content: string | Uint8Array): number {
    const length = content.length;
    if (length === 0) return 0;
    const at = this.#at;
    if (typeof content === 'string') {
      const { written } = TEXT_ENCODER.encodeInto(content, this.#bytes.subarray(at));
      this.#at = at + written;
      return written;
    }
    if (length > SHORT_COPY_BYTES) this.#bytes.set(content, at);
    else for (let i = 0; i < length; i++) this.#bytes[at + i] = content[i]!;
    this.#at = at + length;
    return length;
  }

  /** Nobody looks at the messages that were cut from this memory any more, whoever knows may say: it is used again. */
  recycle(slab: ArrayBuffer): void {
    const length = slab.byteLength;
    if (slab === this.#bytes.buffer || this.#spareBytes + length > SPARE_BYTES_MAX) return;
    this.#spareBytes += length;
    this.#spare.push(new Uint8Array(slab));
  }

  /** Hands over what was written since the last call (perhaps nothing); it is the caller's from now on. */
  take(): Uint8Array<ArrayBuffer> {
    assert(this.#frameAt < 0, 'the last frame has not ended');
    const message = this.#bytes.subarray(this.#messageAt, this.#at);
    this.#messageAt = this.#at;
    this.#lastMessageBytes = message.length;
    return message;
  }

  #header(at: number, length: number, opcodeAndFlags: number, requestId: number): void {
    this.#view.setUint32(at, length, true);
    this.#view.setUint32(at + 4, opcodeAndFlags, true);
    this.#view.setUint32(at + 8, requestId, true);
  }

  /** Makes room for `length` bytes; what is written of the current message moves along to the new slab. */
  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const written = this.#at - this.#messageAt;
    const slab = this.#slab(written + length);
    slab.set(this.#bytes.subarray(this.#messageAt, this.#at));
    if (this.#frameAt >= 0) this.#frameAt -= this.#messageAt;
    this.#bytes = slab;
    this.#view = new DataView(slab.buffer);
    this.#messageAt = 0;
    this.#at = written;
  }

  /** A slab of at least `bytes`; one too small for messages like the last is let go. */
  #slab(bytes: number): Uint8Array<ArrayBuffer> {
    const generous = Math.max(SLAB_BYTES_MIN, 2 * bytes, MESSAGES_PER_SLAB * this.#lastMessageBytes);
    // A message that outgrows the largest slab gets room to double, however long it is.
    const wanted = bytes > SLAB_BYTES_MAX ? 2 * bytes : Math.min(SLAB_BYTES_MAX, generous);
    for (let spare = this.#spare.pop(); spare !== undefined; spare = this.#spare.pop()) {
      this.#spareBytes -= spare.length;
      if (spare.length >= wanted) return spare;
    }
    return allocate(wanted);
  }
}
