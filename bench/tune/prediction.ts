/** What the cost model says about each run of the engine, beside what the run showed. Pure. */
import { batchUs, type CostModel, predictLoop } from './cost-model.js';
import { type EngineRun, LOADS, type LoadName } from './engine-runs.js';
import { defaultSettings, TUNED_NAMES } from './settings.js';
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

/** The engine's runs write to prewritten blocks: to the beginning of a log, and bursts wait for the zeros. */
export function predictionRows(sweep: Sweep, runs: readonly EngineRun[]): PredictionRow[] {
  const defaults = defaultSettings();
  const onDefaults = (load: LoadName) =>
    runs.find((run) => run.load === load && sameSettings(run.settings, defaults));
  // The best round of each: what the machine can do, not what others left of it.
  const bestOf = (load: LoadName, what: 'mainUsPerEvent' | 'p50Us') => {
    const rounds = onDefaults(load)?.rounds ?? [];
    return rounds.length === 0 ? undefined : Math.min(...rounds.map((figures) => figures[what]));
  };
  const costFor = (run: EngineRun): CostModel | undefined => {
    const kind = { path: sweep.path, mode: run.settings.SyncMode };
    return costOf(sweep.points, { ...kind, blocks: 'prewritten' });
  };
  const lone = onDefaults('lone');
  const wakeUs =
    lone && wakeTime(costFor(lone), lone, bestOf('lone', 'p50Us')! - bestOf('lone', 'mainUsPerEvent')!);
  return runs.map((run) => {
    const cost = costFor(run);
    const { batchBytes, recordBytes } = run.median;
    const mainUsPerEvent = bestOf(run.load, 'mainUsPerEvent');
    const isTeacher = run === lone;
    const predictedBatchUs = cost && batchUs(cost, batchBytes);
    if (cost === undefined || mainUsPerEvent === undefined || wakeUs === undefined)
      return { run, predicted: undefined, predictedBatchUs, isTeacher };
    const { inFlight } = LOADS[run.load];
    const { BatchBytesMax: batchBytesMax } = run.settings;
    const predicted = predictLoop(cost, { inFlight, recordBytes, batchBytesMax, mainUsPerEvent, wakeUs });
    return { run, predicted, predictedBatchUs, isTeacher };
  });
}

/** What one append takes besides the disk and the main thread: the threads that are woken on its way. */
function wakeTime(cost: CostModel | undefined, lone: EngineRun, besidesMainUs: number): number | undefined {
  return cost && Math.max(0, besidesMainUs - batchUs(cost, lone.median.batchBytes));
}

function sameSettings(a: EngineRun['settings'], b: EngineRun['settings']): boolean {
  return TUNED_NAMES.every((name) => a[name] === b[name]);
}
