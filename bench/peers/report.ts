/** The page of a comparison, and its parts for other pages. Pure: results in, text out. */
import { barPlot } from '../../src/plot/bar-plot.js';
import { linePlot, type Series } from '../../src/plot/line-plot.js';
import { type Cell, page, type Section, type Table } from '../../src/plot/page.js';
import { formatQuantity } from '../../src/plot/quantity.js';
import { COLOURS } from '../../src/plot/theme.js';
import { median, relativeRange } from '../statistics/spread.js';
import { type PeerPoint, pointsOf, timesOurs } from './peer-points.js';
import type { PeerResult, SkippedPeer } from './peer-row.js';
import type { PeerResults } from './results-file.js';

/** What heartbeats of three idle nodes and a quiet machine take. */
const QUIET_PERCENT = 15;

/** The whole file. */
export function peerReport({ machine, results }: PeerResults): string {
  const { startedAt, processors, processor, system, seconds, warmupSeconds, memoryBytes } = machine;
  return page({
    title: 'Cairn beside other stores',
    text: [
      `${startedAt.slice(0, 16).replace('T', ' ')} UTC. ${processors} × ${processor}, ${formatQuantity(memoryBytes, 'bytes')} of memory, ${system}. Each row: ${seconds} s after ${warmupSeconds} s of warm-up.`,
      'Three nodes of each store, and the clients, all on this machine. Closed loop: so many appends are always open, each answer lets the next go.',
    ],
    sections: peerSections(results),
    footer: `cairn bench peers, Cairn ${machine.cairn}. How each is set up, and what may be unfair: docs/peers.md.`,
  });
}

/** What a comparison has to show. */
export function peerSections(results: readonly PeerResult[]): Section[] {
  const points = pointsOf(results);
  const loads = [...new Set(points.map(({ inFlight }) => inFlight))].sort((a, b) => a - b);
  const [least, most] = [loads[0], loads.at(-1)];
  if (least === undefined || most === undefined) return [durabilitySection(results)];
  const unequal = 'A name with * answers for less than the others: see the table of what an answer means.';
  return [
    {
      title: 'Beside other stores',
      text: [
        `${unequal} Ours is the median of its turns; thin lines go from the least to the most.`,
        othersSentence(results),
      ],
      plots: [
        throughputBars(points, most),
        latencyBars(points, least),
        ...(loads.length > 1 ? [throughputLines(points, loads)] : []),
      ],
      table: pointTable(points),
    },
    durabilitySection(results),
  ];
}

function othersSentence(results: readonly PeerResult[]): string {
  const others = results.filter((result) => result.kind === 'peer').map(({ othersPercent }) => othersPercent);
  const middle = formatQuantity(median(others), 'percent');
  const most = formatQuantity(Math.max(...others), 'percent');
  const verdict =
    median(others) > QUIET_PERCENT
      ? ' That is too much: what follows says who suffers least from others.'
      : '';
  return `Right before the rows others took ${middle} of the processors' time (median; up to ${most}).${verdict}`;
}

function named({ title, isEqual }: Pick<PeerPoint, 'title' | 'isEqual'>): string {
  return isEqual ? title : `${title} *`;
}

function colourOf({ peer, isEqual }: PeerPoint): number {
  return peer === 'cairn' ? 0 : isEqual ? 2 : 4;
}

function throughputBars(points: readonly PeerPoint[], inFlight: number): string {
  const shown = points.filter((point) => point.inFlight === inFlight);
  return barPlot({
    title: `Acknowledged events a second, ${inFlight} in flight`,
    x: { label: 'events a second', unit: 'count', scale: 'linear', from: 0 },
    bars: [...shown]
      .sort((a, b) => b.eventsPerSecond.median - a.eventsPerSecond.median)
      .map((point) => {
        const { median: value, least: low, most: high } = point.eventsPerSecond;
        return { name: named(point), value, low, high, colour: colourOf(point) };
      }),
  });
}

function latencyBars(points: readonly PeerPoint[], inFlight: number): string {
  const shown = points.filter((point) => point.inFlight === inFlight);
  return barPlot({
    title: `Median time to the answer, ${inFlight} in flight`,
    x: { label: 'median time to the answer', unit: 'microseconds', scale: 'linear', from: 0 },
    bars: [...shown]
      .sort((a, b) => a.p50Us.median - b.p50Us.median)
      .map((point) => {
        const { median: value, least: low, most: high } = point.p50Us;
        return { name: named(point), value, low, high, colour: colourOf(point) };
      }),
  });
}

function throughputLines(points: readonly PeerPoint[], loads: readonly number[]): string {
  const series = byStrength(points).map(({ own, colour, isEqual }): Series => {
    return {
      colour,
      as: isEqual ? 'line' : 'dashed',
      name: named(own[0]!),
      points: own.map(({ inFlight: x, eventsPerSecond }) => {
        return { x, y: eventsPerSecond.median, low: eventsPerSecond.least, high: eventsPerSecond.most };
      }),
    };
  });
  const ticks = loads.map((at) => ({ at, text: String(at) }));
  return linePlot({
    title: 'Events a second against appends in flight',
    x: { label: 'appends in flight', unit: 'plain', scale: 'log', ticks },
    y: { label: 'events a second, acknowledged', unit: 'count', scale: 'log' },
    series,
    size: { width: 720, height: 420 },
  });
}

/** Each store's points and colour: those that answer for less come last, and go on in the colours after ours. */
function byStrength(points: readonly PeerPoint[]) {
  const peers = [...new Set(points.map(({ peer }) => peer))];
  const all = peers.map((peer) => points.filter((point) => point.peer === peer));
  const sorted = [...all.filter(([first]) => first!.isEqual), ...all.filter(([first]) => !first!.isEqual)];
  return sorted.map((own, index) => {
    const colour = index < COLOURS ? index : 1 + ((index - COLOURS) % (COLOURS - 1));
    return { own, colour, isEqual: own[0]!.isEqual };
  });
}

function pointTable(points: readonly PeerPoint[]): Table {
  const number = (name: string) => ({ name, align: 'right' }) as const;
  return {
    columns: [
      { name: 'store' },
      number('in flight'),
      number('connections'),
      number('events/s'),
      number('ours / theirs'),
      number('p50'),
      number('p99'),
      number('probe 4 KiB'),
      number('p50 / probe'),
      number('turns'),
      number('spread'),
      number('errors'),
    ],
    rows: points.map((point): Cell[] => {
      const times = timesOurs(points, point);
      return [
        named(point),
        String(point.inFlight),
        String(point.connections),
        Math.round(point.eventsPerSecond.median).toLocaleString('en'),
        times === undefined ? '' : formatQuantity(times, 'ratio'),
        formatQuantity(point.p50Us.median, 'microseconds'),
        formatQuantity(point.p99Us.median, 'microseconds'),
        formatQuantity(point.probe4kP50Us.median, 'microseconds'),
        formatQuantity(point.p50OverProbe.median, 'ratio'),
        String(point.eventsPerSecond.count),
        point.eventsPerSecond.count < 2
          ? '–'
          : formatQuantity(100 * relativeRange(point.eventsPerSecond), 'percent'),
        point.errors === 0 ? '0' : { text: String(point.errors), tone: 'bad' },
      ];
    }),
  };
}

function durabilitySection(results: readonly PeerResult[]): Section {
  const rows = results.filter((result) => result.kind === 'peer');
  const firsts = [...new Set(rows.map(({ peer }) => peer))].map(
    (peer) => rows.find((row) => row.peer === peer)!,
  );
  const skipped = results.filter((result): result is SkippedPeer => result.kind === 'skipped');
  const probes = rows.map(({ probe4kP50Us }) => probe4kP50Us);
  return {
    title: 'What an answer means',
    text:
      probes.length === 0
        ? []
        : [
            `A durable 4 KiB write on the bare disk took ${formatQuantity(median(probes), 'microseconds')} (median of the probes before each row; ${formatQuantity(Math.min(...probes), 'microseconds')} to ${formatQuantity(Math.max(...probes), 'microseconds')}).`,
          ],
    table: {
      columns: [{ name: 'store' }, { name: 'version' }, { name: 'an answer means' }],
      rows: [
        ...firsts.map((row): Cell[] => [named(row), row.version, row.durability]),
        ...skipped.map(({ title, why }): Cell[] => [title, '', { text: `skipped: ${why}`, tone: 'muted' }]),
      ],
    },
  };
}
