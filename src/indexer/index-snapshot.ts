/**
 * Puts together what a leader starts from: the last event ids, and all streams with their heads if they are few and none has metadata: else it asks
 * for those as it needs them. From the directories of the segments, newest first, and from the parts in memory; no event is read. Index thread.
 */
import { NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import type { Revision } from '../base/units.js';
import type { EventColumns, EventIds } from '../index/event-ids.js';
import { MergedStreams } from '../index/merged-streams.js';
import { SegmentScan } from '../index/segment-scan.js';
import type { HeadsTransfer, IndexSnapshot } from './commands.js';
import type { LogIndex } from './log-index.js';
import type { MemoryPart } from './memory-part.js';

/** Most entries of directories that are gone through for heads: some milliseconds' work, and a start must not wait longer for it. */
const HEADS_MAX = 65_536;

type NamedEvents = EventColumns & Pick<EventIds, 'names'>;

export interface SnapshotSource {
  readonly index: LogIndex;
  /** How many event ids are wanted. */
  readonly eventIds: number;
  /** The last event ids of a chunk that is not in memory; at least so many, or all that it has. */
  eventIdsOf(chunk: number, wanted: number): NamedEvents;
}

/** Throws `IndexDamage` if a segment is damaged, and what `eventIdsOf` throws. */
export function takeSnapshot(source: SnapshotSource): IndexSnapshot {
  const { index } = source;
  // Which streams have a tombstone no directory says.
  const areTold = entriesOf(index) <= HEADS_MAX && !index.hasMetadata;
  const heads = areTold ? new Heads(index).toTransfer() : undefined;
  return { seed: index.seed, heads, recent: lastEventIds(source) };
}

/** Of all directories: how many streams there are at most. */
function entriesOf({ parts, segments }: LogIndex): number {
  const inParts = parts.reduce((sum, { names }) => sum + names.size, 0);
  return segments.reduce((sum, { header }) => sum + header.streams, inParts);
}

/** The last event of every stream. */
class Heads {
  readonly names: NameTable;
  revisions = new Float64Array(1024);
  positions = new Float64Array(1024);
  /** How many streams there are so far. */
  #noted = 0;

  constructor({ seed, parts, segments }: LogIndex) {
    this.names = new NameTable(seed);
    for (const part of parts.toReversed()) this.#addPart(part);
    this.#addSegments(segments.map(({ file, header }) => new SegmentScan(file, header)));
  }

  toTransfer(): HeadsTransfer {
    return {
      names: this.names.toTransfer(),
      revisions: this.revisions.slice(0, this.names.size).buffer,
      positions: this.positions.slice(0, this.names.size).buffer,
    };
  }

  /** In the order of their hashes, so that a stream that is in all of them costs one look at the names. */
  #addSegments(scans: readonly SegmentScan[]): void {
    const streams = new MergedStreams(scans);
    for (let having = streams.next(); having.length > 0; having = streams.next()) {
      const { name, entry } = scans[having.at(-1)!]!;
      this.#note(
        this.names.intern(name.bytes, name.at, name.length),
        entry.first + entry.count - 1,
        entry.last,
      );
    }
  }

  #addPart({ names, index }: MemoryPart): void {
    for (let stream = 0; stream < names.size; stream++) {
      if (index.countOf(stream) === 0) continue;
      const number = this.names.internFrom(names, stream);
      this.#note(number, index.headOf(stream), index.lastPositionOf(stream));
    }
  }

  /** The newest comes first: what a stream has already stays, unless that is older, from a part in the middle of the log. */
  #note(number: number, revision: Revision, position: number): void {
    if (number < this.#noted && this.revisions[number]! >= revision) return;
    this.#noted = Math.max(this.#noted, number + 1);
    if (number === this.revisions.length) {
      this.revisions = doubled(this.revisions);
      this.positions = doubled(this.positions);
    }
    this.revisions[number] = revision;
    this.positions[number] = position;
  }
}

function doubled(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * values.length);
  larger.set(values);
  return larger;
}

/** Filled from the end: chunk by chunk, the newest first. */
function lastEventIds(source: SnapshotSource): IndexSnapshot['recent'] {
  const { index, eventIds } = source;
  const { parts, segments, recent } = index;
  const names = new NameTable(index.seed);
  const hashOf = (name: Bytes) => names.hash(name, 0, name.length);
  const columns: EventColumns = {
    ids: new Uint32Array(4 * eventIds),
    streams: new Uint32Array(eventIds),
    revisions: new Float64Array(eventIds),
    positions: new Float64Array(eventIds),
  };
  let at = eventIds;
  let age = 0;
  const newest = Math.max(parts.at(-1)?.chunk ?? -1, segments.at(-1)?.header.lastChunk ?? -1);
  for (let chunk = newest; chunk >= 0 && at > 0; chunk--) {
    const part = parts.find((part) => part.chunk === chunk);
    if (part === undefined) {
      at = copyLast(source.eventIdsOf(chunk, at), hashOf, columns, at);
      continue;
    }
    const hashes = Uint32Array.from({ length: part.names.size }, (_, stream) => part.names.hashOf(stream));
    for (; age < recent.count && at > 0; age++) {
      const slot = recent.slotOf(age);
      const position = recent.positionAt(slot);
      if (position < part.start) break;
      // What is behind it is in files by now.
      if (position < part.end) recent.copyTo(slot, columns, --at, hashes);
    }
  }
  return {
    ids: behind(columns.ids, 4 * at),
    streams: behind(columns.streams, at),
    revisions: behind(columns.revisions, at),
    positions: behind(columns.positions, at),
  };
}

/** The values from `at` on, as a buffer of their own; a copy only if it must. */
function behind(values: Uint32Array | Float64Array, at: number): ArrayBuffer {
  return (at === 0 ? values : values.slice(at)).buffer as ArrayBuffer;
}

/** Copies events of a file before place `to`; returns where they begin. */
function copyLast(
  events: NamedEvents,
  hashOf: (name: Bytes) => number,
  columns: EventColumns,
  to: number,
): number {
  const hashes = events.names.map(hashOf);
  const count = Math.min(to, events.streams.length);
  const from = events.streams.length - count;
  const at = to - count;
  columns.ids.set(events.ids.subarray(4 * from), 4 * at);
  columns.revisions.set(events.revisions.subarray(from), at);
  columns.positions.set(events.positions.subarray(from), at);
  for (let i = 0; i < count; i++) columns.streams[at + i] = hashes[events.streams[from + i]!]!;
  return at;
}
