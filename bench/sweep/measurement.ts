/** What one run of one point gave, as it stands in a result file; and the run itself. Main thread. */

import { BATCH_SIZE_BOUNDS } from '../../src/base/batch-sizes.js';
import type { Disk } from '../../src/base/ports.js';
import type { WriterStatistics } from '../../src/ring/writer-statistics.js';
import { type MeasuredAppend, measureAppend } from '../append.js';
import { openEngineTarget } from '../engine-target.js';
import { rounded } from '../rounded.js';
import type { BenchRow } from '../row.js';
import type { SizeTime } from '../statistics/batch-samples.js';
import type { StageTime } from '../statistics/write-stages.js';
import { openWsTarget } from '../ws-target.js';
import { type Configuration, configurationOf, optionsOf, type RunSettings } from './configuration.js';

/** Batches of about a size. */
export interface SizeCount {
  /** Bytes of records: more than `fromBytes`, up to `toBytes`. */
  readonly fromBytes: number;
  readonly toBytes: number;
  readonly batches: number;
}

/** docs/benchmarks.md explains every field to a user. */
export interface Measurement extends BenchRow, Configuration {
  readonly kind: 'measurement';
  /** From 1. */
  readonly repetition: number;
  /** Per cent of the requests → µs that they took at most. */
  readonly percentiles: readonly (readonly [percent: number, us: number])[];
  /** What the writers of all nodes did, warm-up included: how many batches, and of each on average … */
  readonly batches: number;
  /** … bytes of records, */
  readonly batchBytes: number;
  /** … µs for write and sync, */
  readonly batchUs: number;
  /** … and µs for the sync alone. */
  readonly syncUs: number;
  /** Batches by size, of all nodes, warm-up included. */
  readonly sizes: readonly SizeCount[];
  /** How long batches of each size took; empty where they can't be watched one by one. */
  readonly times: readonly SizeTime[];
  /** Where the time of writes went, of nodes over ws. */
  readonly stages: readonly StageTime[];
}

/** Close together where tails are read. */
const PERCENTS = [1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100] as const;

/** Measures a point once, in `folder`. Throws `CairnError`, `DiskError`. */
export async function measurePoint(
  point: Configuration,
  repetition: number,
  settings: RunSettings,
  place: { readonly disk: Disk; readonly folder: string },
): Promise<Measurement> {
  const options = optionsOf(point, settings);
  const open = options.mode === 'engine' ? openEngineTarget : openWsTarget;
  const measured = await measureAppend(options, place.disk, open, place.folder);
  return measurementOf(point, repetition, measured);
}

/** Puts a measurement together. */
export function measurementOf(
  point: Configuration,
  repetition: number,
  { row, latency, writer, batches, stages }: MeasuredAppend,
): Measurement {
  return {
    kind: 'measurement',
    repetition,
    ...row,
    ...configurationOf(point),
    percentiles: PERCENTS.filter((percent) => isSeen(percent, latency.count)).map(
      (percent) => [percent, latency.percentileUs(percent)] as const,
    ),
    ...batchMeans(writer.before, writer.after),
    sizes: sizesBetween(writer.before, writer.after),
    times: batches?.times ?? [],
    stages,
  };
}

/** Whether there is a request beyond the percentile: of a hundred, the 99.9th is the slowest, which is told as the 100th. */
function isSeen(percent: number, requests: number): boolean {
  return percent === 100 || requests * (100 - percent) >= 100;
}

function batchMeans(
  before: WriterStatistics,
  after: WriterStatistics,
): Pick<Measurement, 'batches' | 'batchBytes' | 'batchUs' | 'syncUs'> {
  const batches = after.batches - before.batches;
  const each = (sum: number) => rounded(sum / batches, 1);
  const syncMs = after.syncMs - before.syncMs;
  return {
    batches,
    batchBytes: each(after.recordBytes - before.recordBytes),
    batchUs: each((after.writeMs - before.writeMs + syncMs) * 1000),
    syncUs: each(syncMs * 1000),
  };
}

function sizesBetween(before: WriterStatistics, after: WriterStatistics): SizeCount[] {
  return after.batchSizes
    .map((batches, index) => {
      const fromBytes = index === 0 ? 0 : BATCH_SIZE_BOUNDS[index - 1]!;
      return {
        fromBytes,
        toBytes: BATCH_SIZE_BOUNDS[index] ?? 2 * fromBytes,
        batches: batches - before.batchSizes[index]!,
      };
    })
    .filter(({ batches }) => batches > 0);
}
