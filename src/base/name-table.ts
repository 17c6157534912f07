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
const ENTRY_HEADER_WORDS = 2;
/** Slots are filled up to 1/2: then linear probing looks at 1.5 slots for a hit, and at 2.5 for a miss. */
const SLOTS_PER_NAME = 2;
/** Word numbers fill 31 bits: 8 GiB of names. */
const WORDS_MAX = 0x7fff_ffff;

export class NameTable {
  private count = 0;
  private wordsUsed = 0;
  private slots = new Int32Array(NAMES_AT_FIRST * SLOTS_PER_NAME * SLOT_WORDS);
  private starts = new Int32Array(NAMES_AT_FIRST);
  private words = new Int32Array(NAMES_AT_FIRST * 8);

  constructor(private readonly seed: HashSeed) {}

  /** How many names there are; the next new one gets this number. */
  get size(): number {
    return this.count;
  }

  /** The number of the name `bytes[at, at+length)`, or −1 if it was never interned. */
  find(bytes: Bytes, at: number, length: number): number {
    const hash = halfSipHash(bytes, at, length, this.seed);
    const slot = this.probe(hash, bytes, at, length);
    const entry = this.slots[slot + 1]!;
    return entry === 0 ? -1 : this.words[entry - 1]!;
  }

  /** The number of the name `bytes[at, at+length)`, which is copied into the table if it is new. */
  intern(bytes: Bytes, at: number, length: number): number {
    const hash = halfSipHash(bytes, at, length, this.seed);
    let slot = this.probe(hash, bytes, at, length);
    const entry = this.slots[slot + 1]!;
    if (entry !== 0) return this.words[entry - 1]!;
    if (this.count === this.starts.length) {
      this.grow();
      slot = this.probe(hash, bytes, at, length);
    }
    this.slots[slot] = hash;
    this.slots[slot + 1] = this.store(bytes, at, length) + 1;
    return this.count++;
  }

  /** A copy of the bytes of name `number`. */
  bytesOf(number: number): Uint8Array {
    return this.viewOf(number).slice();
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

  /** The index in `slots` where this name is, or where it would go. */
  private probe(hash: number, bytes: Bytes, at: number, length: number): number {
    const slots = this.slots;
    const mask = slots.length - 1;
    let slot = (hash * SLOT_WORDS) & mask;
    for (;;) {
      const entry = slots[slot + 1]!;
      if (entry === 0) return slot;
      if (slots[slot] === hash && this.isNameAt(entry - 1, bytes, at, length)) return slot;
      slot = (slot + SLOT_WORDS) & mask;
    }
  }

  private isNameAt(word: number, bytes: Bytes, at: number, length: number): boolean {
    const words = this.words;
    if (words[word + 1] !== length) return false;
    let from = at;
    let mine = word + ENTRY_HEADER_WORDS;
    for (const end = at + (length & ~3); from < end; from += 4)
      if (words[mine++] !== word32(bytes, from)) return false;
    return (length & 3) === 0 || words[mine] === lastWord(bytes, from, length & 3);
  }

  /** Appends an entry to the arena; returns its word number. */
  private store(bytes: Bytes, at: number, length: number): number {
    const word = this.wordsUsed;
    const end = word + ENTRY_HEADER_WORDS + ((length + 3) >> 2);
    if (end > this.words.length) this.words = enlarged(this.words, Math.max(2 * this.words.length, end));
    this.words[word] = this.count;
    this.words[word + 1] = length;
    let to = word + ENTRY_HEADER_WORDS;
    let from = at;
    for (const whole = at + (length & ~3); from < whole; from += 4) this.words[to++] = word32(bytes, from);
    if ((length & 3) !== 0) this.words[to] = lastWord(bytes, from, length & 3);
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
      let slot = (old[i]! * SLOT_WORDS) & mask;
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

/** Four bytes at any offset, little-endian. No DataView, because the caller would have to make one for each buffer. */
function word32(bytes: Bytes, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** One to three bytes at any offset, the rest zeros. */
function lastWord(bytes: Bytes, at: number, count: number): number {
  let word = bytes[at]!;
  if (count > 1) word |= bytes[at + 1]! << 8;
  if (count > 2) word |= bytes[at + 2]! << 16;
  return word;
}

/**
 * HalfSipHash-1-3 with 32 bits of output: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), in its variant with
 * 32-bit words. Chosen because the faster multiplicative hashes have collisions that no seed removes.
 * The loop takes the whole words, then the last one (the rest of the bytes, and the length on top), then finishes with three rounds.
 */
export function halfSipHash(bytes: Bytes, at: number, length: number, seed: HashSeed): number {
  const wordCount = length >> 2;
  let v0 = seed.low | 0;
  let v1 = seed.high | 0;
  let v2 = v0 ^ 0x6c796765;
  let v3 = v1 ^ 0x74656462;
  let from = at;
  for (let round = -wordCount; round < 4; round++, from += 4) {
    let message = 0;
    if (round < 0) message = word32(bytes, from);
    else if (round === 0)
      message = ((length & 3) === 0 ? 0 : lastWord(bytes, from, length & 3)) | (length << 24);
    else if (round === 1) v2 ^= 0xff;
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
