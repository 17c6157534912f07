/**
 * Whether two sets of repetitions differ by more than repetitions of the same differ among themselves. Pure. The rule: the medians differ by
 * more than the wider of the two ranges (most − least), and by at least 5 %. Between three and three repetitions of the same thing that
 * happens once in sixteen times by chance, between five and five once in three hundred (by simulation, normal noise). Between two and
 * two it would be once in five: with fewer than three nothing is said.
 */
import { median, quantile, spreadOf } from './spread.js';

/** Less than this is not worth a word on any machine that others use, too. */
const RELATIVE_DIFFERENCE_MIN = 0.05;

/** With fewer repetitions a difference means nothing. */
const REPETITIONS_MIN = 3;

export interface Difference {
  readonly before: number;
  readonly after: number;
  /** `after / before − 1`; 0 if both are 0. */
  readonly change: number;
  /** The wider of the two, as a share of `before`. */
  readonly noise: number;
  /** `unknown`: one of the sets has fewer than three values. */
  readonly verdict: 'within' | 'beyond' | 'unknown';
}

/**
 * Compares the medians of `before` and `after`, neither empty. `widthOf`: how wide a set is. By default from its least to its most, which is
 * right for a few repetitions; of many values that only grows, and {@link middleHalf} says more.
 */
export function differenceOf(
  before: readonly number[],
  after: readonly number[],
  widthOf: (values: readonly number[]) => number = rangeOf,
): Difference {
  const [from, to] = [median(before), median(after)];
  const noise = Math.max(widthOf(before), widthOf(after));
  const change = to === from ? 0 : (to - from) / Math.abs(from);
  const isBeyond = Math.abs(to - from) > noise && Math.abs(change) >= RELATIVE_DIFFERENCE_MIN;
  const isKnown = before.length >= REPETITIONS_MIN && after.length >= REPETITIONS_MIN;
  const verdict = isKnown ? (isBeyond ? 'beyond' : 'within') : 'unknown';
  return { before: from, after: to, change, noise: noise === 0 ? 0 : noise / Math.abs(from), verdict };
}

/** The range of the half of the values that lies in the middle. */
export function middleHalf(values: readonly number[]): number {
  return quantile(values, 0.75) - quantile(values, 0.25);
}

function rangeOf(values: readonly number[]): number {
  const { least, most } = spreadOf(values);
  return most - least;
}
