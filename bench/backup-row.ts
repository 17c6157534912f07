/** What `cairn bench backup` is asked to do, and its rows. Pure. docs/performance.md explains every field to a user. */
import { bytesOf, type FlagValues, numberOf, refused } from './flags.js';
import { parseAppendOptions, parseRuns, type RunOptions, syncModeOf } from './options.js';
import type { ProbeResult } from './probe.js';
import { rounded } from './rounded.js';

export interface BackupBenchOptions extends RunOptions {
  /** Of the open loop. */
  readonly rate: number;
  /** Of each load, without and with a backup. */
  readonly runs: number;
  /** What is in the log before, in event data. */
  readonly bytes: number;
}

/** A load, with and without a backup meanwhile: medians of the runs. */
export interface BackupBenchRow {
  readonly bench: 'backup';
  /** Open loop; 0 = a closed one with `inFlight`. */
  readonly rate: number;
  readonly inFlight: number;
  readonly eventBytes: number;
  readonly runs: number;
  readonly withoutP50Us: number;
  readonly withoutP99Us: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p99Ratio: number;
  /** Of the backups that came to their end, in 10^6 bytes a second; 0 if none did. */
  readonly backupMBps: number;
  readonly probe4kP50Us: number;
  readonly disk: string;
  readonly syncMode: string;
}

export interface LoadShape {
  readonly ratePerSecond: number;
  readonly inFlight: number;
}

/** One run of a load. */
export interface Percentiles {
  readonly p50Us: number;
  readonly p99Us: number;
}

const RATE = '20000';
/** A backup of it takes a second or two, so that some come to their end while a load is measured. */
const BYTES = 128 * 1024 * 1024;

/** Checks the flags. Throws `CairnError`. */
export function parseBackupOptions(flags: FlagValues): BackupBenchOptions {
  const run = parseAppendOptions({ ...flags, mode: 'ws', rate: flags['rate'] ?? RATE });
  if (run.urls.length > 0) throw refused('bench backup starts its own node: leave out --url');
  const bytes = bytesOf(flags, 'bytes', BYTES);
  const rate = numberOf({ rate: flags['rate'] ?? RATE }, 'rate');
  return { ...run, rate, runs: parseRuns(flags), bytes, syncMode: syncModeOf(flags) };
}

export function backupRow(
  options: BackupBenchOptions,
  probe: ProbeResult,
  { ratePerSecond, inFlight }: LoadShape,
  measured: {
    readonly without: readonly Percentiles[];
    readonly during: readonly Percentiles[];
    readonly backupMBps: readonly number[];
  },
): BackupBenchRow {
  const { without, during, backupMBps } = measured;
  const [withoutP99Us, p99Us] = [p99Of(without), p99Of(during)];
  return {
    bench: 'backup',
    ...{ rate: ratePerSecond, inFlight, eventBytes: options.eventBytes, runs: options.runs },
    ...{ withoutP50Us: p50Of(without), withoutP99Us, p50Us: p50Of(during), p99Us },
    p99Ratio: rounded(p99Us / withoutP99Us, 2),
    backupMBps: rounded(medianOf(backupMBps), 0),
    probe4kP50Us: rounded(probe.probe4kP50Us, 1),
    ...{ disk: probe.diskKind, syncMode: probe.syncMode },
  };
}

/** One line for people. */
export function backupLine(row: BackupBenchRow): string {
  const load = row.rate > 0 ? `${row.rate} appends/s` : `${row.inFlight} in flight`;
  return (
    `backup (${load} of ${row.eventBytes} bytes): p50 ${row.p50Us} µs, p99 ${row.p99Us} µs; ` +
    `without p50 ${row.withoutP50Us} µs, p99 ${row.withoutP99Us} µs: p99 ${row.p99Ratio} ×; ` +
    `${row.backupMBps} MB/s, medians of ${row.runs} runs, probe ${row.probe4kP50Us} µs`
  );
}

function p50Of(runs: readonly Percentiles[]): number {
  return medianOf(runs.map(({ p50Us }) => p50Us));
}

function p99Of(runs: readonly Percentiles[]): number {
  return medianOf(runs.map(({ p99Us }) => p99Us));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
