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

  /** Copies the event in `slot` to place `to` of `columns`, with what `streams` has for its stream's number. */
  copyTo(slot: number, columns: EventColumns, to: number, streams: Uint32Array): void {
    for (let i = 0; i < ID_WORDS; i++) columns.ids[to * ID_WORDS + i] = this.#ids[slot * ID_WORDS + i]!;
    columns.streams[to] = streams[this.#streams[slot]!]!;
    columns.revisions[to] = this.#revisions[slot]!;
    columns.positions[to] = this.#positions[slot]!;
  }

  /** A copy of the last `most` of those that stand in `[from, to)`, oldest first. */
  columns(from: Position = 0, to: Position = Infinity, most = Infinity): EventColumns {
    let newer = 0;
    while (newer < this.count && this.positionAt(this.slotOf(newer)) >= to) newer++;
    let age = newer;
    while (age < this.count && age - newer < most && this.positionAt(this.slotOf(age)) >= from) age++;
    const count = age - newer;
    const first = count === 0 ? 0 : this.slotOf(age - 1);
    return {
      ids: ringCopy(this.#ids, first * ID_WORDS, count * ID_WORDS),
      streams: ringCopy(this.#streams, first, count),
      revisions: ringCopy(this.#revisions, first, count),
      positions: ringCopy(this.#positions, first, count),
    };
  }
}

/** A copy of `count` values from `first` on, which go on at the start of `values` where its end is reached. */
function ringCopy<Values extends Uint32Array | Float64Array>(
  values: Values,
  first: number,
  count: number,
): Values {
  const copy = values.slice(0, count) as Values;
  const upToEnd = Math.min(count, values.length - first);
  copy.set(values.subarray(first, first + upToEnd));
  copy.set(values.subarray(0, count - upToEnd), upToEnd);
  return copy;
}
