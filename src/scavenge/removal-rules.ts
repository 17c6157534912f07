/**
 * What goes of each stream, as one table: name → revision from which on everything stays. Pure; main makes it, the thread that rewrites chunks has a
 * copy. Names are compared in full: no event goes for a hash. Plain memory, some 30 bytes and its name for a stream, as there may be millions.
 */
import { type HashSeed, NameTable, type NameTableTransfer } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';

/** Of chunks that end at `through` or before it, what comes before `keepFrom` goes. */
interface Layer {
  readonly through: Position;
  readonly keepFrom: Revision;
}

/** A table as plain data and buffers, to be posted to another thread with the buffers transferred. */
export interface RemovalRulesTransfer {
  readonly names: NameTableTransfer;
  readonly throughs: ArrayBuffer;
  readonly keepFroms: ArrayBuffer;
  readonly older: ReadonlyMap<number, readonly Layer[]>;
}

const STREAMS_AT_FIRST = 64;

export class RemovalRules {
  readonly #names: NameTable;
  /** By a stream's number: the layer that reaches farthest. */
  #throughs = new Float64Array(STREAMS_AT_FIRST);
  #keepFroms = new Float64Array(STREAMS_AT_FIRST);
  /** Layers of earlier points that remove more, as something was shown again between two of them. */
  #older = new Map<number, readonly Layer[]>();

  constructor(seed: HashSeed, names = new NameTable(seed)) {
    this.#names = names;
  }

  /** Takes over the buffers. */
  static fromTransfer({ names, throughs, keepFroms, older }: RemovalRulesTransfer): RemovalRules {
    const rules = new RemovalRules(names.seed, NameTable.fromTransfer(names));
    rules.#throughs = new Float64Array(throughs);
    rules.#keepFroms = new Float64Array(keepFroms);
    rules.#older = new Map(older);
    return rules;
  }

  /** A copy. */
  toTransfer(): RemovalRulesTransfer {
    return {
      names: this.#names.toTransfer(),
      throughs: this.#throughs.slice().buffer,
      keepFroms: this.#keepFroms.slice().buffer,
      older: new Map(this.#older),
    };
  }

  get seed(): HashSeed {
    return this.#names.seed;
  }

  /** How many streams lose something, perhaps. */
  get size(): number {
    return this.#names.size;
  }

  /** In chunks up to `through`, events of the stream before `keepFrom` go; `Infinity`: all. Adds to what goes already. */
  add(name: Bytes, through: Position, keepFrom: Revision): void {
    const stream = this.#names.intern(name, 0, name.length);
    if (stream >= this.#throughs.length) this.#grow();
    const layers = [...this.#layersOf(stream), { through, keepFrom }].sort((a, b) => b.through - a.through);
    const needed: Layer[] = [];
    for (const layer of layers) {
      const before = needed.at(-1);
      if (before !== undefined && layer.keepFrom <= before.keepFrom) continue;
      if (before !== undefined && layer.through === before.through) needed.pop();
      needed.push(layer);
    }
    this.#throughs[stream] = needed[0]!.through;
    this.#keepFroms[stream] = needed[0]!.keepFrom;
    if (needed.length > 1) this.#older.set(stream, needed.slice(1));
    else this.#older.delete(stream);
  }

  /** Whether the event goes that has this revision in the stream named `bytes[at, at+length)`, in a chunk that ends at `chunkEnd`. */
  removes(bytes: Bytes, at: number, length: number, { revision, chunkEnd }: EventPlace): boolean {
    const stream = this.#names.find(bytes, at, length);
    if (stream < 0) return false;
    if (revision < this.#keepFroms[stream]! && chunkEnd <= this.#throughs[stream]!) return true;
    if (this.#older.size === 0) return false;
    const older = this.#older.get(stream);
    return older?.some(({ through, keepFrom }) => revision < keepFrom && chunkEnd <= through) === true;
  }

  #layersOf(stream: number): readonly Layer[] {
    const through = this.#throughs[stream]!;
    if (through === 0) return [];
    return [{ through, keepFrom: this.#keepFroms[stream]! }, ...(this.#older.get(stream) ?? [])];
  }

  #grow(): void {
    const [throughs, keepFroms] = [this.#throughs, this.#keepFroms];
    this.#throughs = new Float64Array(2 * throughs.length);
    this.#throughs.set(throughs);
    this.#keepFroms = new Float64Array(2 * keepFroms.length);
    this.#keepFroms.set(keepFroms);
  }
}

/** The buffers of a transfer, to be moved rather than copied. */
export function rulesBuffers({ names, throughs, keepFroms }: RemovalRulesTransfer): ArrayBuffer[] {
  return [names.slots, names.starts, names.words, throughs, keepFroms];
}

/** Where an event is, as far as rules ask. */
export interface EventPlace {
  revision: Revision;
  chunkEnd: Position;
}
