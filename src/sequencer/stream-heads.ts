/**
 * The last revision of every stream, pending events included: what an expected revision is checked against. Main thread only.
 */
import type { NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';

const STREAMS_AT_FIRST = 1024;

/** The revision of a stream that does not exist. */
const NO_STREAM = -1;

export class StreamHeads {
  readonly #names: NameTable;
  #revisions: Float64Array;
  #positions: Float64Array;

  /** Starts from the streams in the log: `names` numbers them, the arrays hold each one's last revision and position. */
  constructor(names: NameTable, revisions: Float64Array, positions: Float64Array) {
    this.#names = names;
    this.#revisions = grown(revisions, Math.max(STREAMS_AT_FIRST, names.size));
    this.#positions = grown(positions, Math.max(STREAMS_AT_FIRST, names.size));
  }

  get streams(): number {
    return this.#names.size;
  }

  /** The number of the stream named `bytes[at, at+length)`, or -1. */
  find(bytes: Bytes, at: number, length: number): number {
    return this.#names.find(bytes, at, length);
  }

  /** The same, but a new stream gets a number, without events yet. */
  intern(bytes: Bytes, at: number, length: number): number {
    const stream = this.#names.intern(bytes, at, length);
    if (stream >= this.#revisions.length) {
      this.#revisions = grown(this.#revisions, 2 * stream);
      this.#positions = grown(this.#positions, 2 * stream);
    }
    return stream;
  }

  /** Revision of the stream's last event; -1 for the number -1, that of no stream. */
  revision(stream: number): number {
    return stream < 0 ? NO_STREAM : this.#revisions[stream]!;
  }

  /** Position of the stream's last event. */
  position(stream: number): number {
    return this.#positions[stream]!;
  }

  advance(stream: number, revision: number, position: number): void {
    this.#revisions[stream] = revision;
    this.#positions[stream] = position;
  }
}

/** A copy with room for `size` streams; those that are new have no events. */
function grown(values: Float64Array, size: number): Float64Array {
  const larger = new Float64Array(Math.max(size, values.length)).fill(NO_STREAM);
  larger.set(values);
  return larger;
}
