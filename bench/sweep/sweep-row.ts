/** Repetitions of a point put together: the median of everything, and how far they spread. Pure. */
import { rounded } from '../rounded.js';
import { median, relativeRange, type Spread, spreadOf } from '../statistics/spread.js';
import type { StageTime } from '../statistics/write-stages.js';
import { type Configuration, configurationOf, keyOf, labelOf } from './configuration.js';
import type { Measurement, SizeCount } from './measurement.js';

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
  /** Of all repetitions: means of all writes, medians of the medians. */
  readonly stages: readonly StageTime[];
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
    percentiles: percentilesOf(group),
    sizes: sizesOf(group),
    stages: stagesOf(group),
  };
}

/** Those that every repetition had enough requests for. */
function percentilesOf(group: readonly Measurement[]): Measurement['percentiles'] {
  const all = group.map(({ percentiles }) => new Map(percentiles));
  return group[0]!.percentiles
    .filter(([percent]) => all.every((each) => each.has(percent)))
    .map(([percent]) => [percent, median(all.map((each) => each.get(percent)!))] as const);
}

function sizesOf(group: readonly Measurement[]): SizeCount[] {
  const sums = new Map<number, SizeCount>();
  for (const size of group.flatMap(({ sizes }) => sizes)) {
    const batches = size.batches + (sums.get(size.fromBytes)?.batches ?? 0);
    sums.set(size.fromBytes, { ...size, batches });
  }
  return [...sums.values()].sort((a, b) => a.fromBytes - b.fromBytes);
}

/** Members change from run to run, as nodes listen wherever there is room: they count by their place. */
function stagesOf(group: readonly Measurement[]): StageTime[] {
  const byStage = new Map<string, StageTime[]>();
  for (const { stages } of group) {
    const members = [...new Set(stages.map(({ member }) => member))];
    for (const time of stages) {
      const key = `${time.stage} ${members.indexOf(time.member)}`;
      byStage.set(key, [...(byStage.get(key) ?? []), time]);
    }
  }
  return [...byStage.values()].map((times) => {
    const writes = times.reduce((sum, time) => sum + time.writes, 0);
    const meanUs = times.reduce((sum, time) => sum + time.meanUs * time.writes, 0) / writes;
    return { ...times[0]!, writes, meanUs, p50Us: median(times.map(({ p50Us }) => p50Us)) };
  });
}

/** Beyond it a run compares nothing: the machine did other things meanwhile. */
const RESTLESS = 0.3;

/** In a sentence: how far repetitions of the same differ, and what that means. Undefined if nothing was repeated. */
export function noiseSentence(rows: readonly SweepRow[]): string | undefined {
  const repeated = rows.filter(({ rate, eventsPerSecond }) => rate === 0 && eventsPerSecond.count > 1);
  if (repeated.length === 0) return undefined;
  const typical = median(repeated.map(({ eventsPerSecond }) => relativeRange(eventsPerSecond)));
  const told = `Repetitions of a point differ by ${percentText(typical)} in events a second (median over the points).`;
  if (typical <= RESTLESS) return told;
  return `${told} The machine did other things meanwhile: these numbers say little in either direction.`;
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
