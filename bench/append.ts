/**
 * `cairn bench append`: probes the disk, opens an engine or a node on a fresh folder, drives it, closes it, and makes a row of
 * what was seen. Main thread.
 */
import type { Disk } from '../src/base/ports.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';
import { ClosedLoop } from './closed-loop.js';
import type { LatencyHistogram } from './latency-histogram.js';
import type { Load, LoadPlan, LoadResult } from './load.js';
import { OpenLoop } from './open-loop.js';
import type { AppendOptions } from './options.js';
import { probeDisk } from './probe.js';
import { type BenchRow, makeRow } from './row.js';
import { withScratchFolder } from './scratch-folder.js';
import type { BatchSamples } from './statistics/batch-samples.js';
import { type StageTime, stagesBetween } from './statistics/write-stages.js';
import { type AppendTarget, amplification, type OpenTarget } from './target.js';

/** A row, and what it was made from. */
export interface MeasuredAppend {
  readonly row: BenchRow;
  readonly latency: LatencyHistogram;
  /** What the writers of all nodes counted before and after, warm-up included. */
  readonly writer: { readonly before: WriterStatistics; readonly after: WriterStatistics };
  readonly batches: BatchSamples | undefined;
  /** Of nodes that profile writes, warm-up included. */
  readonly stages: readonly StageTime[];
}

/**
 * Requests that are open, at least, while a store that was just started runs in, as long as the warm-up. With one in flight alone the code that is compiled as
 * it runs would take minutes to get there, and a row would say how fast a store is that nobody has used yet.
 */
const RUN_IN_REQUESTS = 64;

/** Runs one row. Throws `CairnError` if nothing can be measured: with the first answer's error if every request failed. */
export async function runAppend(
  options: AppendOptions,
  disk: Disk,
  openTarget: OpenTarget,
): Promise<BenchRow> {
  return await withScratchFolder(options.directory, async (folder) => {
    return (await measureAppend(options, disk, openTarget, folder)).row;
  });
}

/** The same in `folder`, which is there already, and with more to say. */
export async function measureAppend(
  options: AppendOptions,
  disk: Disk,
  openTarget: OpenTarget,
  folder: string,
): Promise<MeasuredAppend> {
  const probe = probeDisk(disk, folder, options.syncMode);
  const isStartedHere = options.urls.length === 0 && options.warmupSeconds > 0;
  const needsRunIn = isStartedHere && options.inFlight < RUN_IN_REQUESTS;
  const inFlight = needsRunIn ? RUN_IN_REQUESTS : options.inFlight;
  const target = await openTarget({ ...options, inFlight }, folder);
  try {
    if (needsRunIn) await drive(target, runIn(options));
    target.batches?.clear();
    const before = await target.writerTotals();
    const metricsBefore = await target.metrics?.();
    const result = await drive(target, options);
    if (result.requests === 0 && target.firstError !== undefined) throw target.firstError;
    const after = await target.writerTotals();
    const metricsAfter = await target.metrics?.();
    const measured = {
      events: result.requests * options.eventsPerRequest,
      errors: result.errors,
      seconds: result.seconds,
      latency: result.latency,
      recordBytes: target.recordBytes,
      diskBytesPerRecordByte: amplification(before, after),
    };
    reportErrors(result.errors, target);
    const row = makeRow({ bench: 'append', rate: options.ratePerSecond }, options, probe, measured);
    const stages = stagesBetween(metricsBefore ?? new Map(), metricsAfter ?? new Map());
    return { row, latency: result.latency, writer: { before, after }, batches: target.batches, stages };
  } finally {
    await target.close();
  }
}

/** What of the options makes the load. */
type LoadOptions = Pick<
  AppendOptions,
  'inFlight' | 'seconds' | 'warmupSeconds' | 'ratePerSecond' | 'eventsPerRequest'
>;

function runIn({ warmupSeconds, eventsPerRequest }: AppendOptions): LoadOptions {
  return {
    ...{ inFlight: RUN_IN_REQUESTS, eventsPerRequest },
    ...{ warmupSeconds: 0, seconds: warmupSeconds, ratePerSecond: 0 },
  };
}

/** Puts the load of `options` on the target, to its end. */
export function drive(
  target: Pick<AppendTarget, 'submit' | 'completed'>,
  options: LoadOptions,
): Promise<LoadResult> {
  const plan: LoadPlan = {
    inFlight: options.inFlight,
    warmupUs: options.warmupSeconds * 1e6,
    measureUs: options.seconds * 1e6,
  };
  const submit = (slot: number) => target.submit(slot);
  const load: Load =
    options.ratePerSecond === 0
      ? new ClosedLoop(plan, submit)
      : new OpenLoop(plan, options.ratePerSecond / options.eventsPerRequest, submit);
  target.completed = (slot, succeeded) => load.completed(slot, succeeded);
  return load.run();
}

function reportErrors(errors: number, { firstError }: AppendTarget): void {
  if (firstError === undefined) return;
  console.error(`${errors} requests failed, the first with ${firstError.code}: ${firstError.message}`);
}
