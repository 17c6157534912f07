/** The plots of a suite's report: which rows and which of their numbers go into each. Pure. A plot without rows is undefined. */
import { barPlot, histogram } from '../../src/plot/bar-plot.js';
import { linePlot, type Point, type Series } from '../../src/plot/line-plot.js';
import { formatQuantity } from '../../src/plot/quantity.js';
import type { Spread } from '../statistics/spread.js';
import { BASE, type Configuration, keyOf, labelOf, sizeText } from './configuration.js';
import type { Measurement } from './measurement.js';
import type { Metric, SweepRow } from './sweep-row.js';
import { FOR_RUNNING_NODES, pointsOf, type SweepName } from './sweeps.js';
import type { SyncFit } from './sync-fits.js';

const EVENTS_A_SECOND = { label: 'events a second, acknowledged', unit: 'count', scale: 'log' } as const;
const LATENCY = { label: 'time to the answer', unit: 'microseconds', scale: 'log' } as const;

/** The rows of a sweep, whichever extent it had. Of nodes at `--url` alone: what they were asked of that sweep. */
export function rowsOfSweep(rows: readonly SweepRow[], name: SweepName): SweepRow[] {
  const points = [...pointsOf(name, 'full'), ...pointsOf(name, 'quick')];
  const exact = matching(rows, points, keyOf);
  if (exact.length > 0 || !FOR_RUNNING_NODES.has(name) || rows.some(({ mode }) => mode === 'engine'))
    return exact;
  return matching(rows, points, (point) => keyOf({ ...point, mode: 'ws', nodes: 0 }));
}

function matching(
  rows: readonly SweepRow[],
  points: readonly Configuration[],
  identity: (point: Configuration) => string,
): SweepRow[] {
  const wanted = new Set(points.map(identity));
  return rows.filter((row) => wanted.has(identity(row)));
}

/** Closed loops of small events over in-flight: in process, over ws, three nodes. */
function inFlightGroups(rows: readonly SweepRow[]): { readonly name: string; readonly rows: SweepRow[] }[] {
  const asBase = (row: SweepRow) =>
    keyOf({ ...row, inFlight: 0, mode: 'engine', nodes: 1 }) === keyOf({ ...BASE, inFlight: 0 });
  const plain = rows.filter(asBase).sort((a, b) => a.inFlight - b.inFlight);
  const names = [...new Set(plain.map(groupName))];
  return names.map((name) => ({ name, rows: plain.filter((row) => groupName(row) === name) }));
}

function groupName({ mode, nodes }: Configuration): string {
  return mode === 'engine' ? 'in process' : nodes === 1 ? 'one node, ws' : `${nodes} nodes, ws`;
}

function ticksOf(values: readonly number[], text: (value: number) => string = String) {
  return [...new Set(values)].sort((a, b) => a - b).map((at) => ({ at, text: text(at) }));
}

function point(x: number, { median: y, least: low, most: high }: Spread): Point {
  return { x, y, low, high };
}

export function throughputPlot(rows: readonly SweepRow[]): string | undefined {
  const groups = inFlightGroups(rows);
  if (groups.length === 0) return undefined;
  const series = groups.map(({ name, rows: group }) => {
    return { name, points: group.map((row) => point(row.inFlight, row.eventsPerSecond)) };
  });
  const ticks = ticksOf(groups.flatMap((group) => group.rows.map(({ inFlight }) => inFlight)));
  const x = { label: 'requests in flight', unit: 'plain', scale: 'log', ticks } as const;
  return linePlot({ title: 'Throughput against requests in flight', x, y: EVENTS_A_SECOND, series });
}

export function latencyPlot(rows: readonly SweepRow[]): string | undefined {
  const groups = inFlightGroups(rows);
  if (groups.length === 0) return undefined;
  const series = groups.flatMap(({ name, rows: group }, colour): Series[] => [
    { name: `${name}, p50`, colour, points: group.map((row) => point(row.inFlight, row.p50Us)) },
    {
      name: 'p99',
      colour,
      as: 'dashed',
      points: group.map((row) => ({ x: row.inFlight, y: row.p99Us.median })),
    },
  ]);
  const ticks = ticksOf(groups.flatMap((group) => group.rows.map(({ inFlight }) => inFlight)));
  const x = { label: 'requests in flight', unit: 'plain', scale: 'log', ticks } as const;
  return linePlot({ title: 'Latency against requests in flight', x, y: LATENCY, series });
}

/** Curves as in HdrHistogram's plots: each step to the right is a tenth of the requests before it. */
export function percentilePlot(rows: readonly SweepRow[]): string | undefined {
  const shown = rows.filter(({ inFlight, rate }) => rate > 0 || [1, 256, 4096].includes(inFlight));
  if (shown.length === 0) return undefined;
  const series = shown.map((row): Series => {
    const points = row.percentiles.filter(([percent]) => percent >= 50 && percent < 100);
    return {
      name: labelOf(row),
      as: 'curve',
      points: points.map(([percent, us]) => ({ x: 100 / (100 - percent), y: us })),
    };
  });
  const ticks = [50, 75, 90, 95, 99, 99.9, 99.99].map((percent) => ({
    at: 100 / (100 - percent),
    text: `${percent} %`,
  }));
  const x = { label: 'of the requests took at most this long', unit: 'plain', scale: 'log', ticks } as const;
  return linePlot({ title: 'Percentiles', x, y: LATENCY, series, size: { width: 720, height: 420 } });
}

const SHARES = [0, 20, 40, 60, 80, 100].map((at) => ({ at }));

/** Of a sweep over requests in flight. `where`: in words, for the title. */
export function batchSizePlot(rows: readonly SweepRow[], where: string): string | undefined {
  const shown = rows.filter(
    ({ inFlight, sizes }) => [1, 16, 256, 4096].includes(inFlight) && sizes.length > 0,
  );
  if (shown.length === 0) return undefined;
  return histogram({
    title: `Sizes of batches, ${where}`,
    description: 'What share of the batches had how many bytes of records, by requests in flight',
    x: { label: 'bytes of records in a batch', unit: 'bytes', scale: 'log' },
    y: { label: 'share of the batches', unit: 'percent', scale: 'linear', ticks: SHARES },
    sets: shown.map(({ inFlight, sizes }) => {
      const all = sizes.reduce((sum, { batches }) => sum + batches, 0);
      const bins = sizes.map(({ fromBytes, toBytes, batches }) => {
        return { from: Math.max(fromBytes, toBytes / 2), to: toBytes, count: (100 * batches) / all };
      });
      return { name: `${inFlight} in flight`, bins };
    }),
  });
}

export function syncTimePlot(fits: readonly SyncFit[]): string | undefined {
  const shown = fits.filter(({ points }) => points.length > 0);
  if (shown.length === 0) return undefined;
  const series = shown.flatMap(({ what, points, fit }, colour): Series[] => {
    const measured: Series = {
      name: fit === undefined ? what : '',
      as: 'marks',
      colour,
      points: points.map(({ diskBytes, p50Us }) => ({ x: diskBytes, y: p50Us })),
    };
    if (fit === undefined) return [measured];
    const line = curveOf(
      points[0]!.diskBytes,
      points.at(-1)!.diskBytes,
      (bytes) => fit.fixed + fit.perUnit * bytes,
    );
    return [measured, { name: what, as: 'curve', colour, points: line }];
  });
  return linePlot({
    title: 'Time to make a batch durable, against its size',
    description: 'Median time of write and sync by bytes written, and the fitted lines',
    x: { label: 'bytes written', unit: 'bytes', scale: 'log' },
    y: { label: 'write and sync, median', unit: 'microseconds', scale: 'log' },
    series,
  });
}

/** A line isn't straight on logarithmic axes: so many points make it smooth. */
const CURVE_POINTS = 48;

function curveOf(from: number, to: number, yOf: (x: number) => number): Point[] {
  return Array.from({ length: CURVE_POINTS + 1 }, (_, index) => {
    const x = from * (to / from) ** (index / CURVE_POINTS);
    return { x, y: yOf(x) };
  });
}

/** A metric over one field of the points of a sweep. */
export function sweepPlot(
  rows: readonly SweepRow[],
  title: string,
  field: {
    readonly name: 'eventBytes' | 'eventsPerRequest' | 'batchBytesMax' | 'chunkSize';
    readonly label: string;
  },
  metric: {
    readonly name: Metric;
    readonly label: string;
    readonly unit: 'count' | 'microseconds' | 'plain';
  },
): string | undefined {
  // What doesn't vary is no sweep.
  if (new Set(rows.map((row) => row[field.name])).size < 2) return undefined;
  const sorted = [...rows].sort((a, b) => a[field.name] - b[field.name]);
  const text = field.name === 'eventsPerRequest' ? String : sizeText;
  const ticks = ticksOf(
    sorted.map((row) => row[field.name]),
    text,
  );
  return linePlot({
    title,
    x: { label: field.label, unit: 'plain', scale: 'log', ticks },
    y: { label: metric.label, unit: metric.unit, scale: 'linear' },
    series: [{ name: '', points: sorted.map((row) => point(row[field.name], row[metric.name])) }],
  });
}

/** A bar for each row. */
export function rowBars(rows: readonly SweepRow[], title: string, metric: Metric): string | undefined {
  if (rows.length === 0) return undefined;
  const unit =
    metric === 'eventsPerSecond' ? 'count' : metric === 'diskBytesPerRecordByte' ? 'ratio' : 'microseconds';
  const label = {
    count: 'events a second',
    ratio: 'bytes on disk for each byte of records',
    microseconds: 'median time to the answer',
  }[unit];
  return barPlot({
    title,
    x: {
      label,
      unit,
      scale: metric === 'diskBytesPerRecordByte' ? 'log' : 'linear',
      from: metric === 'diskBytesPerRecordByte' ? 0.9 : 0,
    },
    bars: rows.map((row) => {
      const { median: value, least: low, most: high } = row[metric];
      return {
        name: labelOf(row),
        value,
        low,
        high,
        colour: row.syncMode === 'none' ? 4 : 0,
        note: formatQuantity(value, unit),
      };
    }),
  });
}

export function openLoopPlot(rows: readonly SweepRow[]): string | undefined {
  const shown = rows.filter(({ rate }) => rate > 0).sort((a, b) => a.rate - b.rate);
  if (shown.length === 0) return undefined;
  const series: Series[] = [
    { name: 'p50', points: shown.map((row) => point(row.rate, row.p50Us)) },
    { name: 'p99', points: shown.map((row) => point(row.rate, row.p99Us)) },
  ];
  const ticks = ticksOf(
    shown.map(({ rate }) => rate),
    (rate) => formatQuantity(rate, 'count'),
  );
  const x = { label: 'events a second that were asked for', unit: 'count', scale: 'log', ticks } as const;
  return linePlot({ title: 'Open loop: latency from the intended start', x, y: LATENCY, series });
}

/** In the order in which things were measured: what the machine did meanwhile. */
export function probePlot(measurements: readonly Measurement[]): string | undefined {
  const probes = measurements.filter(({ syncMode }) => syncMode === 'fdatasync');
  if (probes.length < 2) return undefined;
  return linePlot({
    title: 'The bare disk, before each measurement',
    x: { label: 'measurement', unit: 'plain', scale: 'linear', from: 1, to: probes.length },
    y: { label: 'one durable 4 KiB write, median', unit: 'microseconds', scale: 'linear' },
    series: [
      { name: '', points: probes.map(({ probe4kP50Us }, index) => ({ x: index + 1, y: probe4kP50Us })) },
    ],
  });
}
