/**
 * A process's sense of time: asks the core when it wants to be woken, and wakes it then by the node's own clock. Pure. Nothing polls: between
 * deadlines there are no events.
 */
import type { EventQueue, ScheduledEvent } from '../event-queue.js';
import type { SimulatedClock } from '../simulated-clock.js';

export interface ProcessTimerParts {
  readonly queue: EventQueue;
  readonly clock: SimulatedClock;
  /** When the core wants a tick at the latest, in local time. */
  readonly deadlineMs: () => number;
  readonly tick: () => void;
}

export class ProcessTimer {
  readonly #parts: ProcessTimerParts;
  #scheduled: ScheduledEvent | undefined;
  #isStopped = false;

  constructor(parts: ProcessTimerParts) {
    this.#parts = parts;
  }

  /** Local monotonic time. */
  get nowMs(): number {
    return this.#parts.clock.localMs(this.#parts.queue.nowMs);
  }

  /** The deadline may have changed. */
  schedule(): void {
    const { clock, queue } = this.#parts;
    if (this.#isStopped) return;
    const deadlineMs = this.#parts.deadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const atMs = Math.max(queue.nowMs, clock.virtualMs(deadlineMs));
    if (this.#scheduled !== undefined) {
      // One that comes too early puts itself off: cheaper than to cancel one at each step.
      if (this.#scheduled.timeMs <= atMs) return;
      this.#scheduled.cancelled = true;
    }
    this.#scheduled = queue.at(atMs, () => {
      this.#scheduled = undefined;
      this.wake();
    });
  }

  /** Ticks if it is time. */
  wake(): void {
    if (this.#isStopped) return;
    const { clock, queue } = this.#parts;
    const deadlineMs = this.#parts.deadlineMs();
    // Rounding must not make it a hair too early, and then again and again.
    if (queue.nowMs >= clock.virtualMs(deadlineMs)) clock.reach(deadlineMs);
    if (this.nowMs >= deadlineMs) this.#parts.tick();
    else this.schedule();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#scheduled !== undefined) this.#scheduled.cancelled = true;
    this.#scheduled = undefined;
  }

  /** After {@link stop}: the process goes on. */
  restart(): void {
    this.#isStopped = false;
    this.schedule();
  }
}
