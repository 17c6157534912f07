/**
 * The names of a log's busy streams, in front of the table of all names: the hash of that one is keyed and exact for everybody, and
 * costs more than the rest of indexing an event. Pure; lives in the index thread. One place for each of a few names, which
 * a newcomer takes over; a hit has compared all bytes. Works on records, whose names start at a multiple of 4 bytes.
 */
import type { NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';

/** 2^8 places of up to 64 bytes: 20 KiB, which stay in a processor's first cache. */
const PLACE_BITS = 8;
const NAME_WORDS_MAX = 16;
/** Spreads neighbours: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;

export class RecentNames {
  readonly #names: NameTable;
  readonly #words = new Uint32Array(NAME_WORDS_MAX << PLACE_BITS);
  readonly #lengths = new Uint8Array(1 << PLACE_BITS);
  readonly #numbers = new Uint32Array(1 << PLACE_BITS);

  constructor(names: NameTable) {
    this.#names = names;
  }

  /** The number of the name in `bytes[at, at+length)`, a new one if it is new. `words`: the same memory. */
  intern(bytes: Bytes, words: Uint32Array, at: number, length: number): number {
    if (length > 4 * NAME_WORDS_MAX) return this.#names.intern(bytes, at, length);
    const place = placeOf(words, at, length);
    if (this.#isAt(place, words, at, length)) return this.#numbers[place]!;
    const number = this.#names.intern(bytes, at, length);
    const known = place * NAME_WORDS_MAX;
    const whole = length >> 2;
    for (let i = 0; i < whole; i++) this.#words[known + i] = words[(at >> 2) + i]!;
    if (whole < NAME_WORDS_MAX) this.#words[known + whole] = rest(words, at, length);
    this.#lengths[place] = length;
    this.#numbers[place] = number;
    return number;
  }

  #isAt(place: number, words: Uint32Array, at: number, length: number): boolean {
    if (this.#lengths[place] !== length) return false;
    const known = place * NAME_WORDS_MAX;
    const first = at >> 2;
    const whole = length >> 2;
    for (let i = 0; i < whole; i++) if (this.#words[known + i] !== words[first + i]) return false;
    return whole === NAME_WORDS_MAX || this.#words[known + whole] === rest(words, at, length);
  }
}

/** Where a name is kept: by its end, where names of one kind differ. */
function placeOf(words: Uint32Array, at: number, length: number): number {
  const lastWhole = length < 4 ? 0 : words[(at >> 2) + (length >> 2) - 1]!;
  return Math.imul(lastWhole ^ rest(words, at, length) ^ length, SPREAD) >>> (32 - PLACE_BITS);
}

/** The bytes of a name behind its last whole word; the word that they are in goes on with something else. */
function rest(words: Uint32Array, at: number, length: number): number {
  const bytes = length & 3;
  return bytes === 0 ? 0 : words[(at >> 2) + (length >> 2)]! & ((1 << (8 * bytes)) - 1);
}
