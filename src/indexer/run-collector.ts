/**
 * Gathers events of one stream into runs, until a page is full. A run is a stretch of the log that holds nothing but
 * consecutive events of the stream: it is copied to a reader in one piece, and a stream that is written in batches has few. Pure;
 * lives in the index thread, and is used again and again without allocating.
 */
import type { Position } from '../base/units.js';
import type { EventTaker } from '../index/event-taker.js';
import type { Direction } from './commands.js';

/** Most runs of a page: 16 KiB of answer. A stream with an event here and there gets pages of as many events. */
export const RUNS_MAX = 1024;

export class RunCollector implements EventTaker {
  /** By run, in the order of reading: where it starts in the log, its bytes, its events. */
  readonly positions = new Float64Array(RUNS_MAX);
  readonly bytes = new Uint32Array(RUNS_MAX);
  readonly events = new Uint32Array(RUNS_MAX);
  runCount = 0;
  #eventsLeft = 0;
  #bytesLeft = 0;
  #isForwards = true;
  /** Where the next event must begin (backwards: end) to belong to the last run. */
  #edge: Position = -1;

  /** Starts a page of at most so many events and bytes; one event is always taken, however large. */
  begin(direction: Direction, eventsMax: number, bytesMax: number): void {
    this.runCount = 0;
    this.#eventsLeft = eventsMax;
    this.#bytesLeft = bytesMax;
    this.#isForwards = direction === 'forwards';
    this.#edge = -1;
  }

  /** Takes the next event in the order of reading; false if the page is full without it. */
  add(position: Position, bytes: number): boolean {
    if (this.#eventsLeft === 0) return false;
    if (bytes > this.#bytesLeft && this.runCount > 0) return false;
    const end = position + bytes;
    if ((this.#isForwards ? position : end) === this.#edge) {
      const last = this.runCount - 1;
      if (!this.#isForwards) this.positions[last] = position;
      this.bytes[last]! += bytes;
      this.events[last]!++;
    } else {
      if (this.runCount === RUNS_MAX) return false;
      this.positions[this.runCount] = position;
      this.bytes[this.runCount] = bytes;
      this.events[this.runCount++] = 1;
    }
    this.#edge = this.#isForwards ? end : position;
    this.#eventsLeft--;
    this.#bytesLeft -= bytes;
    return true;
  }
}
