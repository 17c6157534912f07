/** Tells whether the event ids of one request are all different, in linear time and without garbage. Main thread only. */
import { bytesEqual } from '../base/bytes.js';
import { type HashSeed, halfSipHash } from '../base/name-table.js';
import type { AppendCursor } from '../wire/append-frame.js';

const SLOTS_AT_FIRST = 256;
const ID_BYTES = 16;

export class DistinctIds {
  /** Open addressing: offset of an id in the request + 1, valid where `#turns` is the current turn. */
  #slots = new Uint32Array(SLOTS_AT_FIRST);
  #turns = new Uint32Array(SLOTS_AT_FIRST);
  #turn = 0;
  readonly #words = new Int32Array(4);
  readonly #seed: HashSeed;

  /** `seed` keys the hash, so that nobody can choose ids that make this take long. */
  constructor(seed: HashSeed) {
    this.#seed = seed;
  }

  areDistinct(append: AppendCursor): boolean {
    this.#reset(append.totalEvents);
    append.rewindParts();
    do {
      while (append.nextEvent()) if (!this.#add(append)) return false;
    } while (append.nextPart());
    return true;
  }

  #add({ bytes, view, idAt }: AppendCursor): boolean {
    const mask = this.#slots.length - 1;
    const words = this.#words;
    for (let i = 0; i < 4; i++) words[i] = view.getInt32(idAt + 4 * i, true);
    let slot = halfSipHash(words, ID_BYTES, this.#seed) & mask;
    while (this.#turns[slot] === this.#turn) {
      if (bytesEqual(bytes, this.#slots[slot]!, bytes, idAt, ID_BYTES)) return false;
      slot = (slot + 1) & mask;
    }
    this.#turns[slot] = this.#turn;
    this.#slots[slot] = idAt;
    return true;
  }

  #reset(events: number): void {
    const size = 2 ** Math.ceil(Math.log2(events * 2));
    if (size > this.#slots.length) {
      this.#slots = new Uint32Array(size);
      this.#turns = new Uint32Array(size);
      this.#turn = 0;
    }
    this.#turn = (this.#turn + 1) >>> 0;
    if (this.#turn === 0) {
      this.#turns.fill(0);
      this.#turn = 1;
    }
  }
}
