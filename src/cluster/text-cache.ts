/**
 * The texts that a cluster says again and again, by their bytes and back: ids and names of a few dozen members. Decoding them each
 * time would cost more than all the rest of a message. Pure: what is cached shows in nothing but the time. Bounded, whatever comes.
 */
import { bytesEqual } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';

/** Some times the texts of a cluster of MEMBERS_MAX. A power of two. */
const SLOTS = 256;

const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

interface Entry {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Texts by bytes: each has one slot by its hash, and pushes out who was there. Strangers can make it slow, not large. */
export class TextByBytes {
  readonly #entries = new Array<Entry | undefined>(SLOTS).fill(undefined);
  readonly #decode: (bytes: Uint8Array) => string | undefined;

  /** `decode` turns bytes (never shared memory) into text, or undefined if they are none. */
  constructor(decode: (bytes: Uint8Array) => string | undefined) {
    this.#decode = decode;
  }

  /** The text of `bytes[at, at+length)`, which lies inside `bytes`. */
  get(bytes: Bytes, at: number, length: number): string | undefined {
    // FNV-1a (Fowler, Noll, Vo).
    let hash = 0x811c9dc5;
    for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
    const entry = this.#entries[slot];
    if (entry !== undefined && entry.bytes.length === length && bytesEqual(entry.bytes, 0, bytes, at, length))
      return entry.text;
    const copy = new Uint8Array(bytes.subarray(at, at + length));
    const text = this.#decode(copy);
    if (text !== undefined) this.#entries[slot] = { bytes: copy, text };
    return text;
  }
}

/** Bytes by text. When it is full it starts anew. */
export class BytesByText {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #encode: (text: string) => Uint8Array;

  constructor(encode: (text: string) => Uint8Array) {
    this.#encode = encode;
  }

  get(text: string): Uint8Array {
    const known = this.#entries.get(text);
    if (known !== undefined) return known;
    if (this.#entries.size >= SLOTS) this.#entries.clear();
    const bytes = this.#encode(text);
    this.#entries.set(text, bytes);
    return bytes;
  }
}

/** How many bytes a text has, or undefined if it has lone surrogates and so none that it could be read from again. */
export function textBytesOf(text: string): number | undefined {
  const bytes = TEXT_ENCODER.encode(text);
  return TEXT_DECODER.decode(bytes) === text ? bytes.length : undefined;
}
