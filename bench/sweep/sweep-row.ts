/** Repetitions of a point put together: the median of everything, and how far they spread. Pure. */
import { rounded } from '../rounded.js';
import type { SizeCount } from '../statistics/batch-samples.js';
import { median, relativeRange, type Spread, spreadOf } from '../statistics/spread.js';
import { type Configuration, configurationOf, keyOf, labelOf } from './configuration.js';
import type { Measurement } from './measurement.js';

/** The numbers of a measurement that repetitions are compared by. */
export const METRICS = [
  'eventsPerSecond',
  'p50Us',
  'p99Us',
  'p999Us',
  'p50OverProbe',
  'recordMBps',
  'recordMBpsOverProbe',
  'probe4kP50Us',
  'probe1mMBps',
  'diskBytesPerRecordByte',
  'batchBytes',
  'batchUs',
  'syncUs',
] as const satisfies readonly (keyof Measurement)[];

export type Metric = (typeof METRICS)[number];

export interface SweepRow extends Configuration, Readonly<Record<Metric, Spread>> {
  readonly kind: 'row';
  /** The point in words. */
  readonly what: string;
  /** Requests that failed, in all repetitions. */
  readonly errors: number;
  /** Medians over the repetitions. */
  readonly percentiles: Measurement['percentiles'];
  /** Batches by size, of all repetitions. */
  readonly sizes: readonly SizeCount[];
}

/** One row for each point, in the order in which the points first occur. */
export function rowsOf(measurements: readonly Measurement[]): SweepRow[] {
  return [...groupedByPoint(measurements).values()].map(rowOf);
}

/** Key of a point → its measurements. */
export function groupedByPoint(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const key = keyOf(measurement);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [measurement]);
    else group.push(measurement);
  }
  return groups;
}

function rowOf(group: readonly Measurement[]): SweepRow {
  const first = group[0]!;
  const spreads = METRICS.map((metric) => [metric, spreadOf(group.map((each) => each[metric]))] as const);
  return {
    kind: 'row',
    what: labelOf(first),
    ...configurationOf(first),
    ...(Object.fromEntries(spreads) as Record<Metric, Spread>),
    errors: group.reduce((sum, { errors }) => sum + errors, 0),
    percentiles: first.percentiles.map(([percent], index) => {
      return [percent, median(group.map(({ percentiles }) => percentiles[index]![1]))] as const;
    }),
    sizes: sizesOf(group),
  };
}

function sizesOf(group: readonly Measurement[]): SizeCount[] {
  const counts = new Map<number, number>();
  for (const { fromBytes, batches } of group.flatMap(({ sizes }) => sizes)) {
    counts.set(fromBytes, (counts.get(fromBytes) ?? 0) + batches);
  }
  return [...counts].sort(([a], [b]) => a - b).map(([fromBytes, batches]) => ({ fromBytes, batches }));
}

type Column = readonly [title: string, width: number, cell: (row: SweepRow) => string];

const COLUMNS: readonly Column[] = [
  ['events/s', 10, (row) => Math.round(row.eventsPerSecond.median).toLocaleString('en')],
  ['spread', 7, (row) => percentText(relativeRange(row.eventsPerSecond))],
  ['p50 µs', 8, (row) => whole(row.p50Us)],
  ['spread', 7, (row) => percentText(relativeRange(row.p50Us))],
  ['p99 µs', 8, (row) => whole(row.p99Us)],
  ['p50/probe', 9, (row) => String(rounded(row.p50OverProbe.median, 2))],
  ['probe 4k µs', 11, (row) => String(rounded(row.probe4kP50Us.median, 1))],
  ['spread', 7, (row) => percentText(relativeRange(row.probe4kP50Us))],
  ['probe MB/s', 10, (row) => whole(row.probe1mMBps)],
  ['record MB/s', 11, (row) => String(rounded(row.recordMBps.median, 1))],
  ['batch KiB', 9, (row) => String(rounded(row.batchBytes.median / 1024, 1))],
  ['disk/record', 11, (row) => String(rounded(row.diskBytesPerRecordByte.median, 2))],
  ['runs', 4, (row) => String(row.eventsPerSecond.count)],
  ['errors', 6, (row) => String(row.errors)],
];

/** All rows as the lines of a table. `spread`: from the least to the most of the repetitions, as a share of the median before it. */
export function tableLines(rows: readonly SweepRow[]): string[] {
  const width = Math.max(4, ...rows.map(({ what }) => what.length));
  const head = ['what'.padEnd(width), ...COLUMNS.map(([title, columnWidth]) => title.padStart(columnWidth))];
  const lines = rows.map((row) => [
    row.what.padEnd(width),
    ...COLUMNS.map(([, columnWidth, cell]) => cell(row).padStart(columnWidth)),
  ]);
  return [head, ...lines].map((cells) => cells.join('  '));
}

function whole(spread: Spread): string {
  return String(Math.round(spread.median));
}

/** A share in per cent, without digits that mean nothing. */
export function percentText(share: number): string {
  return `${Math.round(share * 100)} %`;
}
