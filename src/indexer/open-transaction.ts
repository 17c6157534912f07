/**
 * The events of a transaction whose end was not seen yet, kept aside until it is: only then may anyone find them. Pure;
 * lives in the index thread. Columns of plain memory that grow to the longest transaction seen and are used again.
 */
import type { Position, Revision } from '../base/units.js';

const ID_WORDS = 4;
/** Most transactions are single events, which never come here. */
const EVENTS_AT_FIRST = 64;

export class OpenTransaction {
  count = 0;
  streams = new Uint32Array(EVENTS_AT_FIRST);
  revisions = new Float64Array(EVENTS_AT_FIRST);
  positions = new Float64Array(EVENTS_AT_FIRST);
  bytes = new Uint32Array(EVENTS_AT_FIRST);
  ids = new Uint32Array(EVENTS_AT_FIRST * ID_WORDS);

  /** Adds an event whose id is not set yet; returns its place. */
  add(stream: number, revision: Revision, position: Position, bytes: number): number {
    if (this.count === this.streams.length) this.#grow();
    const place = this.count++;
    this.streams[place] = stream;
    this.revisions[place] = revision;
    this.positions[place] = position;
    this.bytes[place] = bytes;
    return place;
  }

  /** Copies an event id from the four words at `words[at]`. */
  setId(place: number, words: Uint32Array, at: number): void {
    for (let i = 0; i < ID_WORDS; i++) this.ids[place * ID_WORDS + i] = words[at + i]!;
  }

  #grow(): void {
    const { streams, revisions, positions, bytes, ids } = this;
    this.streams = new Uint32Array(2 * streams.length);
    this.streams.set(streams);
    this.revisions = new Float64Array(2 * revisions.length);
    this.revisions.set(revisions);
    this.positions = new Float64Array(2 * positions.length);
    this.positions.set(positions);
    this.bytes = new Uint32Array(2 * bytes.length);
    this.bytes.set(bytes);
    this.ids = new Uint32Array(2 * ids.length);
    this.ids.set(ids);
  }
}
