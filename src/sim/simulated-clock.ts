/**
 * A node's clocks, as wrong as clocks are: the monotonic one starts anywhere, and runs a little too fast or too slow, but never
 * goes back; the wall clock jumps besides. Pure: both are computed from virtual time. The core sees the monotonic one only; wall time goes
 * into records, for people to read.
 */
const US_PER_MS = 1000;
/** 2026-01-01: any time will do that looks like one in records. */
const WALL_START_US = 1_767_225_600_000_000;

export class SimulatedClock {
  #offsetMs: number;
  #rate = 1;
  /** Virtual time since when the present rate counts. */
  #sinceMs = 0;
  #wallOffsetUs = 0;
  /** The latest local time that was given out. */
  #latestMs = 0;

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  /** Local monotonic time at this virtual time. */
  localMs(virtualMs: number): number {
    this.#latestMs = Math.max(this.#latestMs, this.#read(virtualMs));
    return this.#latestMs;
  }

  /** When the local clock will show `localMs`, at its present rate. */
  virtualMs(localMs: number): number {
    return this.#sinceMs + (localMs - this.#offsetMs) / this.#rate;
  }

  /** A tick that was wanted at `localMs` has come: rounding must not let it be a hair too early. */
  reach(localMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, localMs);
  }

  wallUs(virtualMs: number): number {
    return Math.max(0, Math.floor(WALL_START_US + this.#wallOffsetUs + virtualMs * US_PER_MS));
  }

  /** From now on the monotonic clock runs `rate` times as fast as virtual time. */
  drift(virtualMs: number, rate: number): void {
    this.#offsetMs = this.#read(virtualMs);
    this.#sinceMs = virtualMs;
    this.#rate = rate;
  }

  /** Somebody sets the wall clock. */
  jump(byUs: number): void {
    this.#wallOffsetUs += byUs;
  }

  #read(virtualMs: number): number {
    return this.#offsetMs + (virtualMs - this.#sinceMs) * this.#rate;
  }
}
