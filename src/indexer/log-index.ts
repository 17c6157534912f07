/**
 * The index of a log: where the events of its streams are, and the answer to a query. Index thread. What it knows it has from holders, each
 * of which speaks for some chunks: segments, which are files, and the parts of the last chunks, in memory.
 *
 *   chunks  0 … 26 │ 27 … 35 │ 36 │ 37 │ 38 …
 *           segment  segment  seg.  part  part     the newest that has a stream says where it ends, and older ones what came before
 *
 * A stream's first events may be gone, removed by a scavenge, which always takes its oldest. Chunks are not all scavenged at the same time: where the
 * revisions have a gap between two chunks, what comes before it is removed or about to be, and counts as gone.
 */
import { assert } from '../base/assert.js';
import type { HashSeed } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import { metadataNameOf } from '../base/stream-metadata.js';
import type { Position, Revision } from '../base/units.js';
import type { EventTaker } from '../index/event-taker.js';
import type { SegmentReader } from '../index/segment-reader.js';
import { type StreamHash, StreamName, streamHash } from '../index/stream-hash.js';
import { chunkOf } from '../log/chunk.js';
import { STREAM_NAME_BYTES_MAX } from '../log/record.js';
import type { Direction, ListingPlace, MetadataStreamsPage, RecordPlace, StreamRuns } from './commands.js';
import { MemoryPart } from './memory-part.js';
import { listMetadataStreams } from './metadata-listing.js';
import type { MetadataStreams } from './metadata-streams.js';
import { RecentEvents } from './recent-events.js';
import { type PartSource, RecordFollower } from './record-follower.js';
import { RunCollector } from './run-collector.js';

/** Which part of a stream is asked for; see {@link StreamQuery}. */
export interface RunsWanted {
  readonly direction: Direction;
  readonly from: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** What an index is of. */
export interface IndexShape {
  readonly chunkSize: number;
  /** Keys the hashes of the streams' names. */
  readonly seed: HashSeed;
  /** How many of the last event ids to keep, of chunks that are in memory. */
  readonly recentEvents: number;
  /** By which segments are sorted; only tests have another than the seed's. */
  readonly hash?: StreamHash | undefined;
  readonly metadata: MetadataStreams;
}

const LAST_EVENT = {
  direction: 'backwards',
  from: Number.POSITIVE_INFINITY,
  eventsMax: 1,
  bytesMax: 1,
} as const satisfies RunsWanted;

/** Who knows where events of some chunks are. Throws `IndexDamage` if what it is made of is damaged. */
interface Holder {
  readonly firstChunk: number;
  /** Looks for a stream; the rest is about the one that was found last. */
  locate(name: StreamName): boolean;
  readonly first: Revision;
  readonly count: number;
  collect(from: Revision, direction: Direction, taker: EventTaker): Revision;
}

export class LogIndex implements PartSource {
  readonly seed: HashSeed;
  readonly chunkSize: number;
  /** The runs of the last answer. */
  readonly collector = new RunCollector();
  readonly recent: RecentEvents;
  readonly #follower: RecordFollower;
  readonly #hash: StreamHash;
  readonly #name = new StreamName();
  readonly #metadata: MetadataStreams;
  #parts: readonly MemoryPart[] = [];
  #segments: readonly SegmentReader[] = [];
  /** Both, by their chunks. */
  #holders: readonly Holder[] = [];
  /** Those that have the stream of the query, from the newest on. */
  readonly #having: Holder[] = [];

  constructor({ chunkSize, seed, recentEvents, hash, metadata }: IndexShape) {
    this.chunkSize = chunkSize;
    this.seed = seed;
    this.recent = new RecentEvents(recentEvents);
    this.#metadata = metadata;
    this.#hash = hash ?? streamHash(seed);
    this.#follower = new RecordFollower(this, this.recent);
  }

  /** The parts in memory, oldest first. */
  get parts(): readonly MemoryPart[] {
    return this.#parts;
  }

  /** Oldest first. */
  get segments(): readonly SegmentReader[] {
    return this.#segments;
  }

  set segments(segments: readonly SegmentReader[]) {
    this.#segments = segments;
    this.#order();
  }

  partAt(position: Position): MemoryPart {
    return this.partOf(chunkOf(position, this.chunkSize));
  }

  /** The part of a chunk; a new one if there is none. */
  partOf(chunk: number): MemoryPart {
    const known = this.#parts.find((part) => part.chunk === chunk);
    if (known !== undefined) return known;
    const part = new MemoryPart(chunk, this.chunkSize, this.seed);
    this.#parts = [...this.#parts, part].sort((a, b) => a.chunk - b.chunk);
    this.#order();
    return part;
  }

  hasPart(chunk: number): boolean {
    return this.#parts.some((part) => part.chunk === chunk);
  }

  /** A segment has taken its place. */
  dropPart(chunk: number): void {
    this.#parts = this.#parts.filter((part) => part.chunk !== chunk);
    this.#order();
  }

  /** Enters records; see {@link RecordFollower.follow}. */
  follow(bytes: Bytes, words: Uint32Array, at: number, limit: number): number {
    const end = this.#follower.follow(bytes, words, at, limit);
    for (const part of this.#parts) part.noteMetadata(this.#metadata);
    return end;
  }

  /** At the start, once: notes the metadata streams of what is there. Throws `IndexDamage`; then it can be called again. */
  noteMetadata(): void {
    const note = (bytes: Bytes, at: number, length: number) => {
      this.#metadata.note(bytes, at, length);
      return undefined;
    };
    for (const segment of this.#segments) segment.metadataNames(note);
    for (const part of this.#parts) part.noteMetadata(this.#metadata);
  }

  /** A page of the names of all metadata streams, some perhaps twice; throws as {@link answer}. */
  listMetadataStreams(place: ListingPlace, namesMax: number): MetadataStreamsPage {
    return listMetadataStreams(this.#segments, this.#parts, { place, namesMax, hash: this.#hash });
  }

  /** Whether any stream may have metadata. */
  get hasMetadata(): boolean {
    return this.#metadata.size > 0;
  }

  /** Where the last event of the metadata stream of the stream named `bytes[at, at+length)` is; throws as {@link answer}. */
  metadataOf(bytes: Bytes, at: number, length: number): RecordPlace | undefined {
    if (!this.#metadata.mayHave(bytes, at, length)) return undefined;
    const name = metadataNameOf(bytes, at, length);
    if (name.length > STREAM_NAME_BYTES_MAX) return undefined;
    const { head } = this.answer(name, 0, name.length, LAST_EVENT);
    const { positions, bytes: lengths } = this.collector;
    return head < 0 ? undefined : { position: positions[0]!, bytes: lengths[0]! };
  }

  /** Whether the records so far end inside a transaction. */
  get isInTransaction(): boolean {
    return this.#follower.isInTransaction;
  }

  /** Where the transaction begins that is open; `Infinity` if none is. */
  get openFrom(): Position {
    return this.#follower.openFrom;
  }

  /** Fills `collector` with a part of the stream named `bytes[at, at+length)`; throws `IndexDamage` if it can't. */
  answer(bytes: Bytes, at: number, length: number, wanted: RunsWanted): Pick<StreamRuns, 'head' | 'next'> {
    const { direction, eventsMax, bytesMax } = wanted;
    this.collector.begin(direction, eventsMax, bytesMax);
    this.#name.set(bytes, at, length);
    if (this.#segments.length > 0) this.#hash(this.#name);
    const having = this.#having;
    having.length = 0;
    let index = this.#olderHaving(this.#holders.length);
    if (index < 0) return { head: -1, next: wanted.from };
    const head = having[0]!.first + having[0]!.count - 1;
    const from = direction === 'backwards' ? Math.min(wanted.from, head) : wanted.from;
    if (from < 0 || from > head || eventsMax === 0) return { head, next: from };
    while (index >= 0 && having.at(-1)!.first > from) index = this.#olderHaving(index);
    const { first } = having.at(-1)!;
    if (direction === 'forwards') return { head, next: this.#forwards(Math.max(from, first)) };
    return { head, next: from < first ? -1 : this.#backwards(from, index) };
  }

  #forwards(from: Revision): Revision {
    let next = from;
    for (let i = this.#having.length - 1; i >= 0; i--) {
      const holder = this.#having[i]!;
      next = holder.collect(next, 'forwards', this.collector);
      if (next < holder.first + holder.count) break;
    }
    return next;
  }

  /** `older`: the index of the last of those that have it. */
  #backwards(from: Revision, older: number): Revision {
    let next = from;
    for (let index = older; index >= 0 && next >= 0; index = this.#olderHaving(index)) {
      const holder = this.#having.at(-1)!;
      next = holder.collect(next, 'backwards', this.collector);
      if (next >= holder.first) return next;
    }
    return -1;
  }

  /** The index of the next holder before `index` that has the stream up to where the newer ones begin, which is added to those; −1 if there is none. */
  #olderHaving(index: number): number {
    const newer = this.#having.at(-1);
    for (let i = index - 1; i >= 0; i--) {
      const holder = this.#holders[i]!;
      if (!holder.locate(this.#name)) continue;
      if (newer !== undefined) {
        const end = holder.first + holder.count;
        assert(end <= newer.first, 'the revisions of a stream grow from chunk to chunk');
        if (end < newer.first) return -1;
      }
      this.#having.push(holder);
      return i;
    }
    return -1;
  }

  #order(): void {
    const holders: Holder[] = [...this.#segments, ...this.#parts];
    this.#holders = holders.sort((a, b) => a.firstChunk - b.firstChunk);
  }
}
