/**
 * The ids of the last committed events of the log, kept by the index thread of every node, so that whoever becomes the leader
 * recognises retries. Pure. A ring of a fixed number of entries.
 */
import { assert } from '../base/assert.js';
import type { Position, Revision } from '../base/units.js';

const ID_WORDS = 4;

/** Entries oldest first, as buffers to be transferred: id (16 bytes), stream number (u32), revision and position (f64). */
export interface RecentEventsTransfer {
  readonly ids: ArrayBuffer;
  readonly streams: ArrayBuffer;
  readonly revisions: ArrayBuffer;
  readonly positions: ArrayBuffer;
}

export class RecentEvents {
  readonly #capacity: number;
  readonly #ids: Uint32Array;
  readonly #streams: Uint32Array;
  readonly #revisions: Float64Array;
  readonly #positions: Float64Array;
  #added = 0;

  constructor(capacity: number) {
    assert(capacity > 0, 'at least one event is kept');
    this.#capacity = capacity;
    this.#ids = new Uint32Array(capacity * ID_WORDS);
    this.#streams = new Uint32Array(capacity);
    this.#revisions = new Float64Array(capacity);
    this.#positions = new Float64Array(capacity);
  }

  /** Adds an event whose id is not set yet, in place of the oldest; returns its slot. */
  add(stream: number, revision: Revision, position: Position): number {
    const slot = this.#added++ % this.#capacity;
    this.#streams[slot] = stream;
    this.#revisions[slot] = revision;
    this.#positions[slot] = position;
    return slot;
  }

  /** Copies an event id from the four words at `words[at]`. */
  setId(slot: number, words: Uint32Array, at: number): void {
    for (let i = 0; i < ID_WORDS; i++) this.#ids[slot * ID_WORDS + i] = words[at + i]!;
  }

  /** A copy, oldest first. */
  toTransfer(): RecentEventsTransfer {
    const oldest = this.#added <= this.#capacity ? 0 : this.#added % this.#capacity;
    const count = Math.min(this.#added, this.#capacity);
    return {
      ids: rotated(this.#ids, oldest * ID_WORDS, count * ID_WORDS),
      streams: rotated(this.#streams, oldest, count),
      revisions: rotated(this.#revisions, oldest, count),
      positions: rotated(this.#positions, oldest, count),
    };
  }
}

/** A copy of the first `count` values, so turned that the one at `from` comes first. */
function rotated(values: Uint32Array | Float64Array, from: number, count: number): ArrayBuffer {
  const copy = values instanceof Uint32Array ? new Uint32Array(count) : new Float64Array(count);
  copy.set(values.subarray(from, count));
  copy.set(values.subarray(0, from), count - from);
  return copy.buffer;
}
