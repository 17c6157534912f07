/**
 * Which streams may have metadata, as hashes of their names, so that of all others nothing has to be asked. The index thread finds them, in the
 * events that it follows and at the start in the directories of segments; main looks at them. Nothing is ever taken out: a hash that says too much costs
 * a question.
 *
 *   shared: │ how many (u32) │ hash │ hash │ …      the index thread adds at the end; each side has a set of its own made of it
 */
import { HashSet } from '../base/hash-set.js';
import { gather, type HashSeed, halfSipHash, NAME_BYTES_MAX } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import { METADATA_PREFIX } from '../base/stream-metadata.js';

/** 16 MiB of address space, of which only as much becomes memory as there are hashes. With more, any stream is taken for one with metadata. */
const HASHES_MAX = 4_194_303;
const PREFIX_BYTES = METADATA_PREFIX.length;

/** The shared memory, and what keys the hashes: nobody outside may be able to choose names that collide. */
export interface MetadataMemory {
  readonly hashes: SharedArrayBuffer;
  readonly seed: HashSeed;
}

export function createMetadataMemory(seed: HashSeed): MetadataMemory {
  return { hashes: new SharedArrayBuffer(4 * (HASHES_MAX + 1)), seed };
}

/** One side's view. */
export class MetadataStreams {
  readonly #shared: Uint32Array<SharedArrayBuffer>;
  readonly #seed: HashSeed;
  readonly #known = new HashSet();
  /** How many of the shared hashes are known here. */
  #taken = 0;
  readonly #key = new Int32Array(NAME_BYTES_MAX / 4);

  constructor({ hashes, seed }: MetadataMemory) {
    this.#shared = new Uint32Array(hashes);
    this.#seed = seed;
  }

  /** How many there are, as far as the index thread has told. */
  get size(): number {
    return Atomics.load(this.#shared, 0);
  }

  /** The memory that they take: what is shared, and a set on each side. */
  get bytes(): number {
    return 2 * this.#known.bytes + 4 * this.size;
  }

  /** Index thread: there is a metadata stream with this name. To be called before `indexed` moves behind it. */
  note(bytes: Bytes, at: number, length: number): void {
    if (length <= PREFIX_BYTES) return;
    const hash = this.#hash(bytes, at + PREFIX_BYTES, length - PREFIX_BYTES);
    if (this.#taken >= HASHES_MAX || !this.#known.add(hash)) return;
    this.#shared[++this.#taken] = hash;
    Atomics.store(this.#shared, 0, this.#taken);
  }

  /** Whether the stream named `bytes[at, at+length)` may have metadata among what is indexed. */
  mayHave(bytes: Bytes, at: number, length: number): boolean {
    const { size } = this;
    if (size === 0) return false;
    if (size >= HASHES_MAX) return true;
    while (this.#taken < size) this.#known.add(this.#shared[++this.#taken]!);
    return this.#known.has(this.#hash(bytes, at, length));
  }

  #hash(bytes: Bytes, at: number, length: number): number {
    gather(bytes, at, length, this.#key);
    return halfSipHash(this.#key, length, this.#seed) >>> 0;
  }
}
