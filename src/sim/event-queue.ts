/**
 * The simulation's future: a binary heap of what happens when, in virtual milliseconds. Pure. What is scheduled for the same
 * moment happens in the order of scheduling, so that a run is a function of its seed.
 */
import { assert } from '../base/assert.js';

/** Something that will happen. `cancelled` ones are dropped when their time comes. */
export interface ScheduledEvent {
  readonly timeMs: number;
  readonly sequence: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #sequence = 0;
  #nowMs = 0;

  /** Virtual time: that of the event that happens now, or happened last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** Schedules `run`; a time that has passed means as soon as possible. */
  at(timeMs: number, run: () => void): ScheduledEvent {
    assert(!Number.isNaN(timeMs), 'an event needs a time');
    const event = {
      timeMs: Math.max(timeMs, this.#nowMs),
      sequence: this.#sequence++,
      run,
      cancelled: false,
    };
    this.#push(event);
    return event;
  }

  after(delayMs: number, run: () => void): ScheduledEvent {
    return this.at(this.#nowMs + delayMs, run);
  }

  /** Moves time on to the next event, up to `limitMs`, and takes it out. Undefined: none before the limit, which is now. */
  next(limitMs: number): ScheduledEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.timeMs > limitMs) {
        this.#nowMs = Math.max(this.#nowMs, limitMs);
        return undefined;
      }
      this.#pop();
      if (first.cancelled) continue;
      this.#nowMs = first.timeMs;
      return first;
    }
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent]!;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.sequence < b.sequence);
}
