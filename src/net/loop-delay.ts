/** The event loop's delay, for /metrics: how late timers are, which is how long everything else waits. Main thread. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often it is measured. What is recorded is the time between two looks, so that much of it is no delay. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Quantile in (0, 1] → seconds, since the last call. */
  take(quantiles: readonly number[]): ReadonlyMap<number, number> {
    const taken = new Map(quantiles.map((quantile) => [quantile, this.#seconds(quantile)]));
    this.#histogram.reset();
    return taken;
  }

  stop(): void {
    this.#histogram.disable();
  }

  #seconds(quantile: number): number {
    if (this.#histogram.count === 0) return 0;
    return Math.max(0, this.#histogram.percentile(quantile * 100) / NANOSECONDS - RESOLUTION_MS / 1000);
  }
}
