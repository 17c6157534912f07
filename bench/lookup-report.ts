/** The report of `cairn bench lookup`: how the index's figures change with the log, as one HTML page that opens without a network. Pure. */
import type { Axis } from '../src/plot/axis.js';
import { linePlot, type Series } from '../src/plot/line-plot.js';
import { page } from '../src/plot/page.js';
import { formatQuantity } from '../src/plot/quantity.js';
import type { LookupRow } from './lookup.js';

type Figure = Extract<keyof LookupRow, `${string}${'Second' | 'Us' | 'Ms' | 'Bytes' | 'Event'}`>;

export function lookupReport(rows: readonly LookupRow[]): string {
  const { streams, eventBytes } = rows[0]!;
  return page({
    title: 'Cairn: the index as the log grows',
    text: [
      `Events of ${eventBytes} bytes in ${formatQuantity(streams, 'count')} streams in turn: no stream has two events near each other. A flat line is a figure that does not depend on the length of the log.`,
    ],
    sections: [
      { title: 'Figures', plots: plotsOf(rows) },
      { title: 'All rows', table: tableOf(rows) },
    ],
    footer: 'cairn bench lookup. What the numbers mean: docs/performance.md.',
  });
}

function plotsOf(rows: readonly LookupRow[]): string[] {
  const ticks = rows.map(({ events }) => ({ at: events, text: formatQuantity(events, 'count') }));
  const x: Axis = { label: 'events in the log', unit: 'count', scale: 'log', ticks };
  const lineOf = (name: string, figure: Figure): Series => ({
    name,
    points: rows.map((row) => ({ x: row.events, y: Number(row[figure]) })),
  });
  const plot = (title: string, y: Axis, ...series: Series[]) => linePlot({ title, x, y, series });
  return [
    plot('Append rate', linear('events a second', 'count'), lineOf('appends', 'eventsPerSecond')),
    plot(
      'Latency of a lookup',
      linear('p50 and p99', 'microseconds'),
      ...[
        lineOf('hot, p50', 'hotP50Us'),
        lineOf('hot, p99', 'hotP99Us'),
        lineOf('cold, p50', 'coldP50Us'),
        lineOf('cold, p99', 'coldP99Us'),
      ],
    ),
    plot(
      'Lookups',
      linear('a second, 64 at a time', 'count'),
      lineOf('hot', 'hotPerSecond'),
      lineOf('cold', 'coldPerSecond'),
    ),
    plot(
      'Restart',
      linear('until appends are taken', 'milliseconds'),
      lineOf('node', 'nodeRestartMs'),
      lineOf('engine', 'restartMs'),
    ),
    plot('Memory of a node', linear('resident', 'bytes'), lineOf('after its restart', 'nodeBytes')),
    plot(
      'Size of the index',
      linear('bytes an event', 'plain'),
      lineOf('segments', 'indexBytesPerEvent'),
      lineOf('event ids', 'eventIdBytesPerEvent'),
    ),
  ];
}

function linear(label: string, unit: Axis['unit']): Axis {
  return { label, unit, scale: 'linear' };
}

function tableOf(rows: readonly LookupRow[]) {
  const columns = [
    'events',
    'appends/s',
    'segments',
    'bytes an event',
    'restart',
    'memory',
    'hot p99',
    'cold p99',
  ];
  return {
    columns: columns.map((name) => ({ name, align: 'right' as const })),
    rows: rows.map((row) => [
      formatQuantity(row.events, 'count'),
      formatQuantity(row.eventsPerSecond, 'count'),
      String(row.segments),
      String(row.indexBytesPerEvent),
      formatQuantity(row.nodeRestartMs, 'milliseconds'),
      formatQuantity(row.nodeBytes, 'bytes'),
      formatQuantity(row.hotP99Us, 'microseconds'),
      formatQuantity(row.coldP99Us, 'microseconds'),
    ]),
  };
}
