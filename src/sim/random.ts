/**
 * Randomness from a seed: sfc32 (Chris Doty-Humphrey, PractRand). Pure. Everything random in a simulation comes from one of
 * these, so that a seed is the whole of a run. `fork` gives an independent stream, so that one part drawing more
 * numbers doesn't change what another one draws.
 */
const TWO_TO_32 = 0x1_0000_0000;
/** sfc32 needs some rounds until all bits of the seed have reached all of the state. */
const WARM_UP_ROUNDS = 12;

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / TWO_TO_32) >>> 0;
    this.#c = stream >>> 0;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.u32();
  }

  /** 0 to 2^32 - 1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** 0 (included) to 1 (excluded). */
  fraction(): number {
    return this.u32() / TWO_TO_32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability. Draws nothing for 0, so that a fault that is switched off leaves no trace. */
  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Fisher and Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  /** A UUID (version 4) in text form. */
  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.u32().toString(16).padStart(8, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }

  fork(): Random {
    return new Random(this.u32() * 0x20_0000 + (this.u32() & 0x1f_ffff), this.u32());
  }
}
