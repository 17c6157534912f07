/** What main sees of the writer thread: start it, be told if it dies, have the log cut. All else goes through the ring. */
import type { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import type { Position } from '../base/units.js';
import type { Truncation } from '../log/truncation.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, type RingDescriptor, RingMemory } from '../ring/layout.js';
import { startThread, type ThreadEvents } from '../ring/thread-start.js';
import type { WriterOptions } from './commands.js';

/** The running writer thread. */
export class WriterProxy {
  readonly worker: Worker;
  readonly #control: Int32Array;
  readonly #bell: Doorbell;
  readonly #ring: RingDescriptor;
  #truncated: ((truncation: Truncation) => void) | undefined;

  constructor(options: WriterOptions, events: ThreadEvents) {
    this.#ring = options.ring;
    this.#control = new RingMemory(options.ring).control;
    this.#bell = new Doorbell(this.#control, CONTROL.writerBell);
    this.worker = startThread(new URL('./thread.js', import.meta.url), 'writer', options, events);
    this.worker.on('message', (truncation: Truncation) => this.#truncated?.(truncation));
  }

  /**
   * Cuts the log at `to`. All that is published must be durable, and nothing may be published until {@link endTruncation}, which is due
   * when `done` was called.
   */
  truncate(to: Position, done: (truncation: Truncation) => void): void {
    assert(this.#truncated === undefined, 'one truncation at a time');
    this.#truncated = done;
    new Cursor(this.#control, CONTROL.truncateTo, this.#ring.start).store(to);
    Atomics.store(this.#control, CONTROL.truncating, 1);
    this.#bell.ring();
  }

  /** `published` stands where the log ends now: the writer goes on from there. */
  endTruncation(): void {
    this.#truncated = undefined;
    Atomics.store(this.#control, CONTROL.truncating, 0);
    this.#bell.ring();
  }
}

/** Starts the writer thread. It ends when the ring is stopping and all that is published is durable. */
export function startWriter(options: WriterOptions, events: ThreadEvents): WriterProxy {
  return new WriterProxy(options, events);
}
