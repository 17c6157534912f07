/**
 * The faults that are going on: each has an end, by itself or when the calm comes, whichever is first. Pure.
 */
import type { EventQueue } from '../event-queue.js';

interface ActiveFault {
  readonly undo: () => void;
}

export class ActiveFaults {
  readonly #queue: EventQueue;
  readonly #active = new Set<ActiveFault>();

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** `undo` is called once, after so long or when everything heals. */
  add(durationMs: number, undo: () => void): void {
    const fault = { undo };
    this.#active.add(fault);
    this.#queue.after(durationMs, () => this.#end(fault));
  }

  /** Repeats `act` every so often, until the fault ends. */
  repeat(durationMs: number, periodMs: () => number, act: () => void): void {
    let isOver = false;
    const turn = (): void => {
      if (isOver) return;
      act();
      this.#queue.after(periodMs(), turn);
    };
    this.add(durationMs, () => {
      isOver = true;
    });
    turn();
  }

  healAll(): void {
    for (const fault of [...this.#active]) this.#end(fault);
  }

  #end(fault: ActiveFault): void {
    if (this.#active.delete(fault)) fault.undo();
  }
}
