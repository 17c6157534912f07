/**
 * `cairn bench append`: probes the disk, opens an engine or a node on a fresh folder, drives it, closes it, and makes a row of
 * what was seen. Main thread.
 */
import type { Disk } from '../src/base/ports.js';
import { ClosedLoop } from './closed-loop.js';
import type { Load, LoadPlan, LoadResult } from './load.js';
import { OpenLoop } from './open-loop.js';
import type { AppendOptions } from './options.js';
import { probeDisk } from './probe.js';
import { type BenchRow, makeRow } from './row.js';
import { withScratchFolder } from './scratch-folder.js';
import { type AppendTarget, amplification, type OpenTarget } from './target.js';

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
      const before = await target.writerBytes();
      const result = await drive(target, options);
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

/** Puts the load of `options` on the target, to its end. */
export function drive(target: AppendTarget, options: AppendOptions): Promise<LoadResult> {
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
