/** Two result files side by side: what of their points differs beyond the noise, and what doesn't. Pure. The rule is that of statistics/noise.ts. */
import { type Difference, differenceOf, middleHalf } from '../statistics/noise.js';
import { labelOf } from './configuration.js';
import type { Measurement } from './measurement.js';
import { groupedByPoint, percentText } from './sweep-row.js';

/** What is compared, and whether more of it is better. */
const COMPARED = [
  { metric: 'eventsPerSecond', title: 'events/s', isMoreBetter: true },
  { metric: 'p50Us', title: 'p50 µs', isMoreBetter: false },
  { metric: 'p99Us', title: 'p99 µs', isMoreBetter: false },
  { metric: 'p50OverProbe', title: 'p50/probe', isMoreBetter: false },
  { metric: 'diskBytesPerRecordByte', title: 'disk/record', isMoreBetter: false },
] as const;

type ComparedMetric = (typeof COMPARED)[number]['metric'];

/** `better`, `worse`: beyond the noise. `same`: within it. `unknown`: too few repetitions. */
export type Outcome = 'better' | 'worse' | 'same' | 'unknown';

export interface ComparedMetricRow extends Omit<Difference, 'verdict'> {
  readonly what: string;
  readonly metric: ComparedMetric;
  readonly title: string;
  readonly outcome: Outcome;
}

export interface Comparison {
  readonly rows: readonly ComparedMetricRow[];
  /** Whether the bare disk was the same: over all measurements of the compared points. */
  readonly probe: Difference;
  /** Points that only one of the files has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
}

/** Compares points that both have; an open loop's rate is what was asked for, so only its latencies are. */
export function compare(before: readonly Measurement[], after: readonly Measurement[]): Comparison {
  const [old, fresh] = [groupedByPoint(before), groupedByPoint(after)];
  const common = [...old.keys()].filter((key) => fresh.has(key));
  return {
    rows: common.flatMap((key) => compareGroups(old.get(key)!, fresh.get(key)!)),
    probe: probeDifference(
      common.map((key) => old.get(key)!),
      common.map((key) => fresh.get(key)!),
    ),
    onlyBefore: labelsWithout(old, fresh),
    onlyAfter: labelsWithout(fresh, old),
  };
}

function compareGroups(before: readonly Measurement[], after: readonly Measurement[]): ComparedMetricRow[] {
  const point = before[0]!;
  const metrics = point.rate > 0 ? COMPARED.filter(({ metric }) => metric !== 'eventsPerSecond') : COMPARED;
  return metrics.map(({ metric, title, isMoreBetter }) => {
    const { verdict, ...difference } = differenceOf(valuesOf(before, metric), valuesOf(after, metric));
    const isBetter = difference.change > 0 === isMoreBetter;
    const outcome =
      verdict === 'beyond' ? (isBetter ? 'better' : 'worse') : verdict === 'within' ? 'same' : verdict;
    return { what: labelOf(point), metric, title, outcome, ...difference };
  });
}

/** Of all measurements, of which there are many: how the disk varied while they were made. */
function probeDifference(before: readonly Measurement[][], after: readonly Measurement[][]): Difference {
  const probes = (groups: readonly Measurement[][]) =>
    groups
      .flat()
      .filter(({ syncMode }) => syncMode === 'fdatasync')
      .map(({ probe4kP50Us }) => probe4kP50Us);
  return differenceOf(probes(before), probes(after), middleHalf);
}

function valuesOf(group: readonly Measurement[], metric: ComparedMetric): number[] {
  return group.map((measurement) => measurement[metric]);
}

function labelsWithout(
  groups: ReadonlyMap<string, Measurement[]>,
  others: ReadonlyMap<string, unknown>,
): string[] {
  return [...groups].filter(([key]) => !others.has(key)).map(([, group]) => labelOf(group[0]!));
}

const NOISE_RULE =
  'beyond the noise: the medians differ by more than the wider of the two ranges of repetitions, and by at least 5 %. ' +
  'With three repetitions each that happens by chance once in sixteen comparisons, with five once in three hundred; with fewer than three nothing is said.';

/** For people: first what is beyond the noise, then the rest, then what is in one of the files only. */
export function comparisonLines({ rows, probe, onlyBefore, onlyAfter }: Comparison): string[] {
  const width = Math.max(4, ...rows.map(({ what }) => what.length));
  const isTold = ({ outcome }: ComparedMetricRow) => outcome === 'better' || outcome === 'worse';
  const lineOf = ({ what, title, before, after, change, noise, outcome }: ComparedMetricRow) =>
    [
      outcome.padEnd(7),
      what.padEnd(width),
      title.padEnd(11),
      numberText(before).padStart(11),
      numberText(after).padStart(11),
      signed(change).padStart(8),
      `± ${percentText(noise)}`.padStart(7),
    ].join('  ');
  const head = [
    'result '.padEnd(7),
    'what'.padEnd(width),
    'of'.padEnd(11),
    'A'.padStart(11),
    'B'.padStart(11),
    'B/A − 1'.padStart(8),
    'noise'.padStart(7),
  ];
  const told = rows.filter(isTold);
  const unknown = rows.filter(({ outcome }) => outcome === 'unknown').length;
  return [
    NOISE_RULE,
    `the bare disk (4 KiB): ${numberText(probe.before)} µs in A, ${numberText(probe.after)} µs in B: ${probeText(probe)}`,
    `${rows.length} comparisons: ${told.length} beyond the noise, ${rows.length - told.length - unknown} within it, ${unknown} with too few repetitions`,
    '',
    head.join('  '),
    ...[...told, ...rows.filter((row) => !isTold(row))].map(lineOf),
    ...onlyBefore.map((what) => `only in A: ${what}`),
    ...onlyAfter.map((what) => `only in B: ${what}`),
  ];
}

function probeText({ verdict, change }: Difference): string {
  if (verdict === 'unknown') return 'too few measurements to say whether that differs';
  if (verdict === 'within') return 'within its own spread';
  return `${signed(change)}, beyond its own spread: look at the ratios to the probe, not at the rates`;
}

function numberText(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function signed(change: number): string {
  const percent = Math.round(change * 100);
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${Math.abs(percent)} %`;
}
