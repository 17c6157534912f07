/** Distributions of durations that the model draws from, and percentiles of what it has drawn. Pure. */
import type { Random } from '../../src/sim/random.js';

/** A draw, in milliseconds. */
export type Draw = (random: Random) => number;

/** The 99th percentile of the standard normal distribution. */
const NORMAL_P99 = 2.326_348;

function constant(ms: number): Draw {
  return () => ms;
}

/** Log-normal with this median and 99th percentile, as times of disks and programs are, roughly; a constant if both are equal. */
export function logNormal(p50Ms: number, p99Ms: number): Draw {
  if (p50Ms === 0 || p99Ms <= p50Ms) return constant(p50Ms);
  const sigma = Math.log(p99Ms / p50Ms) / NORMAL_P99;
  return (random) => p50Ms * Math.exp(sigma * normal(random));
}

/** Box and Muller, "A note on the generation of random normal deviates", 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
}

/** By nearest rank: the least value that `percentile` per cent of the values do not exceed. `sorted` rises; of nothing it is 0. */
export function percentileOf(sorted: ArrayLike<number>, percentile: number): number {
  const rank = Math.ceil((percentile / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? 0;
}

/** A copy in rising order. */
export function rising(values: readonly number[] | Float64Array): Float64Array {
  return Float64Array.from(values).sort();
}
