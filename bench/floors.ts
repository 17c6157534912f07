/**
 * The floors: what one node must reach at least, as ratios to the disk probe or as rates, and the runs that show it.
 * Pure data. A floor is missed or reached by the median of several runs; one run on a busy machine proves little.
 */
import type { FlagValues } from './flags.js';
import type { BenchRow } from './row.js';

/** A number that a row must reach. */
export interface Floor {
  readonly name: string;
  /** The demand, in words. */
  readonly demand: string;
  /** What the row reached, in the demand's terms. */
  reached(row: BenchRow): string;
  isReached(row: BenchRow): boolean;
  /** Larger is better: what to take the median of several runs by. */
  merit(row: BenchRow): number;
}

/** A run of the default suite, and what it must show. */
export interface SuiteRun {
  readonly bench: 'append' | 'read';
  readonly flags: FlagValues;
  readonly floors: readonly Floor[];
}

function latencyFloor(name: string, probes: number): Floor {
  return {
    name,
    demand: `p50 ≤ ${probes} × probe`,
    reached: (row) => `${row.p50OverProbe} × probe (${row.p50Us} µs)`,
    isReached: (row) => row.p50OverProbe <= probes,
    merit: (row) => -row.p50OverProbe,
  };
}

function rateFloor(name: string, eventsPerSecond: number): Floor {
  return {
    name,
    demand: `≥ ${inThousands(eventsPerSecond)} events/s`,
    reached: (row) => `${inThousands(row.eventsPerSecond)} events/s`,
    isReached: (row) => row.eventsPerSecond >= eventsPerSecond,
    merit: (row) => row.eventsPerSecond,
  };
}

/** The disk may be what limits: then its own rate for large writes is the measure. */
function rateOrDiskFloor(name: string, eventsPerSecond: number, share: number): Floor {
  const rate = rateFloor(name, eventsPerSecond);
  return {
    name,
    demand: `${rate.demand}, or ≥ ${share * 100} % of the probe's MB/s`,
    reached: (row) => `${rate.reached(row)}, ${Math.round(row.recordMBpsOverProbe * 100)} %`,
    isReached: (row) => rate.isReached(row) || row.recordMBpsOverProbe >= share,
    merit: rate.merit,
  };
}

const WRITE_AMPLIFICATION_MAX = 1.3;

const WRITE_AMPLIFICATION: Floor = {
  name: 'bytes on disk per byte of records, 256 in flight',
  demand: `≤ ${WRITE_AMPLIFICATION_MAX}`,
  reached: (row) => String(row.diskBytesPerRecordByte),
  isReached: (row) => row.diskBytesPerRecordByte > 0 && row.diskBytesPerRecordByte <= WRITE_AMPLIFICATION_MAX,
  merit: (row) => -row.diskBytesPerRecordByte,
};

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

function inThousands(value: number): string {
  return `${Math.round(value / 1000).toLocaleString('en')} k`;
}
