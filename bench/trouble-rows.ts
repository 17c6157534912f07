/** The rows of the runs about a cluster in trouble, and how they are printed. Pure. docs/performance.md explains every field to a user. */
import type { SyncMode } from '../src/writer/commands.js';
import type { TroubleOptions } from './cluster-options.js';
import type { ProbeResult } from './probe.js';
import { rounded } from './rounded.js';

/** What all of them have. */
interface TroubleFields {
  readonly nodes: number;
  readonly rate: number;
  readonly eventBytes: number;
  readonly probe4kP50Us: number;
  readonly probe1mMBps: number;
  readonly disk: string;
  readonly syncMode: SyncMode;
}

export interface FailoverRow extends TroubleFields {
  readonly bench: 'failover';
  readonly how: 'kill' | 'pause';
  readonly runs: number;
  readonly medianMs: number;
  readonly maxMs: number;
  /** In the order of the runs. */
  readonly samplesMs: readonly number[];
  /** Appends acknowledged in all. */
  readonly acknowledged: number;
}

/** A 99th percentile of a steady load, in two situations. */
interface Compared {
  readonly beforeP50Us: number;
  readonly beforeP99Us: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** `p99Us / beforeP99Us` */
  readonly p99Ratio: number;
}

export interface SlowFollowerRow extends TroubleFields, Compared {
  readonly bench: 'slow-follower';
  readonly delayMs: number;
  readonly seconds: number;
}

export interface CatchUpRow extends TroubleFields, Compared {
  readonly bench: 'catchup';
  readonly fillEventBytes: number;
  /** Bytes of the log that were taken in while the time was measured. */
  readonly bytes: number;
  /** From the first of them to the last. */
  readonly seconds: number;
  /** 10^6 bytes a second. */
  readonly megabytesPerSecond: number;
  /** From the start of the process to the first of them. */
  readonly startSeconds: number;
}

/** What can't be measured here. */
export interface SkippedRow {
  readonly bench: 'slow-follower';
  readonly skipped: string;
}

export type TroubleRow = FailoverRow | SlowFollowerRow | CatchUpRow | SkippedRow;

interface Latency {
  percentileUs(percentile: number): number;
}

export function troubleFields(options: TroubleOptions, probe: ProbeResult): TroubleFields {
  const { nodes, rate, eventBytes } = options;
  return {
    nodes,
    rate,
    eventBytes,
    probe4kP50Us: rounded(probe.probe4kP50Us, 1),
    probe1mMBps: rounded(probe.probe1mMBps, 0),
    disk: probe.diskKind,
    syncMode: probe.syncMode,
  };
}

export function compared(before: Latency, during: Latency): Compared {
  const [beforeP99Us, p99Us] = [before.percentileUs(99), during.percentileUs(99)];
  return {
    beforeP50Us: before.percentileUs(50),
    beforeP99Us,
    p50Us: during.percentileUs(50),
    p99Us,
    p99Ratio: rounded(p99Us / beforeP99Us, 2),
  };
}

/** One line for people. */
export function troubleLine(row: TroubleRow): string {
  if ('skipped' in row) return `${row.bench}: skipped: ${row.skipped}`;
  const about = `${row.nodes} nodes, ${row.rate} appends/s of ${row.eventBytes} bytes, probe ${row.probe4kP50Us} µs`;
  switch (row.bench) {
    case 'failover':
      return `failover (${row.how}): median ${row.medianMs} ms, max ${row.maxMs} ms of ${row.runs} runs; ${about}`;
    case 'slow-follower':
      return `slow-follower (${row.delayMs} ms): p99 ${row.p99Us} µs, without ${row.beforeP99Us} µs: ${row.p99Ratio} ×; ${about}`;
    case 'catchup':
      return (
        `catchup (events of ${row.fillEventBytes} bytes): ${row.megabytesPerSecond} MB/s over ${row.seconds} s; ` +
        `p99 ${row.p99Us} µs, before ${row.beforeP99Us} µs: ${row.p99Ratio} ×; ${about}`
      );
  }
}
