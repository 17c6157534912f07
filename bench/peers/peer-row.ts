/** One row of the comparison, and how it is printed. Pure. */
import type { LatencyHistogram } from '../latency-histogram.js';
import type { ProbeResult } from '../probe.js';
import { rounded } from '../rounded.js';

/** docs/peers.md explains every field to a user. */
export interface PeerRow {
  readonly kind: 'peer';
  /** `cairn`, or the name of a peer. */
  readonly peer: string;
  readonly title: string;
  readonly version: string;
  /** What an answer means. */
  readonly durability: string;
  readonly isEqual: boolean;
  /** Which start of a store in this run, from 1: ours comes again and again. */
  readonly turn: number;
  readonly nodes: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly eventBytes: number;
  /** What others took of the processors' time right before, in per cent. */
  readonly othersPercent: number;
  readonly seconds: number;
  readonly errors: number;
  readonly eventsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly probe4kP50Us: number;
  readonly probe1mMBps: number;
  readonly p50OverProbe: number;
}

/** A peer that could not be measured here. */
export interface SkippedPeer {
  readonly kind: 'skipped';
  readonly peer: string;
  readonly title: string;
  readonly why: string;
}

export type PeerResult = PeerRow | SkippedPeer;

/** What stands in a row besides what was measured. */
export type PeerIdentity = Omit<
  PeerRow,
  'kind' | 'seconds' | 'errors' | 'eventsPerSecond' | 'p50Us' | 'p99Us' | 'p50OverProbe' | keyof ProbeResult
>;

interface Measured {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly latency: Pick<LatencyHistogram, 'percentileUs'>;
}

export function makePeerRow(identity: PeerIdentity, probe: ProbeResult, measured: Measured): PeerRow {
  const { requests, errors, seconds, latency } = measured;
  const p50Us = latency.percentileUs(50);
  return {
    kind: 'peer',
    ...identity,
    seconds: rounded(seconds, 3),
    errors,
    eventsPerSecond: rounded(requests / seconds, 0),
    p50Us,
    p99Us: latency.percentileUs(99),
    probe4kP50Us: rounded(probe.probe4kP50Us, 1),
    probe1mMBps: rounded(probe.probe1mMBps, 0),
    p50OverProbe: rounded(p50Us / probe.probe4kP50Us, 2),
  };
}

type Column = readonly [title: string, width: number, cell: (row: PeerRow) => string];

const COLUMNS: readonly Column[] = [
  ['in flight', 9, (row) => String(row.inFlight)],
  ['events/s', 10, (row) => row.eventsPerSecond.toLocaleString('en')],
  ['p50 µs', 8, (row) => String(row.p50Us)],
  ['p99 µs', 8, (row) => String(row.p99Us)],
  ['probe 4k µs', 11, (row) => String(row.probe4kP50Us)],
  ['others %', 8, (row) => String(row.othersPercent)],
  ['p50/probe', 9, (row) => String(row.p50OverProbe)],
  ['errors', 6, (row) => String(row.errors)],
];

/** The longest title. */
export const NAME_WIDTH = 32;

export function peerTableHeader(): string {
  return ['peer'.padEnd(NAME_WIDTH), ...COLUMNS.map(([title, width]) => title.padStart(width))].join('  ');
}

export function peerTableLine(result: PeerResult): string {
  const name = result.title.padEnd(NAME_WIDTH);
  if (result.kind === 'skipped') return `${name}  skipped: ${result.why}`;
  return [name, ...COLUMNS.map(([, width, cell]) => cell(result).padStart(width))].join('  ');
}
