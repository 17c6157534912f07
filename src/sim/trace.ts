/**
 * What happened, as a hash of everything and as lines of the last things. Pure. The hash tells two runs apart, or that they are the
 * same to the last byte; it is the whole of what a line would show, but no line is made unless somebody wants to read it.
 */
import { crc32c } from '../base/crc32c.js';
import type { Bytes } from '../base/ports.js';

/** Enough for some elections and what led to them; few enough to be read. */
export const TRACE_LINES_MAX = 200;

/** Facts beside the two numbers that are hashed, for the line only; called when the line is wanted. */
export type Describe = () => string;

interface Entry {
  timeMs: number;
  node: string;
  what: string;
  a: number;
  b: number;
  describe: Describe | undefined;
}

export class Trace {
  readonly #ring: Entry[] = [];
  readonly #wordHashes = new Map<string, number>();
  readonly #double = new Float64Array(1);
  readonly #halves = new Int32Array(this.#double.buffer);
  #high = 0x243f6a88;
  #low = 0x13198a2e;
  #count = 0;

  /** How many things have happened. */
  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits over all that was noted so far. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** Begins a note: `what` happened at `node`. Words are few and hashed once. The rest is in {@link numbers}, {@link bytes}. */
  note(timeMs: number, node: string, what: string, describe?: Describe): this {
    this.#mixNumber(timeMs);
    this.#mix(this.#wordHash(node));
    this.#mix(this.#wordHash(what));
    const at = this.#count++ % TRACE_LINES_MAX;
    const entry = this.#ring[at];
    if (entry === undefined) {
      this.#ring[at] = { timeMs, node, what, a: Number.NaN, b: Number.NaN, describe };
      return this;
    }
    entry.timeMs = timeMs;
    entry.node = node;
    entry.what = what;
    entry.a = Number.NaN;
    entry.b = Number.NaN;
    entry.describe = describe;
    return this;
  }

  /** Adds one or two numbers to the note. */
  numbers(a: number, b = Number.NaN): this {
    this.#mixNumber(a);
    if (!Number.isNaN(b)) this.#mixNumber(b);
    const entry = this.#ring[(this.#count - 1) % TRACE_LINES_MAX]!;
    entry.a = a;
    entry.b = b;
    return this;
  }

  /** Adds bytes to the hash, not to the line. */
  bytes(bytes: Bytes): this {
    this.#mix(crc32c(bytes, 0, bytes.length, 0));
    return this;
  }

  /** Adds a word to the hash, not to the line. Words that are all different, such as ids, belong into {@link bytes}. */
  word(word: string): this {
    this.#mix(this.#wordHash(word));
    return this;
  }

  /** The last lines, oldest first. */
  lines(): string[] {
    const first = Math.max(0, this.#count - TRACE_LINES_MAX);
    const lines: string[] = [];
    for (let index = first; index < this.#count; index++) {
      lines.push(line(this.#ring[index % TRACE_LINES_MAX]!));
    }
    return lines;
  }

  #mixNumber(value: number): void {
    this.#double[0] = value;
    this.#mix(this.#halves[0]!);
    this.#mix(this.#halves[1]!);
  }

  /** Two multiplicative hashes side by side, with different constants (those of MurmurHash3, Austin Appleby), crossed. */
  #mix(word: number): void {
    let high = Math.imul(this.#high ^ word, 0xcc9e2d51);
    high ^= high >>> 15;
    let low = Math.imul(this.#low + word, 0x1b873593);
    low ^= low >>> 13;
    this.#high = (high + low) | 0;
    this.#low = Math.imul(low ^ high, 0x85ebca6b);
  }

  #wordHash(word: string): number {
    const known = this.#wordHashes.get(word);
    if (known !== undefined) return known;
    let hash = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    this.#wordHashes.set(word, hash);
    return hash;
  }
}

function line({ timeMs, node, what, a, b, describe }: Entry): string {
  const numbers = [a, b].filter((number) => !Number.isNaN(number)).join(' ');
  const facts = [numbers, describe?.() ?? ''].filter((text) => text !== '').join(' ');
  return `${timeMs.toFixed(3).padStart(12)} ${node.padEnd(4)} ${what.padEnd(16)} ${facts}`.trimEnd();
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
