/**
 * An interning table: names (byte strings, such as those of streams) to the dense numbers 0, 1, 2, … and back. Any thread; each
 * has its own. A lookup goes straight from bytes at an offset to the number: no string, no allocation. It is exact: a hash
 * leads to a candidate, a comparison of all its bytes decides.
 *
 *   slots (open addressing, linear probing)      words (the arena; names start at a multiple of 4 bytes, padded with zeros)
 *   ┌──────┬──────────────┐                      ┌────────┬────────┬──────────────┐
 *   │ hash │ word of name ┼─────────────────────▶│ number │ length │ name …       │
 *   └──────┴──────────────┘   starts[number] ───▶└────────┴────────┴──────────────┘
 *
 * The hash is keyed, because whoever chooses stream names could otherwise choose ones that collide and make each lookup a
 * search through all of them.
 */
import { assert } from './assert.js';
import type { Bytes } from './ports.js';

/** The key of the hash: 64 random bits in two u32. */
export interface HashSeed {
  readonly low: number;
  readonly high: number;
}

/** A table's content as plain data and three buffers, to be posted to another thread with the buffers transferred. */
export interface NameTableTransfer {
  readonly seed: HashSeed;
  readonly size: number;
  readonly wordsUsed: number;
  readonly slots: ArrayBuffer;
  readonly starts: ArrayBuffer;
  readonly words: ArrayBuffer;
}

const NAMES_AT_FIRST = 64;
const SLOT_WORDS = 2;
/** hash << SLOT_SHIFT is hash × SLOT_WORDS, modulo 2^32. */
const SLOT_SHIFT = 1;
const ENTRY_HEADER_WORDS = 2;
/** Slots are filled up to 1/2: then linear probing looks at 1.5 slots for a hit, and at 2.5 for a miss. */
const SLOTS_PER_NAME = 2;
/** Word numbers fill 31 bits: 8 GiB of names. */
const WORDS_MAX = 0x7fff_ffff;
/** The longest name that can be interned: what docs/formats.md allows a stream. */
export const NAME_BYTES_MAX = 1024;

export class NameTable {
  private count = 0;
  private wordsUsed = 0;
  private slots = new Int32Array(NAMES_AT_FIRST * SLOTS_PER_NAME * SLOT_WORDS);
  private starts = new Int32Array(NAMES_AT_FIRST);
  private words = new Int32Array(NAMES_AT_FIRST * 8);
  /** The name that is being looked up, as words: gathered once, hashed and compared from here. */
  private readonly key = new Int32Array(NAME_BYTES_MAX / 4);

  constructor(readonly seed: HashSeed) {}

  /** The slots and the arena as drawn above, for a native search. Others after `intern`. */
  get memory(): { readonly slots: Int32Array; readonly words: Int32Array } {
    return { slots: this.slots, words: this.words };
  }

  /** How many names there are; the next new one gets this number. */
  get size(): number {
    return this.count;
  }

  /** The memory that it has taken, in bytes. */
  get bytes(): number {
    return this.slots.byteLength + this.starts.byteLength + this.words.byteLength;
  }

  /** The number of the name `bytes[at, at+length)`, or −1 if it was never interned. */
  find(bytes: Bytes, at: number, length: number): number {
    if (length > NAME_BYTES_MAX) return -1;
    gather(bytes, at, length, this.key);
    const entry = this.slots[this.probe(halfSipHash(this.key, length, this.seed), length) + 1]!;
    return entry === 0 ? -1 : this.words[entry - 1]!;
  }

  /** The number of name `number` of another table, or −1 if it was never interned here. */
  findFrom(other: NameTable, number: number): number {
    const length = this.gatherFrom(other, number);
    const entry = this.slots[this.probe(halfSipHash(this.key, length, this.seed), length) + 1]!;
    return entry === 0 ? -1 : this.words[entry - 1]!;
  }

  /** The hash (u32) of a name, whether it is in the table or not. */
  hash(bytes: Bytes, at: number, length: number): number {
    gather(bytes, at, length, this.key);
    return halfSipHash(this.key, length, this.seed) >>> 0;
  }

  /** The same of name `number`. */
  hashOf(number: number): number {
    return halfSipHash(this.key, this.gatherFrom(this, number), this.seed) >>> 0;
  }

  /** The number of the name `bytes[at, at+length)`, which is copied into the table if it is new. */
  intern(bytes: Bytes, at: number, length: number): number {
    gather(bytes, at, length, this.key);
    return this.internKey(length);
  }

  /** The number of name `number` of another table, which is copied into this one if it is new. */
  internFrom(other: NameTable, number: number): number {
    return this.internKey(this.gatherFrom(other, number));
  }

  /** Copies name `number` of a table into `key`; returns its length. */
  private gatherFrom({ starts, words }: NameTable, number: number): number {
    const word = starts[number]!;
    const length = words[word + 1]!;
    const name = word + ENTRY_HEADER_WORDS;
    for (let i = (length - 1) >> 2; i >= 0; i--) this.key[i] = words[name + i]!;
    return length;
  }

  /** The number of the name in `key`, a new one if it is new. */
  private internKey(length: number): number {
    const hash = halfSipHash(this.key, length, this.seed);
    let slot = this.probe(hash, length);
    const entry = this.slots[slot + 1]!;
    if (entry !== 0) return this.words[entry - 1]!;
    if (this.count === this.starts.length) {
      this.grow();
      slot = this.probe(hash, length);
    }
    this.slots[slot] = hash;
    this.slots[slot + 1] = this.store(length) + 1;
    return this.count++;
  }

  /** A copy of the bytes of name `number`. */
  bytesOf(number: number): Uint8Array {
    return this.viewOf(number).slice();
  }

  /** The first four bytes of name `number`, little-endian; zeros where it is shorter. */
  firstWordOf(number: number): number {
    return this.words[this.starts[number]! + ENTRY_HEADER_WORDS]!;
  }

  /** Name `number` as text. */
  nameOf(number: number): string {
    return new TextDecoder().decode(this.viewOf(number));
  }

  /** A copy of the content. Post it with `[slots, starts, words]` as the transfer list. */
  toTransfer(): NameTableTransfer {
    return {
      seed: this.seed,
      size: this.count,
      wordsUsed: this.wordsUsed,
      slots: this.slots.slice().buffer,
      starts: this.starts.slice().buffer,
      words: this.words.slice().buffer,
    };
  }

  /** The table that `transfer` was made from. Takes over the buffers. */
  static fromTransfer(transfer: NameTableTransfer): NameTable {
    const table = new NameTable(transfer.seed);
    table.count = transfer.size;
    table.wordsUsed = transfer.wordsUsed;
    table.slots = new Int32Array(transfer.slots);
    table.starts = new Int32Array(transfer.starts);
    table.words = new Int32Array(transfer.words);
    return table;
  }

  /** The index in `slots` where the name in `key` is, or where it would go. */
  private probe(hash: number, length: number): number {
    const slots = this.slots;
    const mask = slots.length - 1;
    let slot = (hash << SLOT_SHIFT) & mask;
    for (;;) {
      const entry = slots[slot + 1]!;
      if (entry === 0) return slot;
      if (slots[slot] === hash && this.isKeyAt(entry - 1, length)) return slot;
      slot = (slot + SLOT_WORDS) & mask;
    }
  }

  private isKeyAt(word: number, length: number): boolean {
    const { words, key } = this;
    if (words[word + 1] !== length) return false;
    const name = word + ENTRY_HEADER_WORDS;
    for (let i = (length - 1) >> 2; i >= 0; i--) if (words[name + i] !== key[i]) return false;
    return true;
  }

  /** Appends the name in `key` to the arena; returns the word number of its entry. */
  private store(length: number): number {
    const word = this.wordsUsed;
    const nameWords = (length + 3) >> 2;
    const end = word + ENTRY_HEADER_WORDS + nameWords;
    if (end > this.words.length) this.words = enlarged(this.words, Math.max(2 * this.words.length, end));
    this.words[word] = this.count;
    this.words[word + 1] = length;
    for (let i = 0; i < nameWords; i++) this.words[word + ENTRY_HEADER_WORDS + i] = this.key[i]!;
    this.starts[this.count] = word;
    this.wordsUsed = end;
    return word;
  }

  private grow(): void {
    const old = this.slots;
    this.starts = enlarged(this.starts, 2 * this.starts.length);
    this.slots = new Int32Array(2 * old.length);
    const mask = this.slots.length - 1;
    for (let i = 0; i < old.length; i += SLOT_WORDS) {
      if (old[i + 1] === 0) continue;
      let slot = (old[i]! << SLOT_SHIFT) & mask;
      while (this.slots[slot + 1] !== 0) slot = (slot + SLOT_WORDS) & mask;
      this.slots[slot] = old[i]!;
      this.slots[slot + 1] = old[i + 1]!;
    }
  }

  private viewOf(number: number): Uint8Array {
    assert(number >= 0 && number < this.count, `no name has the number ${number}`);
    const word = this.starts[number]!;
    return new Uint8Array(this.words.buffer, 4 * (word + ENTRY_HEADER_WORDS), this.words[word + 1]!);
  }
}

function enlarged(words: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  assert(length <= WORDS_MAX, 'the names of a table exceed 8 GiB');
  const larger = new Int32Array(length);
  larger.set(words);
  return larger;
}

/** Copies `bytes[at, at+length)` into words, little-endian, the last one padded with zeros. No DataView: it would be one for each buffer. */
export function gather(bytes: Bytes, at: number, length: number, words: Int32Array): void {
  assert(length <= NAME_BYTES_MAX, 'a name is too long');
  let from = at;
  let to = 0;
  for (const end = at + (length & ~3); from < end; from += 4) {
    words[to++] =
      bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24);
  }
  const rest = length & 3;
  if (rest === 0) return;
  let last = bytes[from]!;
  if (rest > 1) last |= bytes[from + 1]! << 8;
  if (rest > 2) last |= bytes[from + 2]! << 16;
  words[to] = last;
}

/**
 * HalfSipHash-1-3 with 32 bits of output, of the `length` bytes in `words`: Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF" (2012), in its variant with 32-bit words. Chosen because the faster multiplicative hashes have collisions that no seed
 * removes. The loop takes the whole words, then one of the bytes left and the length on top, then finishes with three rounds.
 */
export function halfSipHash(words: Int32Array, length: number, seed: HashSeed): number {
  const wordCount = length >> 2;
  const lastWord = ((length & 3) === 0 ? 0 : words[wordCount]!) | (length << 24);
  let v0 = seed.low | 0;
  let v1 = seed.high | 0;
  let v2 = v0 ^ 0x6c796765;
  let v3 = v1 ^ 0x74656462;
  for (let round = 0; round < wordCount + 4; round++) {
    const message = round < wordCount ? words[round]! : round === wordCount ? lastWord : 0;
    if (round === wordCount + 1) v2 ^= 0xff;
    v3 ^= message;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= message;
  }
  return v1 ^ v3;
}
