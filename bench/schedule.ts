/**
 * When the requests of an open loop ought to start: evenly spaced, whatever the answers do. Pure. A request's latency
 * counts from here, not from when the generator got round to sending it; otherwise a store that stalls would be asked less
 * often while it stalls, and the stall would count once instead of for everybody who had to wait (Gil Tene's "coordinated
 * omission").
 */

/** Evenly spaced intended starts: request k at `startUs + k / ratePerSecond`. */
export class Schedule {
  /** How many requests the schedule holds: those that are intended to start before its end. */
  readonly requests: number;
  private readonly intervalUs: number;

  /** `startUs`: intended start of request 0; `ratePerSecond` > 0; `lengthUs`: from the first start to the end. */
  constructor(
    private readonly startUs: number,
    ratePerSecond: number,
    lengthUs: number,
  ) {
    this.intervalUs = 1e6 / ratePerSecond;
    this.requests = Math.ceil(lengthUs / this.intervalUs);
  }

  /** When request `index` (from 0) ought to start. */
  intendedUs(index: number): number {
    return this.startUs + index * this.intervalUs;
  }

  /** How many requests ought to have started at `nowUs`. */
  dueBy(nowUs: number): number {
    if (nowUs < this.startUs) return 0;
    return Math.min(this.requests, Math.floor((nowUs - this.startUs) / this.intervalUs) + 1);
  }
}
