/** The middle of some values, and how far they spread. Pure. */

/** The value that `share` of the sorted values do not exceed, between two neighbours in proportion (R's type 7); NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

/** The middle value; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** What repetitions of the same measurement gave. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** How many values there were. */
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    count: values.length,
  };
}

/** From the least to the most, as a share of the median; 0 of one value. */
export function relativeRange({ median: middle, least, most }: Spread): number {
  return most === least ? 0 : (most - least) / Math.abs(middle);
}
