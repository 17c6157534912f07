/**
 * The last revision of the streams that were in use last, pending events included: what an expected revision is checked against. Of the
 * others the index knows it (cold-heads.ts). Main thread only.
 *
 *   young ┌ names ┬ revision, position of the last event ┐   a stream that is found among the old moves to the young
 *   old   └───────┴──────────────────────────────────────┘   young is full: it becomes the old, and what was old is forgotten
 *
 * Two generations rather than a list by age: a look-up writes nothing, and what the native pass works on is plain memory. It takes no append to a
 * stream whose revision stands there as a number below -1:
 *
 *   -2        the stream is closed by a tombstone
 *   -4 - n    a metadata stream with the last revision n: what is appended to it has to be checked
 */
import { assert } from '../base/assert.js';
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import { isMetadataName } from '../base/stream-metadata.js';
import type { Position, Revision } from '../base/units.js';

const STREAMS_AT_FIRST = 64;

/** The revision of a stream that does not exist. */
const NO_STREAM = -1;
const CLOSED = -2;
/** From here on down: less the revision. */
const GUARDED = -4;
/** The position of an event that is known to be committed: from the index. */
const COMMITTED = -1;

/** A head is two numbers: revision and position of the stream's last event. */
const HEAD_NUMBERS = 2;

/** A generation may double, and there are two of them. */
const GENERATION_SHARE = 1 / 4;

/** Every stream of a log in which none is a metadata stream: `names` numbers them, the arrays hold each one's last revision and position. */
export interface KnownHeads {
  readonly names: NameTable;
  readonly revisions: Float64Array;
  readonly positions: Float64Array;
}

/** What the log says of a stream: its last revision, -1 if it has no events, and whether it has a tombstone. */
export interface StreamHead {
  readonly revision: Revision;
  readonly isClosed: boolean;
}

export interface StreamHeadsOptions {
  /** Keys the hash of names. */
  readonly seed: HashSeed;
  /** Most memory. */
  readonly bytesMax: number;
  /** All streams that there are. Without it, or if they are too many, none is known, and any may exist. */
  readonly all?: KnownHeads | undefined;
}

export class StreamHeads {
  readonly #generationBytes: number;
  #young: Generation;
  #old: Generation | undefined;
  /** Bytes with which the young ones are full. */
  #fullAt: number;
  #isComplete: boolean;

  constructor({ seed, bytesMax, all }: StreamHeadsOptions) {
    this.#generationBytes = this.#fullAt = bytesMax * GENERATION_SHARE;
    this.#young = new Generation(all?.names ?? new NameTable(seed));
    this.#isComplete = all !== undefined && this.#young.bytes <= this.#generationBytes;
    if (!this.#isComplete) this.#young = new Generation(new NameTable(seed));
    else this.#enterAll(all!);
  }

  /** The names that {@link values} are of. Another table after {@link makeRoom}. */
  get names(): NameTable {
    return this.#young.names;
  }

  /** Revision and position of each stream in turn, for the native pass. Another array after a stream was interned or found. */
  get values(): Float64Array {
    return this.#young.values;
  }

  /** Whether a stream that is not found here does not exist. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** How many streams are known, some perhaps twice. */
  get streams(): number {
    return this.#young.names.size + (this.#old?.names.size ?? 0);
  }

  /** The memory that they take. */
  get bytes(): number {
    return this.#young.bytes + (this.#old?.bytes ?? 0);
  }

  /** The hash (u32) of a stream's name. */
  hash(bytes: Bytes, at: number, length: number): number {
    return this.names.hash(bytes, at, length);
  }

  /** The number of the stream named `bytes[at, at+length)`, or -1. Holds until {@link makeRoom}. */
  find(bytes: Bytes, at: number, length: number): number {
    const stream = this.names.find(bytes, at, length);
    if (stream >= 0 || this.#old === undefined) return stream;
    const old = this.#old.names.find(bytes, at, length);
    return old < 0 ? -1 : this.#young.take(this.#old, old);
  }

  /** The same, but a stream that is not known gets a number, and has no events. */
  intern(bytes: Bytes, at: number, length: number): number {
    const known = this.find(bytes, at, length);
    return known >= 0 ? known : this.#young.intern(bytes, at, length);
  }

  /** Notes what the log says of a stream that was not found here. */
  enter(name: Bytes, { revision, isClosed }: StreamHead): void {
    assert(this.find(name, 0, name.length) < 0, 'what is known here is newer than what the index says');
    const stream = this.intern(name, 0, name.length);
    if (isClosed) this.close(stream, COMMITTED);
    else this.advance(stream, revision, COMMITTED);
  }

  /** Revision of the stream's last event; -1 for the number -1, that of no stream. Not of one that is closed. */
  revision(stream: number): Revision {
    if (stream < 0) return NO_STREAM;
    const value = this.values[HEAD_NUMBERS * stream]!;
    return value >= NO_STREAM ? value : GUARDED - value;
  }

  /** Whether a tombstone has closed the stream, pending ones included. */
  isClosed(stream: number): boolean {
    return stream >= 0 && this.values[HEAD_NUMBERS * stream] === CLOSED;
  }

  advance(stream: number, revision: Revision, position: Position): void {
    const at = HEAD_NUMBERS * stream;
    const isGuarded = this.values[at]! < NO_STREAM;
    assert(!this.isClosed(stream), 'a tombstone is the end');
    this.values[at] = isGuarded ? GUARDED - revision : revision;
    this.values[at + 1] = position;
  }

  /** A tombstone at `position` closes the stream. */
  close(stream: number, position: Position): void {
    this.values[HEAD_NUMBERS * stream] = CLOSED;
    this.values[HEAD_NUMBERS * stream + 1] = position;
  }

  #enterAll({ revisions, positions }: KnownHeads): void {
    for (let stream = 0; stream < revisions.length; stream++)
      this.advance(stream, revisions[stream]!, positions[stream]!);
  }

  /**
   * Forgets streams if there are many, but none with an event from `committed` on: those the index does not know. To be called between
   * appends.
   */
  makeRoom(committed: Position): void {
    if (this.#young.bytes <= this.#fullAt) return;
    const [young, old] = [this.#young, this.#old];
    this.#young = new Generation(new NameTable(young.names.seed));
    this.#old = young;
    if (old === undefined) return;
    this.#isComplete = false;
    for (let stream = 0; stream < old.names.size; stream++) {
      const isPending = old.values[HEAD_NUMBERS * stream + 1]! >= committed;
      // What has moved to the younger is out of date here.
      if (isPending && young.names.findFrom(old.names, stream) < 0) this.#young.take(old, stream);
    }
    // If these are many, there must be as many others before they are looked through again.
    this.#fullAt = Math.max(this.#generationBytes, 2 * this.#young.bytes);
  }
}

class Generation {
  readonly names: NameTable;
  values: Float64Array;

  constructor(names: NameTable) {
    this.names = names;
    this.values = grown(new Float64Array(0), Math.max(STREAMS_AT_FIRST, names.size));
  }

  get bytes(): number {
    return this.names.bytes + this.values.byteLength;
  }

  intern(bytes: Bytes, at: number, length: number): number {
    const { size } = this.names;
    const stream = this.#withRoom(this.names.intern(bytes, at, length));
    // Its revision is -1 then.
    if (stream === size && isMetadataName(bytes, at, length))
      this.values[HEAD_NUMBERS * stream] = GUARDED - NO_STREAM;
    return stream;
  }

  /** Copies a stream of `other` that is not here; returns its number here. */
  take(other: Generation, number: number): number {
    const stream = this.#withRoom(this.names.internFrom(other.names, number));
    for (let i = 0; i < HEAD_NUMBERS; i++)
      this.values[HEAD_NUMBERS * stream + i] = other.values[HEAD_NUMBERS * number + i]!;
    return stream;
  }

  #withRoom(stream: number): number {
    if (HEAD_NUMBERS * stream >= this.values.length) this.values = grown(this.values, 2 * stream);
    return stream;
  }
}

/** A copy with room for `size` streams; those that are new have no events. */
function grown(values: Float64Array, size: number): Float64Array {
  const larger = new Float64Array(HEAD_NUMBERS * size).fill(NO_STREAM);
  larger.set(values);
  return larger;
}
