/**
 * Counts latencies and answers with percentiles. Recording must cost next to nothing at several million a second, on the
 * thread that is being measured: up to 65 ms it is one increment in a flat array with a slot per microsecond (2 ns; the
 * library's own record costs 27 to 100), and only what is slower goes to the HDR histogram straight away. The flat
 * part is poured into the HDR histogram, which knows how to count percentiles, before the first question.
 */
import { build } from 'hdr-histogram-js';

/** One slot a microsecond. 65,536 slots are 256 KiB, which stays in the second-level cache; few requests take longer. */
const EXACT_BELOW_US = 65_536;
/** Ten minutes: longer than any run here waits for an answer. Beyond it a latency counts as this. */
const LATENCY_MAX_US = 600_000_000;
/** Three digits: 0.1 % off at most, well below the noise of a shared machine. */
const SIGNIFICANT_DIGITS = 3;

/** Latencies in whole microseconds. */
export class LatencyHistogram {
  private readonly counts = new Uint32Array(EXACT_BELOW_US);
  private readonly histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_US,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  private poured = true;

  /** Counts one latency, rounded to a microsecond; a negative one (a clock read in between) counts as 0. */
  record(latencyUs: number): void {
    const rounded = (latencyUs + 0.5) | 0;
    if (rounded >= 0 && rounded < EXACT_BELOW_US && latencyUs < EXACT_BELOW_US) {
      this.counts[rounded]!++;
      this.poured = false;
    } else {
      this.recordOutlier(latencyUs);
    }
  }

  /** How many latencies were recorded. */
  get count(): number {
    this.pour();
    return this.histogram.totalCount;
  }

  /** The latency in µs that `percentile` per cent of the requests did not exceed; 0 if nothing was recorded. */
  percentileUs(percentile: number): number {
    this.pour();
    return this.histogram.totalCount === 0 ? 0 : this.histogram.getValueAtPercentile(percentile);
  }

  get maxUs(): number {
    this.pour();
    return this.histogram.maxValue;
  }

  private recordOutlier(latencyUs: number): void {
    this.histogram.recordValue(Math.min(Math.max(Math.round(latencyUs), 0), LATENCY_MAX_US));
  }

  private pour(): void {
    if (this.poured) return;
    for (let us = 0; us < EXACT_BELOW_US; us++) {
      const count = this.counts[us]!;
      if (count > 0) this.histogram.recordValueWithCount(us, count);
    }
    this.counts.fill(0);
    this.poured = true;
  }
}
