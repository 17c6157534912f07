/**
 * The index of one chunk in memory: of the chunk that the log is in, and of those whose segment isn't made yet. Index thread and jobs.
 */
import { type HashSeed, NameTable, type NameTableTransfer } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import { FIRST_POSITION, type Position, type Revision } from '../base/units.js';
import type { EventTaker, ReadDirection } from '../index/event-taker.js';
import type { HashedName } from '../index/stream-hash.js';
import type { MetadataStreams } from './metadata-streams.js';
import { RecentNames } from './recent-names.js';
import { StreamIndex, type StreamIndexTransfer } from './stream-index.js';

/** A part as plain data and buffers, to be posted to another thread with the buffers transferred. */
export interface PartTransfer {
  readonly names: NameTableTransfer;
  readonly index: StreamIndexTransfer;
  readonly events: number;
  readonly decided: Position;
}

/** The first two bytes of a metadata stream's name: `$$`. */
const METADATA_WORD = 0x2424;

export class MemoryPart {
  readonly chunk: number;
  /** The chunk's positions. */
  readonly start: Position = FIRST_POSITION;
  readonly end: Position = FIRST_POSITION;
  readonly names: NameTable;
  readonly index: StreamIndex;
  /** How many events it has. */
  events = 0;
  /** Up to where the log must be committed for it to hold: behind its end only if a transaction went on there. */
  #decided: Position = FIRST_POSITION;
  readonly #recentNames: RecentNames;
  /** The stream that was found last. */
  #found = -1;
  /** How many of its streams were looked at for {@link noteMetadata}. */
  #noted = 0;

  constructor(
    chunk: number,
    chunkSize: number,
    seed: HashSeed,
    { names = new NameTable(seed), index = new StreamIndex() } = {},
  ) {
    this.chunk = chunk;
    this.start = chunk * chunkSize;
    this.end = this.start + chunkSize;
    this.#decided = this.end;
    this.names = names;
    this.index = index;
    this.#recentNames = new RecentNames(this.names);
  }

  /** A copy. */
  toTransfer(): PartTransfer {
    const { names, index, events, decided } = this;
    return { names: names.toTransfer(), index: index.toTransfer(), events, decided };
  }

  /** The part that `transfer` was made from; nothing can be added to it. Takes over the buffers. */
  static fromTransfer(chunk: number, chunkSize: number, transfer: PartTransfer): MemoryPart {
    const { names, index, events, decided } = transfer;
    const content = { names: NameTable.fromTransfer(names), index: StreamIndex.fromTransfer(index) };
    const part = new MemoryPart(chunk, chunkSize, names.seed, content);
    part.events = events;
    part.#decided = decided;
    return part;
  }

  get firstChunk(): number {
    return this.chunk;
  }

  /** The number here of the stream named `bytes[at, at+length)`; `words`: the same memory. */
  intern(bytes: Bytes, words: Uint32Array, at: number, length: number): number {
    return this.#recentNames.intern(bytes, words, at, length);
  }

  /** Notes those of its streams that are metadata streams and were not here at the last call. */
  noteMetadata(metadata: MetadataStreams): void {
    const { names } = this;
    for (; this.#noted < names.size; this.#noted++) {
      if ((names.firstWordOf(this.#noted) & 0xffff) !== METADATA_WORD) continue;
      const name = names.bytesOf(this.#noted);
      metadata.note(name, 0, name.length);
    }
  }

  /** Adds the next event of the stream with this number here; see {@link StreamIndex.append}. */
  append(stream: number, revision: Revision, position: Position, bytes: number): void {
    this.index.append(stream, revision, position, bytes);
    this.events++;
  }

  get decided(): Position {
    return this.#decided;
  }

  /** What it has, or leaves out, rests on the record that ends here. */
  decideAt(end: Position): void {
    if (end > this.#decided) this.#decided = end;
  }

  /** Looks for a stream; true if there are events of it here. Its hash is not used. */
  locate(name: HashedName): boolean {
    this.#found = this.names.find(name.bytes, name.at, name.length);
    return this.index.countOf(this.#found) > 0;
  }

  /** Of the stream that {@link locate} found: its first revision here, and how many events it has here. */
  get first(): Revision {
    return this.index.firstOf(this.#found);
  }

  get count(): number {
    return this.index.countOf(this.#found);
  }

  collect(from: Revision, direction: ReadDirection, taker: EventTaker): Revision {
    return this.index.collect(this.#found, from, direction, taker);
  }
}
