/**
 * Which setting is better, from a few rounds of each on a machine that others may use as well. Pure. What counts as a difference says
 * `bench/statistics/noise.ts`; here, what follows from it.
 */
import { differenceOf } from '../statistics/noise.js';
import { quantile } from '../statistics/spread.js';
import type { EngineRun, EngineRuns, LoadName } from './engine-runs.js';

/** What is looked at in a run; of times, the shorter is the better. */
export type Merit = readonly [load: LoadName, what: 'rate' | 'p50' | 'p99'];

/** What fewer than three rounds must show: such a difference is rarely noise. */
const FEW_ROUNDS_GAIN_MIN = 0.25;

/** How good a setting was, round by round, in all that is looked at: the geometric mean. Empty if one of these was not run. */
export function meritsOf(
  runs: Pick<EngineRuns, 'find'>,
  settings: EngineRun['settings'],
  merits: readonly Merit[],
): readonly number[] {
  const all = merits.map(([load, what]) =>
    (runs.find(settings, load)?.rounds ?? []).map((figures) => meritOf(figures, what)),
  );
  const rounds = Math.min(...all.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => {
    return all.reduce((product, each) => product * each[round]!, 1) ** (1 / all.length);
  });
}

function meritOf(figures: EngineRun['median'], what: Merit[1]): number {
  if (what === 'rate') return figures.eventsPerSecond;
  return 1 / Math.max(1, what === 'p50' ? figures.p50Us : figures.p99Us);
}

/** Whether `ones` are better than `others` by more than their rounds differ among themselves, and by enough to matter. */
export function isBetter(ones: readonly number[], others: readonly number[]): boolean {
  if (ones.length === 0 || others.length === 0) return false;
  const { change, verdict } = differenceOf(others, ones);
  return verdict === 'unknown' ? change > FEW_ROUNDS_GAIN_MIN : verdict === 'beyond' && change > 0;
}

/** Whether the one setting is at least as good as the other in each merit, at the median: what wins by one of them alone may have been lucky there. */
export function isNowhereWorse(
  runs: Pick<EngineRuns, 'find'>,
  one: EngineRun['settings'],
  other: EngineRun['settings'],
  merits: readonly Merit[],
): boolean {
  return merits.every((merit) => ratioOf(meritsOf(runs, one, [merit]), meritsOf(runs, other, [merit])) >= 1);
}

/** How many times as good, at the median; NaN if either is missing. */
export function ratioOf(ones: readonly number[], others: readonly number[]): number {
  return ones.length === 0 || others.length === 0 ? Number.NaN : quantile(ones, 0.5) / quantile(others, 0.5);
}

/** A candidate and its rates, round by round. */
export interface Candidate {
  readonly value: number;
  readonly rates: readonly number[];
}

/**
 * The smallest value that gives `share` of the best rate, as far as the rounds can tell: `proposed` gives way to a larger one only if it is
 * beyond doubt too slow, and to a smaller one only if that is beyond doubt fast enough. `candidates` are sorted, and none is without rates.
 */
export function smallestEnough(candidates: readonly Candidate[], proposed: number, share: number): number {
  const best = candidates.reduce((a, b) => (quantile(b.rates, 0.5) > quantile(a.rates, 0.5) ? b : a));
  const needed = best.rates.map((rate) => rate * share);
  const isTooSlow = ({ rates }: Candidate) => isBetter(needed, rates);
  const ofProposed = candidates.find(({ value }) => value === proposed)!;
  if (isTooSlow(ofProposed))
    return candidates.find((each) => each.value > proposed && !isTooSlow(each))?.value ?? best.value;
  const isEnough = ({ rates }: Candidate) => Math.min(...rates) >= Math.max(...needed);
  return candidates.find((each) => each.value < proposed && isEnough(each))?.value ?? proposed;
}
