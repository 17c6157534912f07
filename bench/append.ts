/**
 * `cairn bench append`: probes the disk, opens an engine or a node on a fresh folder, drives it, closes it, and makes a row of
 * what was seen. Main thread.
 */
import { assert } from '../src/base/assert.js';
import type { Disk } from '../src/base/ports.js';
import { ClosedLoop } from './closed-loop.js';
import type { Load, LoadPlan, LoadResult } from './load.js';
import { OpenLoop } from './open-loop.js';
import type { AppendOptions } from './options.js';
import { probeDisk } from './probe.js';
import { type BenchRow, makeRow } from './row.js';
import { withScratchFolder } from './scratch-folder.js';
import { type AppendTarget, amplification, type OpenTarget, type WriterBytes } from './target.js';

/** Runs one row. Throws `CairnError` if nothing can be measured: with the first answer's error if every request failed. */
export async function runAppend(
  options: AppendOptions,
  disk: Disk,
  openTarget: OpenTarget,
): Promise<BenchRow> {
  return await withScratchFolder(options.directory, async (folder) => {
    const probe = probeDisk(disk, folder, options.syncMode);
    const target = await openTarget(options, folder);
    try {
      const { result, before } = await drive(target, options);
      if (result.requests === 0 && target.firstError !== undefined) throw target.firstError;
      const measured = {
        events: result.requests * options.eventsPerRequest,
        errors: result.errors,
        seconds: result.seconds,
        latency: result.latency,
        recordBytes: target.recordBytes,
        diskBytesPerRecordByte: amplification(before, await target.writerBytes()),
      };
      reportErrors(result.errors, target);
      return makeRow({ bench: 'append', rate: options.ratePerSecond }, options, probe, measured);
    } finally {
      await target.close();
    }
  });
}

interface Driven {
  readonly result: LoadResult;
  /** The writer's counts when measuring began. */
  readonly before: WriterBytes;
}

async function drive(target: AppendTarget, options: AppendOptions): Promise<Driven> {
  let before: Promise<WriterBytes> | undefined;
  const plan: LoadPlan = {
    inFlight: options.inFlight,
    isReentrant: target.isReentrant,
    warmupUs: options.warmupSeconds * 1e6,
    measureUs: options.seconds * 1e6,
    onMeasure: () => {
      before = target.writerBytes();
    },
  };
  const submit = (slot: number) => target.submit(slot);
  const load: Load =
    options.ratePerSecond === 0
      ? new ClosedLoop(plan, submit)
      : new OpenLoop(plan, options.ratePerSecond / options.eventsPerRequest, submit);
  target.completed = (slot, succeeded) => load.completed(slot, succeeded);
  const result = await load.run();
  assert(before !== undefined, 'measuring began before the run ended');
  return { result, before: await before };
}

function reportErrors(errors: number, { firstError }: AppendTarget): void {
  if (firstError === undefined) return;
  console.error(`${errors} requests failed, the first with ${firstError.code}: ${firstError.message}`);
}
