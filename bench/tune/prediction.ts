/** What the cost model says about each run of the engine, beside what the run showed. Pure. */
import { batchUs, type CostModel, predictLoop } from './cost-model.js';
import { type EngineRun, LOADS, type LoadName } from './engine-runs.js';
import { defaultSettings } from './settings.js';
import { costOf, type Sweep } from './sweep-point.js';

/** Predicted and verified, of one load on one set of settings. */
export interface PredictionRow {
  readonly run: EngineRun;
  /** Undefined where there is no model, or no run to learn the main thread's cost from. */
  readonly predicted:
    | { readonly eventsPerSecond: number; readonly latencyUs: number; readonly limit: string }
    | undefined;
  /** Of one batch as large as the run's batches were on average. */
  readonly predictedBatchUs: number | undefined;
  /** The run taught the model: it agrees by its making. */
  readonly isTeacher: boolean;
}

/** The engine's runs write to fresh blocks: in so short a time no zeros get ahead of them. */
export function predictionRows(sweep: Sweep, runs: readonly EngineRun[]): PredictionRow[] {
  const defaults = defaultSettings();
  const teacherOf = (load: LoadName) =>
    runs.find((run) => run.load === load && sameSettings(run.settings, defaults))?.rounds[0];
  const costFor = (run: EngineRun): CostModel | undefined => {
    const kind = { path: sweep.path, mode: run.settings.SyncMode };
    return costOf(sweep.points, { ...kind, blocks: 'fresh' }) ?? costOf(sweep.points, { ...kind, blocks: 'prewritten' });
  };
  const lone = teacherOf('lone');
  const loneRun = runs.find((run) => run.load === 'lone' && sameSettings(run.settings, defaults));
  const loneCost = loneRun && costFor(loneRun);
  // What one append takes besides the disk and the main thread: the threads that are woken on its way.
  const wakeUs = lone && loneCost ? Math.max(0, lone.p50Us - lone.mainUsPerEvent - batchUs(loneCost, lone.batchBytes)) : undefined;
  return runs.map((run) => {
    const cost = costFor(run);
    const teacher = teacherOf(run.load);
    const { batchBytes, recordBytes } = run.median;
    const isTeacher = run === loneRun;
    const predictedBatchUs = cost && batchUs(cost, batchBytes);
    if (cost === undefined || teacher === undefined || wakeUs === undefined)
      return { run, predicted: undefined, predictedBatchUs, isTeacher };
    const { inFlight } = LOADS[run.load];
    const { BatchBytesMax: batchBytesMax } = run.settings;
    const { mainUsPerEvent } = teacher;
    const predicted = predictLoop(cost, { inFlight, recordBytes, batchBytesMax, mainUsPerEvent, wakeUs });
    return { run, predicted, predictedBatchUs, isTeacher };
  });
}

function sameSettings(a: EngineRun['settings'], b: EngineRun['settings']): boolean {
  return a.SyncMode === b.SyncMode && a.BatchBytesMax === b.BatchBytesMax && a.ChunkSize === b.ChunkSize;
}
