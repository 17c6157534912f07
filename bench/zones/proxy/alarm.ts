/**
 * A clock that wakes this thread to within some tens of microseconds, where the event loop's own timers are a millisecond coarse: another thread sleeps on
 * shared memory until the time and then sends a message. It learns how late its calls are, and calls by so much earlier.
 */
import { Worker } from 'node:worker_threads';
import { compiledBenchEntry } from '../compiled-entry.js';

/** The shared memory: a counter of settings (i32) and, at 8, the time to wake at (f64, ms on {@link monotonicMs}; infinity = never). */
export const ALARM = { bytes: 16, settings: 0, dueAt: 8 } as const;

/** A call may come so much too early and still counts: nothing here is known better. */
const EARLY_MS = 0.05;
/** By how much a call that was late, or early, moves the lead: the lead settles where half are late. */
const LEAD_STEP_MS = 0.002;
/** A call that is later than this says something about the machine, not about alarms. */
const LEAD_MAX_MS = 0.4;

/** Milliseconds on the clock that all threads and processes of a machine share. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export class Alarm {
  readonly #settings: Int32Array;
  readonly #due: Float64Array;
  readonly #worker: Worker;
  #dueMs = Number.POSITIVE_INFINITY;
  #leadMs = 0.1;

  /** `ring` is called when the time has come. */
  constructor(ring: () => void) {
    const memory = new SharedArrayBuffer(ALARM.bytes);
    this.#settings = new Int32Array(memory, ALARM.settings, 1);
    this.#due = new Float64Array(memory, ALARM.dueAt, 1);
    this.#due[0] = Number.POSITIVE_INFINITY;
    this.#worker = new Worker(compiledBenchEntry(new URL('./alarm-thread.js', import.meta.url)), {
      workerData: memory,
    });
    this.#worker.on('message', () => {
      this.#learn(monotonicMs() - this.#dueMs);
      this.#dueMs = Number.POSITIVE_INFINITY;
      ring();
    });
  }

  /** Counts as now for what is due: see {@link EARLY_MS}. */
  static get nowMs(): number {
    return monotonicMs() + EARLY_MS;
  }

  /** Ring at this time, and at no other. */
  set(dueMs: number): void {
    if (dueMs === this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#due[0] = dueMs - this.#leadMs;
    Atomics.add(this.#settings, 0, 1);
    Atomics.notify(this.#settings, 0);
  }

  #learn(lateMs: number): void {
    if (Math.abs(lateMs) > LEAD_MAX_MS || Number.isNaN(lateMs)) return;
    const leadMs = this.#leadMs + (lateMs > 0 ? LEAD_STEP_MS : -LEAD_STEP_MS);
    this.#leadMs = Math.min(LEAD_MAX_MS, Math.max(0, leadMs));
  }
}
