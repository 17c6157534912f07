/**
 * The last revision of every stream, pending events included: what an expected revision is checked against. Main thread only.
 */
import type { NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';

const STREAMS_AT_FIRST = 1024;

/** The revision of a stream that does not exist. */
const NO_STREAM = -1;

/** A head is two numbers: revision and position of the stream's last event. */
const HEAD_NUMBERS = 2;

export class StreamHeads {
  readonly names: NameTable;
  #values: Float64Array;

  /** Starts from the streams in the log: `names` numbers them, the arrays hold each one's last revision and position. */
  constructor(names: NameTable, revisions: Float64Array, positions: Float64Array) {
    this.names = names;
    this.#values = grown(new Float64Array(0), Math.max(STREAMS_AT_FIRST, names.size));
    for (let stream = 0; stream < revisions.length; stream++) {
      this.advance(stream, revisions[stream]!, positions[stream]!);
    }
  }

  get streams(): number {
    return this.names.size;
  }

  /** Revision and position of each stream in turn, for the native pass. Another array after a stream was interned. */
  get values(): Float64Array {
    return this.#values;
  }

  /** The number of the stream named `bytes[at, at+length)`, or -1. */
  find(bytes: Bytes, at: number, length: number): number {
    return this.names.find(bytes, at, length);
  }

  /** The same, but a new stream gets a number, without events yet. */
  intern(bytes: Bytes, at: number, length: number): number {
    const stream = this.names.intern(bytes, at, length);
    if (HEAD_NUMBERS * stream >= this.#values.length) this.#values = grown(this.#values, 2 * stream);
    return stream;
  }

  /** Revision of the stream's last event; -1 for the number -1, that of no stream. */
  revision(stream: number): number {
    return stream < 0 ? NO_STREAM : this.#values[HEAD_NUMBERS * stream]!;
  }

  /** Position of the stream's last event. */
  position(stream: number): number {
    return this.#values[HEAD_NUMBERS * stream + 1]!;
  }

  advance(stream: number, revision: number, position: number): void {
    this.#values[HEAD_NUMBERS * stream] = revision;
    this.#values[HEAD_NUMBERS * stream + 1] = position;
  }
}

/** A copy with room for `size` streams; those that are new have no events. */
function grown(values: Float64Array, size: number): Float64Array {
  const larger = new Float64Array(HEAD_NUMBERS * size).fill(NO_STREAM);
  larger.set(values);
  return larger;
}
