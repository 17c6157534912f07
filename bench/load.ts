/**
 * What the two load generators share: the plan of a run, its result, and a clock that is read once for many requests. The
 * generator runs on the main thread, beside what it measures in engine mode, so it must cost little: slots instead of
 * objects, one clock read for up to sixteen requests, no promise per request.
 */
import { performance } from 'node:perf_hooks';
import { CairnError } from '../src/base/errors.js';
import type { LatencyHistogram } from './latency-histogram.js';

/** What to do, in requests. */
export interface LoadPlan {
  /** Most requests open at once; also the number of slots. */
  readonly inFlight: number;
  /** How long to run before measuring. */
  readonly warmupUs: number;
  /** How long to measure. */
  readonly measureUs: number;
}

/** Sends the request of a slot. Its answer is reported by {@link Load.completed}, at once or later, exactly once. */
export type Submit = (slot: number) => void;

/** A generator of load. */
export interface Load {
  /** Runs to the end of the plan, all answers in. Throws `CairnError` code `timeout` if answers stay out. */
  run(): Promise<LoadResult>;
  /** The request of `slot` was answered; `succeeded` = it did what was asked. */
  completed(slot: number, succeeded: boolean): void;
}

/** What was measured. */
export interface LoadResult {
  /** Requests answered well while measuring. */
  readonly requests: number;
  /** Requests that failed, warm-up included. */
  readonly errors: number;
  /** How long the measurement took. */
  readonly seconds: number;
  readonly latency: LatencyHistogram;
}

/** How long after the planned end answers may stay out. A healthy node needs milliseconds; a stuck one never answers. */
export const GRACE_MS = 30_000;

/** At 300 ns a request a reading is then at most 5 µs old, which is nothing beside the latency that such a rate has. */
const READS_PER_REFRESH = 16;

/** Microseconds on a monotonic clock, now. */
export function nowUs(): number {
  return performance.now() * 1000;
}

/** A clock that is really read once per burst of answers and then every sixteenth time (a read costs 60 to 100 ns). */
export class BurstClock {
  private us = 0;
  private readsLeft = 0;

  constructor(private readonly source: () => number = nowUs) {}

  /** The time, at most a few requests old. */
  now(): number {
    if (this.readsLeft-- <= 0) {
      this.us = this.source();
      this.readsLeft = READS_PER_REFRESH - 1;
    }
    return this.us;
  }

  /** The next reading is a fresh one: call where time may have passed. */
  expire(): void {
    this.readsLeft = 0;
  }
}

/** The error of a run that some requests never came back to. */
export function unanswered(count: number): CairnError {
  const message = `${count} requests got no answer within ${GRACE_MS / 1000} s of the end of the run`;
  return new CairnError('timeout', message, { requests: count });
}
