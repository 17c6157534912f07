/**
 * The floors: what one node and three must reach at least, as ratios or as rates, and the runs that show it. Pure data. A floor is missed or reached by the median of several runs; one run on a busy machine proves little.
 */
import type { FlagValues } from './flags.js';
import type { BenchRow } from './row.js';
import type { CatchUpRow, FailoverRow, SlowFollowerRow } from './trouble-rows.js';

/** The rows of each bench. */
export interface RowOf {
  readonly append: BenchRow;
  readonly read: BenchRow;
  readonly failover: FailoverRow;
  readonly catchup: CatchUpRow;
  readonly 'slow-follower': SlowFollowerRow;
}

export type Bench = keyof RowOf;

/** A floor as a number that other machines have as well: of a latency how many probes it is, of a rate how much a probe's time sees. */
export interface Ratio {
  /** What is divided by what. */
  readonly of: string;
  readonly reached: number;
  readonly floor: number;
  readonly isMoreBetter: boolean;
  /** Whether the floor is reached, if it is, by comparison with the probe: then a probe that was held up makes it easy. */
  readonly restsOnProbe: boolean;
}

/** Whether a ratio is what it must be. */
export function meets({ reached, floor, isMoreBetter }: Ratio): boolean {
  return isMoreBetter ? reached >= floor : reached > 0 && reached <= floor;
}

/**
 * The bare disk where the rates were set: a durable 4 KiB write took 83 to 95 µs, 1 MiB went at 2.7 to 3.8 GB/s. On a slower disk they count in
 * its own time; a faster one speaks against nobody, because then processors are the limit.
 */
const REFERENCE_4K_US = 89;
const REFERENCE_1M_MBPS = 2700;

/** A number that a row must reach. */
export interface Floor<Row> {
  readonly name: string;
  /** The demand, in words. */
  readonly demand: string;
  /** What the row reached, in the demand's terms. */
  reached(row: Row): string;
  isReached(row: Row): boolean;
  /** The same as a ratio, to the probe wherever the disk has a part in it. */
  ratio(row: Row): Ratio;
  /** Larger is better: what to take the median of several runs by. */
  merit(row: Row): number;
}

/** A run of the suite, and what it must show. */
export interface SuiteRunOf<Which extends Bench> {
  readonly bench: Which;
  readonly flags: FlagValues;
  /** The first one says which of several runs is the median. */
  readonly floors: readonly [Floor<RowOf[Which]>, ...Floor<RowOf[Which]>[]];
}

export type SuiteRun = { [Which in Bench]: SuiteRunOf<Which> }[Bench];

function latencyFloor(name: string, probes: number): Floor<BenchRow> {
  return {
    name,
    demand: `p50 ≤ ${probes} × probe`,
    reached: (row) => `${row.p50OverProbe} × probe (${row.p50Us} µs)`,
    isReached: (row) => row.p50OverProbe <= probes,
    ratio: (row) => ({
      of: 'p50 / probe',
      reached: row.p50OverProbe,
      floor: probes,
      isMoreBetter: false,
      restsOnProbe: true,
    }),
    merit: (row) => -row.p50OverProbe,
  };
}

function rateFloor(name: string, eventsPerSecond: number): Floor<BenchRow> {
  return {
    name,
    demand: `≥ ${inThousands(eventsPerSecond)} events/s`,
    reached: (row) => `${inThousands(row.eventsPerSecond)} events/s`,
    isReached: (row) => row.eventsPerSecond >= eventsPerSecond,
    ratio: (row) => ({
      of: 'events in the time of a probe',
      reached: (row.eventsPerSecond * row.probe4kP50Us) / 1e6,
      floor: (eventsPerSecond * REFERENCE_4K_US) / 1e6,
      isMoreBetter: true,
      restsOnProbe: row.eventsPerSecond < eventsPerSecond,
    }),
    merit: (row) => row.eventsPerSecond,
  };
}

/** The disk may be what limits: then its own rate for large writes is the measure. */
function rateOrDiskFloor(name: string, eventsPerSecond: number, share: number): Floor<BenchRow> {
  const rate = rateFloor(name, eventsPerSecond);
  return {
    name,
    demand: `${rate.demand}, or ≥ ${share * 100} % of the probe's MB/s`,
    reached: (row) => `${rate.reached(row)}, ${Math.round(row.recordMBpsOverProbe * 100)} %`,
    isReached: (row) => rate.isReached(row) || row.recordMBpsOverProbe >= share,
    ratio: (row) => ({
      of: 'MB/s / probe',
      reached: row.recordMBpsOverProbe,
      floor: share,
      isMoreBetter: true,
      restsOnProbe: !rate.isReached(row),
    }),
    merit: rate.merit,
  };
}

const WRITE_AMPLIFICATION_MAX = 1.3;

const WRITE_AMPLIFICATION: Floor<BenchRow> = {
  name: 'bytes on disk per byte of records, 256 in flight',
  demand: `≤ ${WRITE_AMPLIFICATION_MAX}`,
  reached: (row) => String(row.diskBytesPerRecordByte),
  isReached: (row) => row.diskBytesPerRecordByte > 0 && row.diskBytesPerRecordByte <= WRITE_AMPLIFICATION_MAX,
  ratio: (row) => ({
    of: 'disk / records',
    reached: row.diskBytesPerRecordByte,
    floor: WRITE_AMPLIFICATION_MAX,
    isMoreBetter: false,
    restsOnProbe: false,
  }),
  merit: (row) => -row.diskBytesPerRecordByte,
};

function failoverFloor(name: string, medianMs: number): Floor<FailoverRow> {
  return {
    name,
    demand: `median ≤ ${medianMs} ms`,
    reached: (row) => `${row.medianMs} ms, at most ${row.maxMs} ms`,
    isReached: (row) => row.medianMs <= medianMs,
    // Timers and processes, no disk.
    ratio: (row) => ({
      of: 'median / floor',
      reached: row.medianMs / medianMs,
      floor: 1,
      isMoreBetter: false,
      restsOnProbe: false,
    }),
    merit: (row) => -row.medianMs,
  };
}

function p99Floor<Row extends SlowFollowerRow | CatchUpRow>(name: string, ratio: number): Floor<Row> {
  return {
    name,
    demand: `p99 ≤ ${ratio} × without`,
    reached: (row) => `${row.p99Ratio} × (${row.p99Us} µs)`,
    isReached: (row) => row.p99Ratio > 0 && row.p99Ratio <= ratio,
    ratio: (row) => ({
      of: 'p99 / p99 without',
      reached: row.p99Ratio,
      floor: ratio,
      isMoreBetter: false,
      restsOnProbe: false,
    }),
    merit: (row) => -row.p99Ratio,
  };
}

function catchUpFloor(name: string, megabytesPerSecond: number): Floor<CatchUpRow> {
  return {
    name,
    demand: `≥ ${megabytesPerSecond} MB/s`,
    reached: (row) => `${row.megabytesPerSecond} MB/s`,
    isReached: (row) => row.megabytesPerSecond >= megabytesPerSecond,
    ratio: (row) => ({
      of: 'MB/s / probe',
      reached: row.megabytesPerSecond / row.probe1mMBps,
      floor: megabytesPerSecond / REFERENCE_1M_MBPS,
      isMoreBetter: true,
      restsOnProbe: row.megabytesPerSecond < megabytesPerSecond,
    }),
    merit: (row) => row.megabytesPerSecond,
  };
}

/** All events of 256 bytes, which is what the floors were set for. */
export const SINGLE_NODE_SUITE: readonly SuiteRun[] = [
  {
    bench: 'append',
    flags: { mode: 'engine', inFlight: '1' },
    floors: [latencyFloor('in process, 1 in flight', 1.8)],
  },
  {
    bench: 'append',
    flags: { mode: 'engine', inFlight: '256' },
    floors: [rateFloor('in process, 256 in flight', 900_000), WRITE_AMPLIFICATION],
  },
  {
    bench: 'append',
    flags: { mode: 'engine', inFlight: '4096' },
    floors: [rateOrDiskFloor('in process, 4096 in flight', 3_000_000, 0.4)],
  },
  {
    bench: 'append',
    flags: { mode: 'ws', inFlight: '1' },
    floors: [latencyFloor('over ws, 1 in flight', 2.5)],
  },
  {
    bench: 'append',
    flags: { mode: 'ws', inFlight: '256' },
    floors: [rateFloor('over ws, 256 in flight', 250_000)],
  },
  {
    bench: 'append',
    flags: { mode: 'ws', inFlight: '128', eventsPerRequest: '64' },
    floors: [rateFloor('over ws, 64 events a request', 1_200_000)],
  },
  {
    bench: 'read',
    flags: { mode: 'ws', source: 'stream' },
    floors: [rateFloor('over ws, reading a stream', 2_000_000)],
  },
  {
    bench: 'read',
    flags: { mode: 'ws', source: 'all' },
    floors: [rateFloor('over ws, reading the whole log', 2_000_000)],
  },
];

/** A few kills in each run: a run is started several times, and a failover varies with where in its heartbeats the leader is hit. */
const FAILOVERS = '5';

/** Three nodes on this machine, and whoever drives them. */
export const CLUSTER_SUITE: readonly SuiteRun[] = [
  {
    bench: 'append',
    flags: { nodes: '3', mode: 'ws', inFlight: '1' },
    floors: [latencyFloor('three nodes, 1 in flight', 5)],
  },
  {
    bench: 'append',
    flags: { nodes: '3', mode: 'ws', inFlight: '256' },
    floors: [rateFloor('three nodes, 256 in flight', 200_000)],
  },
  {
    bench: 'append',
    flags: { nodes: '3', mode: 'ws', inFlight: '4096' },
    floors: [rateFloor('three nodes, 4096 in flight', 600_000)],
  },
  {
    bench: 'failover',
    flags: { nodes: '3', how: 'kill', runs: FAILOVERS },
    floors: [failoverFloor('leader killed, first ack of a later write', 250)],
  },
  {
    bench: 'failover',
    flags: { nodes: '3', how: 'pause', runs: FAILOVERS },
    floors: [failoverFloor('leader paused, first ack of a later write', 2_000)],
  },
  {
    bench: 'slow-follower',
    flags: { nodes: '3', delayMs: '300' },
    floors: [p99Floor('one follower with syncs of 300 ms', 1.2)],
  },
  {
    bench: 'catchup',
    flags: { nodes: '3', bytes: '1GiB', eventBytes: '65536' },
    floors: [
      catchUpFloor('a follower 1 GiB behind, large events', 300),
      p99Floor('the others meanwhile, large events', 1.5),
    ],
  },
  {
    bench: 'catchup',
    flags: { nodes: '3', bytes: '1GiB', eventBytes: '256' },
    floors: [
      catchUpFloor('a follower 1 GiB behind, small events', 300),
      p99Floor('the others meanwhile, small events', 1.5),
    ],
  },
];

function inThousands(value: number): string {
  return `${Math.round(value / 1000).toLocaleString('en')} k`;
}
