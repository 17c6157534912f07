/** A set of 32-bit hashes, 4 to 8 bytes each: open addressing with linear probing. The hashes must be keyed, or whoever chooses what is hashed could make it slow. Pure. */

const SLOTS_AT_FIRST = 64;

export class HashSet {
  #slots = new Uint32Array(SLOTS_AT_FIRST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The memory that it takes. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  has(hash: number): boolean {
    const slots = this.#slots;
    return slots[slotOf(slots, stored(hash))] !== 0;
  }

  /** False if it was there. */
  add(hash: number): boolean {
    const slot = slotOf(this.#slots, stored(hash));
    if (this.#slots[slot] !== 0) return false;
    this.#slots[slot] = stored(hash);
    if (++this.#size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#slots.length);
    for (const hash of this.#slots) if (hash !== 0) larger[slotOf(larger, hash)] = hash;
    this.#slots = larger;
  }
}

/** A slot with 0 is empty, so the hash 0 is another one. */
function stored(hash: number): number {
  return hash === 0 ? 1 : hash >>> 0;
}

/** Where the hash is, or would go. */
function slotOf(slots: Uint32Array, hash: number): number {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0 && slots[slot] !== hash) slot = (slot + 1) & mask;
  return slot;
}
