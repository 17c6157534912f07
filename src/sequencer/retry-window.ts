/**
 * The event ids of the last stretch of the log: what tells a client's retry from a new append, whatever the expected
 * revision. A ring of entries, newest overwriting oldest, with hash chains through them; a chain ends where it reaches an
 * entry that was overwritten, so nothing is ever deleted. Exact: all 128 bits are compared. Main thread only.
 */
import { assert } from '../base/assert.js';
import type { AppendCursor } from '../wire/append-frame.js';

const ID_WORDS = 4;
const BUCKETS_PER_ENTRY = 2;

/** What the ids of an append say about it. */
export type RetryMatch = 'new' | 'duplicate' | 'conflict';

/** Odd multipliers that key the hash, so that nobody can choose ids that collide. */
export type IdHashKey = readonly [number, number, number, number];

export class RetryWindow {
  readonly #ids: Uint32Array;
  readonly #streams: Uint32Array;
  readonly #revisions: Float64Array;
  readonly #positions: Float64Array;
  /** Sequence number + 1 of the entry before in the same bucket (0 = none). */
  readonly #previous: Uint32Array;
  readonly #buckets: Uint32Array;
  readonly #key: IdHashKey;
  /** Sequence number of the next entry; stays below 2^32 by {@link #rebase}. */
  #next = 0;
  /** Revision and position of the last event of the duplicate that `match` found. */
  revision = 0;
  position = 0;

  /** Remembers the last `events` (a power of two) event ids. */
  constructor(events: number, key: IdHashKey) {
    assert(Number.isInteger(Math.log2(events)), 'the window is a power of two');
    this.#ids = new Uint32Array(events * ID_WORDS);
    this.#streams = new Uint32Array(events);
    this.#revisions = new Float64Array(events);
    this.#positions = new Float64Array(events);
    this.#previous = new Uint32Array(events);
    this.#buckets = new Uint32Array(events * BUCKETS_PER_ENTRY);
    this.#key = key;
  }

  /**
   * Whether the events of `append`, to the stream numbered `stream` (-1 if it is new), were seen before: all of them, as
   * consecutive events of that stream in that order (`duplicate`, see `revision` and `position`), none (`new`), or neither.
   */
  match(append: AppendCursor, stream: number): RetryMatch {
    let known = 0;
    let expected = 0;
    let inOrder = true;
    append.rewind();
    while (append.nextEvent()) {
      const entry = this.#find(append.view, append.idAt);
      if (entry < 0) continue;
      if (known === 0) expected = this.#revisions[entry]!;
      inOrder &&= this.#streams[entry] === stream && this.#revisions[entry] === expected + known;
      known++;
      this.revision = this.#revisions[entry]!;
      this.position = this.#positions[entry]!;
    }
    if (known === 0) return 'new';
    return known === append.eventCount && inOrder ? 'duplicate' : 'conflict';
  }

  /** Remembers the id at `view[at, at+16)`. */
  add(view: DataView, at: number, stream: number, revision: number, position: number): void {
    if (this.#next === 0xffff_fffe) this.#rebase();
    const sequence = this.#next++;
    const slot = sequence & (this.#streams.length - 1);
    const a = view.getUint32(at, true);
    const b = view.getUint32(at + 4, true);
    const c = view.getUint32(at + 8, true);
    const d = view.getUint32(at + 12, true);
    const word = slot * ID_WORDS;
    this.#ids[word] = a;
    this.#ids[word + 1] = b;
    this.#ids[word + 2] = c;
    this.#ids[word + 3] = d;
    this.#streams[slot] = stream;
    this.#revisions[slot] = revision;
    this.#positions[slot] = position;
    const bucket = this.#bucketOf(a, b, c, d);
    this.#previous[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = sequence + 1;
  }

  /** The slot of an id, or -1. Newest first. */
  #find(view: DataView, at: number): number {
    const a = view.getUint32(at, true);
    const b = view.getUint32(at + 4, true);
    const c = view.getUint32(at + 8, true);
    const d = view.getUint32(at + 12, true);
    const ids = this.#ids;
    const oldest = this.#next - this.#streams.length;
    let link = this.#buckets[this.#bucketOf(a, b, c, d)]!;
    // Links go to ever older entries; one older than the window leads into an entry that was overwritten.
    while (link > 0 && link - 1 >= oldest) {
      const slot = (link - 1) & (this.#streams.length - 1);
      const word = slot * ID_WORDS;
      if (ids[word] === a && ids[word + 1] === b && ids[word + 2] === c && ids[word + 3] === d) return slot;
      link = this.#previous[slot]!;
    }
    return -1;
  }

  #bucketOf(a: number, b: number, c: number, d: number): number {
    const key = this.#key;
    let hash = Math.imul(a, key[0]) ^ Math.imul(b, key[1]);
    hash = Math.imul(hash ^ (hash >>> 15), key[2]) ^ Math.imul(c, key[3]) ^ Math.imul(d, key[0]);
    hash = Math.imul(hash ^ (hash >>> 16), key[1]);
    return (hash ^ (hash >>> 13)) & (this.#buckets.length - 1);
  }

  /** After 4 billion events the sequence numbers start again, without changing which slot each entry has. */
  #rebase(): void {
    const size = this.#streams.length;
    const shift = Math.floor(this.#next / size - 1) * size;
    const moved = (link: number) => (link > shift ? link - shift : 0);
    for (let i = 0; i < this.#buckets.length; i++) this.#buckets[i] = moved(this.#buckets[i]!);
    for (let i = 0; i < size; i++) this.#previous[i] = moved(this.#previous[i]!);
    this.#next -= shift;
  }
}
