/** The turns of a store put together, load by load, and as lines that end a table. Pure. */
import { rounded } from '../rounded.js';
import { type Spread, spreadOf } from '../statistics/spread.js';
import { NAME_WIDTH, type PeerResult, type PeerRow } from './peer-row.js';

/** All rows of a store at one load: ours has one for each turn. */
export interface PeerPoint {
  readonly peer: string;
  readonly title: string;
  readonly isEqual: boolean;
  readonly inFlight: number;
  readonly connections: number;
  readonly errors: number;
  readonly eventsPerSecond: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  readonly probe4kP50Us: Spread;
  readonly p50OverProbe: Spread;
}

/** The stores in the order of the rows, each with its loads in rising order. */
export function pointsOf(results: readonly PeerResult[]): PeerPoint[] {
  const rows = results.filter((result) => result.kind === 'peer');
  const peers = [...new Set(rows.map(({ peer }) => peer))];
  return peers.flatMap((peer) => {
    const own = rows.filter((row) => row.peer === peer);
    const loads = [...new Set(own.map(({ inFlight }) => inFlight))].sort((a, b) => a - b);
    return loads.map((inFlight) => pointOf(own.filter((row) => row.inFlight === inFlight)));
  });
}

function pointOf(rows: readonly PeerRow[]): PeerPoint {
  const { peer, title, isEqual, inFlight, connections } = rows[0]!;
  const of = (field: 'eventsPerSecond' | 'p50Us' | 'p99Us' | 'probe4kP50Us' | 'p50OverProbe') =>
    spreadOf(rows.map((row) => row[field]));
  return {
    ...{ peer, title, isEqual, inFlight, connections },
    errors: rows.reduce((sum, row) => sum + row.errors, 0),
    eventsPerSecond: of('eventsPerSecond'),
    p50Us: of('p50Us'),
    p99Us: of('p99Us'),
    probe4kP50Us: of('probe4kP50Us'),
    p50OverProbe: of('p50OverProbe'),
  };
}

/** How many times ours is theirs, at the same load. */
export function timesOurs(points: readonly PeerPoint[], point: PeerPoint): number | undefined {
  const ours = points.find(({ peer, inFlight }) => peer === 'cairn' && inFlight === point.inFlight);
  if (ours === undefined || point.peer === 'cairn') return undefined;
  return ours.eventsPerSecond.median / point.eventsPerSecond.median;
}

type Column = readonly [title: string, width: number, cell: (point: PeerPoint, times?: number) => string];

const COLUMNS: readonly Column[] = [
  ['in flight', 9, ({ inFlight }) => String(inFlight)],
  ['events/s', 10, ({ eventsPerSecond }) => Math.round(eventsPerSecond.median).toLocaleString('en')],
  ['ours/theirs', 11, (_, times) => (times === undefined ? '' : String(rounded(times, 2)))],
  ['p50 µs', 8, ({ p50Us }) => String(Math.round(p50Us.median))],
  ['p99 µs', 8, ({ p99Us }) => String(Math.round(p99Us.median))],
  ['p50/probe', 9, ({ p50OverProbe }) => String(rounded(p50OverProbe.median, 1))],
  ['turns', 5, ({ eventsPerSecond }) => String(eventsPerSecond.count)],
];

/** Medians: a line for each store and load, below a header. */
export function pointLines(points: readonly PeerPoint[]): string[] {
  const header = COLUMNS.map(([title, width]) => title.padStart(width));
  const lines = points.map((point) => {
    const times = timesOurs(points, point);
    const cells = COLUMNS.map(([, width, cell]) => cell(point, times).padStart(width));
    return [point.title.padEnd(NAME_WIDTH), ...cells].join('  ');
  });
  return [['medians'.padEnd(NAME_WIDTH), ...header].join('  '), ...lines];
}
