/**
 * Reading a stream in either direction. Main thread. The index thread says where the events are, as runs; those are gathered
 * into a page, without those in whose place a Removed record stands by now, and backwards its records are turned round. The read ends at the revision
 * that was the last when it began, and shows what was not hidden then.
 */
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { NO_RULES } from '../base/stream-metadata.js';
import type { Revision } from '../base/units.js';
import type { Direction, StreamRuns } from '../indexer/commands.js';
import { occupiedBytes, RECORD, RECORD_TYPE } from '../log/record.js';
import { PageBuilder } from './page-builder.js';
import type { LogRead, ReadAnswer, ReadPage } from './read-page.js';
import type { ReadSource } from './read-source.js';
import { RunFetcher } from './run-fetcher.js';

const LENGTH_WORD = RECORD.length / 4;
const TYPE_WORD = RECORD.type / 4;

/** What to read: the stream's name in UTF-8, and from where. Backwards, beyond the end (`Infinity`) means from the end. */
export interface StreamReadRequest {
  readonly stream: Uint8Array;
  readonly direction: Direction;
  readonly from: Revision;
  readonly eventsMax: number;
}

export class StreamRead implements LogRead {
  readonly #source: ReadSource;
  readonly #fetcher: RunFetcher;
  readonly #stream: Uint8Array;
  readonly #direction: Direction;
  #next: Revision;
  #eventsLeft: number;
  /** Both known from the first answer on: the last event, and the first that is not hidden. */
  #head: Revision | undefined;
  #first: Revision = 0;
  /** 1 once damage was met: the events before it are then given one by one. */
  #eventsAtOnce = Number.POSITIVE_INFINITY;

  constructor(source: ReadSource, request: StreamReadRequest) {
    this.#source = source;
    this.#fetcher = new RunFetcher(source);
    this.#stream = request.stream;
    this.#direction = request.direction;
    this.#next = request.from;
    this.#eventsLeft = request.eventsMax;
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    for (;;) {
      let runs = await this.#ask(bytesMax);
      const beginning = this.#head === undefined ? await this.#begin(runs) : 'as asked';
      if (beginning === 'otherwise') continue;
      if (beginning !== 'as asked') return beginning;
      if (this.#isBeyondHead(runs)) continue;
      const before = this.#next;
      if (this.#eventsWanted > 0 && runs.runCount === 0 && runs.next === before) {
        if (await this.#isTombstoned(runs)) return { kind: 'stream-deleted' };
        runs = { ...runs, next: this.#direction === 'forwards' ? this.#head! + 1 : -1 };
      }
      try {
        const page = await this.#pageOf(runs);
        if (page.eventCount > 0 || page.isLast) return page;
        page.release();
        assert(this.#next !== before, 'a read gets on');
      } catch (error) {
        if (!isDamage(error) || this.#eventsAtOnce === 1) throw error;
        this.#eventsAtOnce = 1;
      }
    }
  }

  /** How many events to ask for; none if it is at its end. */
  get #eventsWanted(): number {
    return Math.max(0, Math.min(this.#eventsLeft, this.#eventsAtOnce, this.#eventsInRange));
  }

  #ask(bytesMax: number): Promise<StreamRuns> {
    return this.#source.lookup.lookup({
      stream: this.#stream,
      direction: this.#direction,
      from: this.#next,
      eventsMax: this.#eventsWanted,
      bytesMax,
    });
  }

  /** How many events there are at most where the read goes on. */
  get #eventsInRange(): number {
    const head = this.#head ?? Number.POSITIVE_INFINITY;
    return this.#direction === 'forwards' ? head - this.#next + 1 : this.#next - this.#first + 1;
  }

  /** Whether the answer goes on behind the head, as it begins with a later event than was asked for: those before are gone. Then less is to be asked for. */
  #isBeyondHead(runs: StreamRuns): boolean {
    if (this.#direction === 'backwards' || runs.runCount === 0 || runs.next <= this.#head! + 1) return false;
    const first = runs.next - eventsIn(runs);
    assert(first > this.#next, 'a read gets on');
    this.#next = first;
    return true;
  }

  /** Whether that is why nothing is left where the read goes on: since it began, a scavenge has taken it. */
  async #isTombstoned({ metadata }: StreamRuns): Promise<boolean> {
    return (await this.#source.rules.of(metadata)).isTombstoned;
  }

  /** Finds out what there is to read; `otherwise`: not what was asked for, as that begins or ends among what is hidden. */
  async #begin({ head, metadata }: StreamRuns): Promise<'as asked' | 'otherwise' | ReadAnswer> {
    const { rules: all } = this.#source;
    const rules = metadata === undefined ? NO_RULES : await all.of(metadata);
    if (rules.isTombstoned) return { kind: 'stream-deleted' };
    const first = rules === NO_RULES ? 0 : await all.firstVisible({ name: this.#stream, head }, rules);
    if (first > head) return { kind: 'stream-not-found', lastRevision: head };
    this.#head = head;
    this.#first = first;
    if (this.#direction === 'backwards') {
      this.#next = Math.min(this.#next, head);
      return first === 0 ? 'as asked' : 'otherwise';
    }
    if (this.#next >= first) return 'as asked';
    this.#next = first;
    return 'otherwise';
  }

  async #pageOf(runs: StreamRuns): Promise<ReadPage> {
    const { headroomBytes, pages } = this.#source;
    const isForwards = this.#direction === 'forwards';
    const recordBytes = runs.bytes.reduce((sum, bytes) => sum + bytes, 0);
    const ascending = new PageBuilder(pages, isForwards ? headroomBytes : 0, recordBytes);
    const fetching = this.#fetcher.fetch(runs, ascending);
    if (fetching !== undefined) await fetching;
    const eventCount = eventsIn(runs) - leaveOutRemoved(ascending, runs);
    const page = isForwards ? ascending : this.#turnedRound(ascending, runs);
    this.#next = runs.next;
    this.#eventsLeft -= eventCount;
    return page.page({ eventCount, ...this.#progress() });
  }

  /** The same records, those of each run from its last to its first. */
  #turnedRound(ascending: PageBuilder, runs: StreamRuns): PageBuilder {
    const { bytes, words } = ascending;
    const { copies, headroomBytes, pages } = this.#source;
    const page = new PageBuilder(pages, headroomBytes, ascending.at);
    let at = 0;
    for (let run = 0; run < runs.runCount; run++) {
      const end = at + runs.bytes[run]!;
      page.at += runs.bytes[run]!;
      // Filled from behind, so that one walk over the run's headers does.
      for (let to = page.at; at < end; ) {
        const length = occupiedBytes(words[(at >> 2) + LENGTH_WORD]!);
        to -= length;
        copies.add(at, to, length);
        at += length;
      }
      assert(at === end, 'a run holds whole records');
    }
    copies.copy(bytes, page.bytes);
    ascending.release();
    return page;
  }

  #progress(): Pick<ReadPage, 'next' | 'head' | 'isLast'> {
    const head = this.#head!;
    const isAtEnd = this.#direction === 'forwards' ? this.#next > head : this.#next < this.#first;
    const next = this.#next < this.#first ? Number.POSITIVE_INFINITY : this.#next;
    return { next, head, isLast: isAtEnd || this.#eventsLeft === 0 };
  }
}

function eventsIn({ events }: StreamRuns): number {
  return events.reduce((sum, count) => sum + count, 0);
}

/** Moves the records together that are still there, and makes the runs as much shorter; returns how many are not. */
function leaveOutRemoved(page: PageBuilder, runs: StreamRuns): number {
  const { bytes, words, start } = page;
  let removed = 0;
  let at = start;
  page.at = start;
  for (let run = 0; run < runs.runCount; run++) {
    const end = at + runs.bytes[run]!;
    let [kept, from] = [page.at, at];
    const keep = (to: number) => {
      if (kept < from && from < to) bytes.copyWithin(kept, from, to);
      kept += to - from;
    };
    while (at < end) {
      const next = at + occupiedBytes(words[(at >> 2) + LENGTH_WORD]!);
      if ((words[(at >> 2) + TYPE_WORD]! & 0xff) === RECORD_TYPE.removed) {
        keep(at);
        from = next;
        removed++;
      }
      at = next;
    }
    assert(at === end, 'a run holds whole records');
    keep(at);
    runs.bytes[run] = kept - page.at;
    page.at = kept;
  }
  return removed;
}

function isDamage(error: unknown): boolean {
  return error instanceof CairnError && error.code === 'log-corrupt';
}
