/**
 * Who follows the log as it is committed, and in which order they get on. Main thread. Readers that have everything wait here: those of the whole
 * log for the next commit, those of a stream for its next event. A commit costs one walk over its records, whoever waits; who is woken gets
 * on in turns, some in each turn of the event loop, so that a thousand of them don't hold up an append.
 */
import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import type { RecordKernel } from '../base/ports.js';
import { earlier, FIRST_POSITION, type Position } from '../base/units.js';
import { occupiedBytes, RECORD } from '../log/record.js';
import type { LogTail } from './log-bytes.js';
import type { ReadPage } from './read-page.js';
import { StreamTails, type Wake } from './stream-tails.js';

/** Woken in one turn of the event loop: to make and send as many pages takes less than a millisecond. */
const WAKES_PER_TURN = 32;
/** Walked over in one turn: some 15,000 of the usual events, under a millisecond. */
const WALK_BYTES_MAX = 4 * 1024 * 1024;
/** Events that one search finds, before they are noted and the next one begins. */
const FOUND_MAX = 1024;

const LENGTH_WORD = RECORD.length / 4;

export class LiveFeed {
  /** What streams that are followed got lately. */
  readonly streams: StreamTails;
  /** The page of the whole log that was given last, small and up to what is committed: those who want the same get it, too. */
  shared: { readonly from: Position; readonly page: ReadPage } | undefined;
  readonly #tail: LogTail;
  readonly #kernel: RecordKernel;
  readonly #committed: () => Position;
  readonly #found = new Int32Array(1 + FOUND_MAX);
  /** Up to here `streams` knows what was committed. */
  #walked: Position = FIRST_POSITION;
  #waiting = new Set<Wake>();
  /** In the order in which they get on. */
  readonly #woken = new Set<Wake>();
  #isScheduled = false;
  #end: CairnError | undefined;

  constructor(tail: LogTail, kernel: RecordKernel, committed: () => Position) {
    this.#tail = tail;
    this.#kernel = kernel;
    this.#committed = committed;
    this.streams = new StreamTails(
      tail.memory,
      (wake) => this.#wake(wake),
      () => this.#begin(),
    );
  }

  /** Why nobody can follow any more; undefined if they can. */
  get end(): CairnError | undefined {
    return this.#end;
  }

  /** Nothing will be committed here any more: all who follow learn why. */
  endAll(error: CairnError): void {
    this.#end = error;
    this.streams.missed();
    this.#schedule();
  }

  /** Something was committed. */
  advanced(): void {
    if (this.#waiting.size > 0 || this.streams.size > 0) this.#schedule();
  }

  /** Calls back once, some time after the next commit. The caller has all that is committed. */
  wait(wake: Wake): void {
    this.#waiting.add(wake);
  }

  /** It waits no more. */
  forget(wake: Wake): void {
    this.#waiting.delete(wake);
    this.#woken.delete(wake);
  }

  /** The first stream is followed, from what is committed now. */
  #begin(): void {
    this.#walked = this.#committed();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Behind the answers to those whose appends were committed.
    setImmediate(this.#pump);
  }

  readonly #pump = (): void => {
    const isUpToDate = this.streams.size === 0 || this.#walk();
    if (this.#waiting.size > 0) {
      for (const wake of this.#waiting) this.#woken.add(wake);
      this.#waiting.clear();
    }
    let count = 0;
    for (const wake of this.#woken) {
      if (count++ === WAKES_PER_TURN) break;
      this.#woken.delete(wake);
      wake();
    }
    this.#isScheduled = false;
    if (this.#woken.size > 0 || !isUpToDate) this.#schedule();
  };

  #wake(wake: Wake): void {
    this.#woken.add(wake);
    this.#schedule();
  }

  /** Tells `streams` of the events that were committed since the last time; false if that were too many for one turn. */
  #walk(): boolean {
    const committed = this.#committed();
    if (this.#walked < this.#tail.floor) {
      // They are out of the ring already: those who follow streams have to look for themselves.
      this.streams.missed();
      this.#walked = committed;
      return true;
    }
    const end = earlier(committed, this.#walked + WALK_BYTES_MAX);
    let position = this.#walked;
    while (position < end) position += this.#note(position, end);
    assert(position <= committed, 'committed stands between records');
    this.#walked = position;
    return position === committed;
  }

  /** Notes events from `position` on, up to `end` at most; returns how many bytes were walked over. */
  #note(position: Position, end: Position): number {
    const { memory } = this.#tail;
    const { bytes, words } = memory;
    const found = this.#found;
    const at = memory.offsetOf(position);
    const length = Math.min(end - position, memory.descriptor.ringBytes - at);
    const count = this.#kernel.findEvents(bytes, at, length, { filter: this.streams.filter, found });
    for (let i = 1; i <= count; i++) {
      const event = found[i]!;
      const occupied = occupiedBytes(words[((at + event) >> 2) + LENGTH_WORD]!);
      this.streams.note(at + event, position + event, occupied);
    }
    return found[0]!;
  }
}
