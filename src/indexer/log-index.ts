/**
 * The index of a log: its streams' names, where their events are, and the answer to a query. Pure; lives in the index thread.
 */
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import type { Direction, IndexSnapshot, StreamRuns } from './commands.js';
import { RecentEvents } from './recent-events.js';
import { RecordFollower } from './record-follower.js';
import { RunCollector } from './run-collector.js';
import { StreamIndex } from './stream-index.js';

/** Which part of a stream is asked for; see {@link StreamQuery}. */
export interface RunsWanted {
  readonly direction: Direction;
  readonly from: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
}

export class LogIndex {
  /** The runs of the last answer. */
  readonly collector = new RunCollector();
  readonly #names: NameTable;
  readonly #index = new StreamIndex();
  readonly #follower: RecordFollower;
  readonly #recent: RecentEvents;

  /** `recentEvents`: how many of the last event ids to keep. */
  constructor(seed: HashSeed, recentEvents: number) {
    this.#names = new NameTable(seed);
    this.#recent = new RecentEvents(recentEvents);
    this.#follower = new RecordFollower(this.#names, this.#index, this.#recent);
  }

  /** Enters records; see {@link RecordFollower.follow}. */
  follow(bytes: Bytes, words: Uint32Array, at: number, limit: number): number {
    return this.#follower.follow(bytes, words, at, limit);
  }

  /** Whether the records so far end inside a transaction. */
  get isInTransaction(): boolean {
    return this.#follower.isInTransaction;
  }

  /** Fills `collector` with a part of the stream named `bytes[at, at+length)`. */
  answer(bytes: Bytes, at: number, length: number, wanted: RunsWanted): Pick<StreamRuns, 'head' | 'next'> {
    const { direction, eventsMax, bytesMax } = wanted;
    const stream = this.#names.find(bytes, at, length);
    const head = this.#index.headOf(stream);
    const from = direction === 'backwards' ? Math.min(wanted.from, head) : wanted.from;
    this.collector.begin(direction, eventsMax, bytesMax);
    if (from < 0 || from > head) return { head, next: from };
    return { head, next: this.#index.collect(stream, from, direction, this.collector) };
  }

  /** A copy of what a leader starts from. */
  snapshot(): IndexSnapshot {
    const size = this.#names.size;
    const revisions = new Float64Array(size);
    const positions = new Float64Array(size);
    for (let stream = 0; stream < size; stream++) {
      revisions[stream] = this.#index.headOf(stream);
      positions[stream] = this.#index.lastPositionOf(stream);
    }
    return {
      names: this.#names.toTransfer(),
      revisions: revisions.buffer,
      positions: positions.buffer,
      recent: this.#recent.toTransfer(),
    };
  }
}
