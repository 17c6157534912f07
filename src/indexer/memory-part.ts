/**
 * The index of one chunk in memory: of the chunk that the log is in, and of those whose segment isn't made yet. Index thread and jobs.
 */
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import type { EventTaker, ReadDirection } from '../index/event-taker.js';
import type { HashedName } from '../index/stream-hash.js';
import { RecentNames } from './recent-names.js';
import { StreamIndex } from './stream-index.js';

export class MemoryPart {
  readonly chunk: number;
  /** The chunk's positions. */
  readonly start: Position;
  readonly end: Position;
  readonly names: NameTable;
  readonly index = new StreamIndex();
  /** How many events it has. */
  events = 0;
  readonly #recentNames: RecentNames;
  /** The stream that was found last. */
  #found = -1;

  constructor(chunk: number, chunkSize: number, seed: HashSeed) {
    this.chunk = chunk;
    this.start = chunk * chunkSize;
    this.end = this.start + chunkSize;
    this.names = new NameTable(seed);
    this.#recentNames = new RecentNames(this.names);
  }

  get firstChunk(): number {
    return this.chunk;
  }

  /** The number here of the stream named `bytes[at, at+length)`; `words`: the same memory. */
  intern(bytes: Bytes, words: Uint32Array, at: number, length: number): number {
    return this.#recentNames.intern(bytes, words, at, length);
  }

  /** Adds the next event of the stream with this number here; see {@link StreamIndex.append}. */
  append(stream: number, revision: Revision, position: Position, bytes: number): void {
    this.index.append(stream, revision, position, bytes);
    this.events++;
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
