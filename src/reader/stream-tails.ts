/**
 * The last events of each stream that somebody follows, as places in the ring, and who waits for the next. Main thread. There is one entry a stream,
 * however many follow it; events of streams that nobody follows don't come here.
 */
import { assert } from '../base/assert.js';
import { METADATA_PREFIX, subjectOf, TOMBSTONE_TYPE } from '../base/stream-metadata.js';
import type { Position, Revision } from '../base/units.js';
import { PREPARE } from '../log/record.js';
import { METADATA_PREFIX_HALFWORD, setBit } from '../log/record-walks.js';
import { streamHash, streamHashAt } from '../log/stream-hash.js';
import type { RingMemory } from '../ring/layout.js';
import type { ReadPage } from './read-page.js';

/** Who is further behind than this asks the index: 64 KiB of the usual events, 4 KiB of memory for each stream that is followed. */
const EVENTS_MAX = 256;
const TWO_TO_32 = 0x1_0000_0000;
/** A thousand streams let one in sixteen others through, which are then told apart by name. */
const FILTER_WORDS = 512;

const STREAM_WORD = PREPARE.stream / 4;
const STREAM_BYTES_WORD = PREPARE.streamBytes / 4;
const REVISION_WORD = PREPARE.revision / 4;
const TOMBSTONE = new TextEncoder().encode(TOMBSTONE_TYPE);

/** Tells a reader that waits that it may look again. */
export type Wake = () => void;

export class StreamTails {
  readonly #memory: RingMemory;
  readonly #wake: (wake: Wake) => void;
  readonly #begun: () => void;
  /** By hash of the name; those that share one are chained. */
  readonly #tails = new Map<number, StreamTail>();
  readonly #filter = new Uint32Array(FILTER_WORDS);
  #isFilterStale = false;
  #size = 0;

  /** `begun` is called when a stream is followed and none was before. */
  constructor(memory: RingMemory, wake: (wake: Wake) => void, begun: () => void) {
    this.#memory = memory;
    this.#wake = wake;
    this.#begun = begun;
  }

  /** Streams that are followed. */
  get size(): number {
    return this.#size;
  }

  /** Which events are to be noted: see {@link EventSearch.filter}. */
  get filter(): Uint32Array {
    if (this.#isFilterStale) {
      this.#filter.fill(0);
      for (const hash of this.#tails.keys()) setBit(this.#filter, hash);
      this.#isFilterStale = false;
    }
    return this.#filter;
  }

  /** Follows a stream from now on, until it is released. */
  follow(name: Uint8Array): StreamTail {
    const hash = streamHash(name);
    let tail = this.#named(name, hash);
    if (tail === undefined) {
      if (this.#size++ === 0) this.#begun();
      tail = new StreamTail(name, hash, this.#tails.get(hash));
      this.#tails.set(hash, tail);
      setBit(this.#filter, hash);
    }
    tail.followers++;
    return tail;
  }

  #named(name: Uint8Array, hash: number): StreamTail | undefined {
    let tail = this.#tails.get(hash);
    while (tail !== undefined && !isSameName(tail.name, name)) tail = tail.sibling;
    return tail;
  }

  /** One that followed it does no more. */
  release(tail: StreamTail): void {
    assert(tail.followers > 0, 'a stream is released by who follows it');
    if (--tail.followers > 0) return;
    this.#size--;
    const first = this.#tails.get(tail.hash)!;
    if (first === tail) {
      if (tail.sibling === undefined) {
        this.#tails.delete(tail.hash);
        this.#isFilterStale = true;
      } else this.#tails.set(tail.hash, tail.sibling);
      return;
    }
    let before = first;
    while (before.sibling !== tail) before = before.sibling!;
    before.sibling = tail.sibling;
  }

  /** An event was committed that the filter let through: its record lies at `at` in the ring. */
  note(at: number, position: Position, bytes: number): void {
    const { words } = this.#memory;
    const word = at >> 2;
    const nameBytes = words[word + STREAM_BYTES_WORD]! & 0xffff;
    if ((words[word + STREAM_WORD]! & 0xffff) === METADATA_PREFIX_HALFWORD) this.#noteMetadata(at, nameBytes);
    let tail = this.#tails.get(streamHashAt(words, word + STREAM_WORD, nameBytes));
    while (tail !== undefined && !this.#isNamed(tail.name, at + PREPARE.stream, nameBytes))
      tail = tail.sibling;
    if (tail === undefined) return;
    const revision = words[word + REVISION_WORD]! + words[word + REVISION_WORD + 1]! * TWO_TO_32;
    tail.note(revision, position, bytes);
    this.#wakeAll(tail);
  }

  /** What a metadata stream got may be a tombstone: then nothing follows in the stream that it is about. */
  #noteMetadata(at: number, nameBytes: number): void {
    const { bytes, words } = this.#memory;
    const typeBytes = words[(at >> 2) + STREAM_BYTES_WORD]! >>> 16;
    const typeAt = at + PREPARE.stream + nameBytes;
    if (nameBytes <= METADATA_PREFIX.length) return;
    if (!isSameName(TOMBSTONE, bytes.subarray(typeAt, typeAt + typeBytes))) return;
    const subject = subjectOf(bytes, at + PREPARE.stream, nameBytes);
    const tail = this.#named(subject, streamHash(subject));
    if (tail === undefined) return;
    tail.isClosed = true;
    this.#wakeAll(tail);
  }

  /** Events may have been committed of which nothing is known here. */
  missed(): void {
    for (const first of this.#tails.values()) {
      for (let tail: StreamTail | undefined = first; tail !== undefined; tail = tail.sibling) {
        tail.miss();
        this.#wakeAll(tail);
      }
    }
  }

  #wakeAll({ waiting }: StreamTail): void {
    if (waiting.size === 0) return;
    for (const wake of waiting) this.#wake(wake);
    waiting.clear();
  }

  #isNamed(name: Uint8Array, at: number, length: number): boolean {
    if (name.length !== length) return false;
    const { bytes } = this.#memory;
    for (let i = 0; i < length; i++) if (name[i] !== bytes[at + i]) return false;
    return true;
  }
}

/** The last events of one stream: revisions `first` to `end`, exclusive, without a gap: what is before one was removed. */
export class StreamTail {
  readonly name: Uint8Array;
  readonly hash: number;
  sibling: StreamTail | undefined;
  followers = 0;
  /** Whether a tombstone was committed while it was followed: there are no events but those that are known. */
  isClosed = false;
  /** How often events may have been missed. */
  misses = 0;
  readonly waiting = new Set<Wake>();
  /** What was given last, small and up to the end: those who want the same get it, too. `from`: its first revision. */
  shared: { readonly from: Revision; readonly page: ReadPage } | undefined;
  #first: Revision = 0;
  #end: Revision = 0;
  readonly #positions = new Float64Array(EVENTS_MAX);
  readonly #bytes = new Uint32Array(EVENTS_MAX);

  constructor(name: Uint8Array, hash: number, sibling: StreamTail | undefined) {
    this.name = name.slice();
    this.hash = hash;
    this.sibling = sibling;
  }

  /** Whether there is something that a follower who wants `revision` does not have. Without events nothing is known. */
  isBeyond(revision: Revision): boolean {
    return this.#end > this.#first && this.#end > revision;
  }

  has(revision: Revision): boolean {
    return revision >= this.#first && revision < this.#end;
  }

  positionOf(revision: Revision): Position {
    return this.#positions[revision % EVENTS_MAX]!;
  }

  bytesOf(revision: Revision): number {
    return this.#bytes[revision % EVENTS_MAX]!;
  }

  /** Revision of the last event that is known, and one more. */
  get end(): Revision {
    return this.#end;
  }

  note(revision: Revision, position: Position, bytes: number): void {
    assert(revision >= this.#end, 'the revisions of a stream grow');
    if (this.#end === this.#first || revision > this.#end) this.#first = revision;
    this.#positions[revision % EVENTS_MAX] = position;
    this.#bytes[revision % EVENTS_MAX] = bytes;
    this.#end = revision + 1;
    this.#first = Math.max(this.#first, this.#end - EVENTS_MAX);
    this.shared = undefined;
  }

  miss(): void {
    this.misses++;
    this.shared = undefined;
    this.#first = 0;
    this.#end = 0;
  }
}

function isSameName(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
