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
  /** Where the next event goes. */
  #next = 0;
  #count = 0;

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
    const slot = this.#next;
    // No remainder: it would take as long as all the rest.
    this.#next = slot + 1 === this.#capacity ? 0 : slot + 1;
    if (this.#count < this.#capacity) this.#count++;
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
    return this.#count;
  }

  /** The slot of the event that was added `age` events before the newest. */
  slotOf(age: number): number {
    return (this.#next - 1 - age + this.#capacity) % this.#capacity;
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
    const newer = this.#countFrom(to);
    const count = Math.min(this.#countFrom(from) - newer, most);
    const first = count === 0 ? 0 : this.slotOf(newer + count - 1);
    return {
      ids: ringCopy(this.#ids, first * ID_WORDS, count * ID_WORDS),
      streams: ringCopy(this.#streams, first, count),
      revisions: ringCopy(this.#revisions, first, count),
      positions: ringCopy(this.#positions, first, count),
    };
  }

  /** How many stand at `position` or behind it: they are in the order of the log. */
  #countFrom(position: Position): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.positionAt(this.slotOf(middle)) >= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A copy of `count` values from `first` on, which go on at the start of `values` where its end is reached. */
function ringCopy<Values extends Uint32Array | Float64Array>(
  values: Values,
  first: number,
  count: number,
): Values {
  const upToEnd = Math.min(count, values.length - first);
  if (upToEnd === count) return values.slice(first, first + count) as Values;
  const copy = values.slice(0, count) as Values;
  copy.set(values.subarray(first, first + upToEnd));
  copy.set(values.subarray(0, count - upToEnd), upToEnd);
  return copy;
}
