/**
 * The ids of the last committed events of the log that are indexed in memory, kept by the index thread of every node, so that
 * whoever becomes the leader recognises retries. Pure. A ring of a fixed number of entries. A stream's number is the one that it has in
 * the part of the event's chunk.
 */
import { assert } from '../base/assert.js';
import type { Position, Revision } from '../base/units.js';
import type { EventColumns } from '../index/event-ids.js';

const ID_WORDS = 4;

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

  /** How many there are. */
  get count(): number {
    return Math.min(this.#added, this.#capacity);
  }

  /** The slot of the event that was added `age` events before the newest. */
  slotOf(age: number): number {
    return (this.#added - 1 - age) % this.#capacity;
  }

  /** Where the event in this slot stands. */
  positionAt(slot: number): Position {
    return this.#positions[slot]!;
  }

  /** Copies the event in `slot` to place `to` of `columns`; `numbers` translates its stream's. */
  copyTo(slot: number, columns: EventColumns, to: number, numbers: Int32Array): void {
    for (let i = 0; i < ID_WORDS; i++) columns.ids[to * ID_WORDS + i] = this.#ids[slot * ID_WORDS + i]!;
    columns.streams[to] = numbers[this.#streams[slot]!]!;
    columns.revisions[to] = this.#revisions[slot]!;
    columns.positions[to] = this.#positions[slot]!;
  }

  /** A copy, oldest first. */
  columns(): EventColumns {
    const oldest = this.#added <= this.#capacity ? 0 : this.#added % this.#capacity;
    const { count } = this;
    return {
      ids: rotated(this.#ids, oldest * ID_WORDS, count * ID_WORDS),
      streams: rotated(this.#streams, oldest, count),
      revisions: rotated(this.#revisions, oldest, count),
      positions: rotated(this.#positions, oldest, count),
    };
  }
}

/** A copy of the first `count` values, so turned that the one at `from` comes first. */
function rotated<Values extends Uint32Array | Float64Array>(
  values: Values,
  from: number,
  count: number,
): Values {
  const copy = values.slice(0, count) as Values;
  copy.set(values.subarray(from, count));
  copy.set(values.subarray(0, from), count - from);
  return copy;
}
