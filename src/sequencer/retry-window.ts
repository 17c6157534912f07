/**
 * The event ids of the last stretch of the log: what tells a client's retry from a new append, whatever the expected
 * revision. A ring of entries, newest overwriting oldest, with hash chains through them; a chain ends where it reaches an
 * entry that was overwritten, so nothing is ever deleted. Exact: all 128 bits are compared. Main thread only.
 *
 *   bucket (u32)  ┌ 8 bits: filter ┬ 24 bits: sequence of the newest entry ┐──▶ entry: id, stream's hash, revision, position,
 *                 └────────────────┴───────────────────────────────────────┘           link to the entry before ──▶ …
 *
 * Of a stream it has the hash of its name: numbers of streams are forgotten (stream-heads.ts). Whoever finds a duplicate compares the events with
 * the log, their stream's name among the rest, so that nothing rests on the hash.
 *
 * Almost every id is new, and memory is what a look-up costs: the filter has one bit set for each id in the chain, so that a
 * new id is mostly known to be one after a single cache miss.
 */
import { assert } from '../base/assert.js';
import { type HashSeed, halfSipHash } from '../base/name-table.js';
import type { RememberAll, RememberedEvents } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { AppendCursor } from '../wire/append-frame.js';

const ID_WORDS = 4;
const ID_BYTES = 16;
const BUCKETS_PER_ENTRY = 2;

/** What the ids of an append say about it. */
export type RetryMatch = 'new' | 'duplicate' | 'conflict';

/** Where an event id is: 16 bytes from `idAt`. An AppendCursor is one. */
export interface IdSource {
  readonly view: DataView;
  readonly idAt: number;
}

/** Bits of a bucket or link that hold the sequence number of an entry, modulo 2^24; 0 in all of a bucket = empty. */
const SEQUENCE_BITS = 24;
const SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1;
/** A quarter of the sequence numbers, so that an overwritten entry is told from a live one by their distance. */
const RETRY_WINDOW_EVENTS_MAX = 1 << (SEQUENCE_BITS - 2);

const ENTRY_BYTES = 40;

/** The memory that a window of `events` takes. */
export function retryWindowBytes(events: number): number {
  return events * (ENTRY_BYTES + 4 * BUCKETS_PER_ENTRY);
}

export class RetryWindow {
  readonly #ids: Uint32Array;
  readonly #streams: Uint32Array;
  readonly #revisions: Float64Array;
  readonly #positions: Float64Array;
  /** What the entry's bucket held before it. */
  readonly #previous: Uint32Array;
  readonly #buckets: Uint32Array;
  /** All of the above, for the native pass, which looks and adds by itself. */
  readonly memory: Uint8Array;
  /** Keys the hash, so that nobody can choose ids that collide. */
  readonly seed: HashSeed;
  readonly #words = new Int32Array(ID_WORDS);
  readonly #mask: number;
  /** How many entries were ever added; the sequence number of the next one. */
  added = 0;
  /** The id that was touched last, its hash, and what its bucket held: most often it is the one that is added next. */
  #hashedView: DataView | undefined;
  #hashedAt = 0;
  #hashed = 0;
  #touched = 0;
  /** Revision and position of the last event of the duplicate that `match` found. */
  revision = 0;
  position = 0;

  /** Remembers the last `events` (a power of two) event ids, in `memory` of {@link retryWindowBytes}, all zeros. */
  constructor(events: number, seed: HashSeed, memory = new ArrayBuffer(retryWindowBytes(events))) {
    assert(Number.isInteger(Math.log2(events)), 'the window is a power of two');
    assert(events <= RETRY_WINDOW_EVENTS_MAX, 'the window fits the sequence numbers');
    this.seed = seed;
    this.memory = new Uint8Array(memory);
    this.#mask = events - 1;
    this.#revisions = new Float64Array(memory, 0, events);
    this.#positions = new Float64Array(memory, 8 * events, events);
    this.#ids = new Uint32Array(memory, 16 * events, events * ID_WORDS);
    this.#streams = new Uint32Array(memory, 32 * events, events);
    this.#previous = new Uint32Array(memory, 36 * events, events);
    this.#buckets = new Uint32Array(memory, ENTRY_BYTES * events, events * BUCKETS_PER_ENTRY);
  }

  /** How many event ids it remembers. */
  get events(): number {
    return this.#mask + 1;
  }

  /**
   * Begins to look for the first event's id: its bucket is fetched from memory while the caller does something else.
   * To be called before `match`, for each append.
   */
  touch(append: AppendCursor): void {
    append.rewind();
    append.nextEvent();
    this.#hashedView = append.view;
    this.#hashedAt = append.idAt;
    this.#hashed = this.#hash(append.view, append.idAt);
    this.#touched = this.#buckets[this.#hashed & (this.#buckets.length - 1)]!;
  }

  /**
   * Whether the events of `append`, to the stream whose name has this hash, were seen before: all of them, as
   * consecutive events of that stream in that order (`duplicate`, see `revision` and `position`), none (`new`), or neither. Adds the positions of those
   * that were to `positions`.
   */
  match(append: AppendCursor, streamHash: number, positions: Position[]): RetryMatch {
    let known = 0;
    let expected = 0;
    let inOrder = true;
    append.rewind();
    while (append.nextEvent()) {
      const entry = this.#find(append.view, append.idAt);
      if (entry < 0) continue;
      if (known === 0) expected = this.#revisions[entry]!;
      inOrder &&= this.#streams[entry] === streamHash && this.#revisions[entry] === expected + known;
      known++;
      this.revision = this.#revisions[entry]!;
      this.position = this.#positions[entry]!;
      positions.push(this.position);
    }
    if (known === 0) return 'new';
    return known === append.eventCount && inOrder ? 'duplicate' : 'conflict';
  }

  /** Remembers the id that `source` points to, newest so far. */
  add({ view, idAt }: IdSource, streamHash: number, revision: number, position: number): void {
    const slot = this.added & this.#mask;
    const word = slot * ID_WORDS;
    for (let i = 0; i < ID_WORDS; i++) this.#ids[word + i] = view.getUint32(idAt + 4 * i, true);
    this.#streams[slot] = streamHash;
    this.#revisions[slot] = revision;
    this.#positions[slot] = position;
    this.#link(
      slot,
      view === this.#hashedView && idAt === this.#hashedAt ? this.#hashed : this.#hash(view, idAt),
    );
  }

  /** Remembers all of these, oldest first; `rememberAll` does that faster. */
  addAll(events: RememberedEvents, rememberAll?: RememberAll): void {
    // What was touched is of no event that is looked for.
    this.#hashedView = undefined;
    if (rememberAll !== undefined) {
      this.added = rememberAll(this, events);
      return;
    }
    const { ids, streams, revisions, positions } = events;
    const source = { view: new DataView(ids.buffer, ids.byteOffset, ids.byteLength), idAt: 0 };
    for (let event = 0; event < streams.length; event++, source.idAt += ID_BYTES)
      this.add(source, streams[event]!, revisions[event]!, positions[event]!);
  }

  /** Makes the entry in `slot` the newest. */
  #link(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    const before = this.#buckets[bucket]!;
    const isAlive = before !== 0 && this.#ageOf(before) <= this.#mask + 1;
    const filter = isAlive ? before & ~SEQUENCE_MASK : 0;
    this.#previous[slot] = before;
    this.#buckets[bucket] = filter | filterBit(hash) | (this.added & SEQUENCE_MASK);
    this.added++;
  }

  /** The slot of an id, or -1. Newest first. */
  #find(view: DataView, at: number): number {
    const isTouched = view === this.#hashedView && at === this.#hashedAt;
    const hash = isTouched ? this.#hashed : this.#hash(view, at);
    let link = isTouched ? this.#touched : this.#buckets[hash & (this.#buckets.length - 1)]!;
    if ((link & filterBit(hash)) === 0) return -1;
    const ids = this.#ids;
    // Links lead to ever older entries. After 2^24 more a dead one may look alive, but not also older than the one before;
    // and whatever slot it leads to, the comparison is with an id that is in the window.
    for (
      let age = this.#ageOf(link), newer = 0;
      link !== 0 && age > newer;
      newer = age, age = this.#ageOf(link)
    ) {
      if (age > this.#mask + 1) return -1;
      const slot = link & this.#mask;
      const word = slot * ID_WORDS;
      if (
        ids[word] === view.getUint32(at, true) &&
        ids[word + 1] === view.getUint32(at + 4, true) &&
        ids[word + 2] === view.getUint32(at + 8, true) &&
        ids[word + 3] === view.getUint32(at + 12, true)
      ) {
        return slot;
      }
      link = this.#previous[slot]!;
    }
    return -1;
  }

  /** How many entries ago, modulo 2^24, a bucket or link says; 1 = the newest. */
  #ageOf(link: number): number {
    return (this.added - link) & SEQUENCE_MASK;
  }

  #hash(view: DataView, at: number): number {
    const key = this.#words;
    for (let i = 0; i < ID_WORDS; i++) key[i] = view.getInt32(at + 4 * i, true);
    return halfSipHash(key, ID_BYTES, this.seed);
  }
}

/** One of the eight bits above the sequence number, by bits of the hash that don't choose the bucket. */
function filterBit(hash: number): number {
  return 1 << (SEQUENCE_BITS + (hash >>> 29));
}
