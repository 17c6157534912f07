/**
 * Short runs of the real engine, each on a fresh folder that is gone afterwards: what a setting is worth where everything else of a node is at
 * work, too. What was run once is kept, round by round. Main thread.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { drive } from '../append.js';
import { type EngineTarget, openEngineTarget } from '../engine-target.js';
import { parseAppendOptions } from '../options.js';
import { quantile } from '../statistics/spread.js';
import { mainThreadUs } from './main-thread-time.js';
import type { TunedSettings } from './settings.js';

export interface Load {
  readonly inFlight: number;
  readonly eventBytes: number;
  /** Instead of that of the settings, and the load begins when all chunks that are to be prepared are. */
  readonly chunkSize?: number;
}

/**
 * Closed loops: one that waits for each answer, many clients, as much as the disk can take, and many clients that come after a rest. That rest
 * must be long enough for zeros in all prepared chunks, which are therefore small.
 */
export const LOADS = {
  lone: { inFlight: 1, eventBytes: 256 },
  steady: { inFlight: 256, eventBytes: 256 },
  flood: { inFlight: 2048, eventBytes: 4096 },
  burst: { inFlight: 256, eventBytes: 1024, chunkSize: 8 * 1024 ** 2 },
} as const satisfies Record<string, Load>;

/** How long to wait for chunks that are being prepared: at 43 MB/s the smallest take 0.2 s each. */
const REST_MS_MAX = 5_000;
const REST_STEP_MS = 10;

export type LoadName = keyof typeof LOADS;

/** What one run showed, or the medians of several. */
export interface RunFigures {
  readonly eventsPerSecond: number;
  /** 10^6 bytes of records a second. */
  readonly megabytesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Means over all batches of the writer. */
  readonly batchBytes: number;
  readonly batchUs: number;
  /** How long the main thread worked for one append, the generator of the load with it. */
  readonly mainUsPerEvent: number;
  readonly recordBytes: number;
  /** Chunks that were filled. */
  readonly chunks: number;
}

/** All rounds of one load on one set of settings. */
export interface EngineRun {
  readonly load: LoadName;
  readonly settings: TunedSettings;
  readonly rounds: readonly RunFigures[];
  readonly median: RunFigures;
  /** Highest less lowest rate of the rounds, as a share of the median. */
  readonly spread: number;
}

export interface EngineRunsOptions {
  /** An empty folder on the disk. */
  readonly folder: string;
  readonly secondsPerRun: number;
  readonly warmupSeconds: number;
  readonly signal: AbortSignal;
  /** From then on nothing gets more than one round; by `performance.now()`. */
  readonly deadlineMs: number;
  readonly progress: (load: LoadName, settings: TunedSettings) => void;
}

export class EngineRuns {
  readonly #options: EngineRunsOptions;
  readonly #rounds = new Map<string, { load: LoadName; settings: TunedSettings; rounds: RunFigures[] }>();

  constructor(options: EngineRunsOptions) {
    this.#options = options;
  }

  /** Everything that was run. */
  get all(): EngineRun[] {
    return [...this.#rounds.values()].map(summarized);
  }

  /** One run that doesn't count: the code of the engine gets compiled. */
  async warmUp(settings: TunedSettings): Promise<void> {
    for (const load of ['steady', 'flood'] as const) if (!this.isInterrupted) await this.#run(settings, load);
  }

  /** Whether to begin nothing more. */
  get isInterrupted(): boolean {
    return this.#options.signal.aborted;
  }

  /** Whether the time is up. What must be known is still found out, once. */
  get isLate(): boolean {
    return performance.now() > this.#options.deadlineMs;
  }

  /** What is known of it; undefined if it was not run. */
  find(settings: TunedSettings, load: LoadName): EngineRun | undefined {
    const found = this.#rounds.get(keyOf(settings, load));
    return found && summarized(found);
  }

  /** Runs all of these in turn until each has `rounds`: a slow second is then not one setting's alone. Interrupted, it stops early. */
  async ensure(runs: readonly (readonly [TunedSettings, LoadName])[], rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const [settings, load] of runs) {
        if (this.isInterrupted || (round > 0 && this.isLate)) return;
        const entry = this.#rounds.get(keyOf(settings, load)) ?? { load, settings, rounds: [] };
        if (entry.rounds.length > round) continue;
        this.#options.progress(load, settings);
        entry.rounds.push(await this.#run(settings, load));
        this.#rounds.set(keyOf(settings, load), entry);
      }
    }
  }

  /** Until chunks exist up to `position`; no longer if it was interrupted, or the preparer is slow. */
  async #rest(target: EngineTarget, position: number): Promise<void> {
    for (
      let ms = 0;
      ms < REST_MS_MAX && target.preparedEnd < position && !this.isInterrupted;
      ms += REST_STEP_MS
    ) {
      await pause(REST_STEP_MS);
    }
  }

  async #run(settings: TunedSettings, load: LoadName): Promise<RunFigures> {
    const { folder, secondsPerRun, warmupSeconds } = this.#options;
    const { inFlight, eventBytes, chunkSize = settings.ChunkSize }: Load = LOADS[load];
    const options = parseAppendOptions({
      inFlight: String(inFlight),
      eventBytes: String(eventBytes),
      seconds: secondsPerRun.toFixed(3),
      warmup: warmupSeconds.toFixed(3),
      syncMode: settings.SyncMode,
      dir: folder,
    });
    const { BatchBytesMax: batchBytesMax, PreparedChunks: preparedChunks } = settings;
    const engine = { batchBytesMax, chunkSize, preparedChunks };
    const target = await openEngineTarget({ ...options, engine }, folder);
    try {
      if (load === 'burst') await this.#rest(target, chunkSize * (1 + preparedChunks));
      const before = await target.writerTotals();
      const mainBefore = mainThreadUs();
      const { requests, seconds, latency } = await drive(target, options);
      if (target.firstError !== undefined) throw target.firstError;
      const mainUs = mainThreadUs() - mainBefore;
      const after = await target.writerTotals();
      const { recordBytes } = target;
      const batches = after.batches - before.batches;
      const bytes = after.recordBytes - before.recordBytes;
      const diskMs = after.writeMs + after.syncMs - before.writeMs - before.syncMs;
      return {
        eventsPerSecond: requests / seconds,
        megabytesPerSecond: (requests * recordBytes) / seconds / 1e6,
        p50Us: latency.percentileUs(50),
        p99Us: latency.percentileUs(99),
        batchBytes: bytes / batches,
        batchUs: (diskMs * 1000) / batches,
        mainUsPerEvent: (mainUs * recordBytes) / bytes,
        recordBytes,
        chunks: after.chunks - before.chunks,
      };
    } finally {
      await target.close();
      rmSync(join(folder, 'data'), { recursive: true, force: true });
    }
  }
}

function keyOf(
  { SyncMode, BatchBytesMax, ChunkSize, PreparedChunks }: TunedSettings,
  load: LoadName,
): string {
  return [load, SyncMode, BatchBytesMax, ChunkSize, PreparedChunks].join(' ');
}

function summarized({ load, settings, rounds }: Pick<EngineRun, 'load' | 'settings' | 'rounds'>): EngineRun {
  const rates = rounds.map(({ eventsPerSecond }) => eventsPerSecond);
  const medianOf = (name: keyof RunFigures) =>
    quantile(
      rounds.map((figures) => figures[name]),
      0.5,
    );
  const median: RunFigures = {
    eventsPerSecond: medianOf('eventsPerSecond'),
    megabytesPerSecond: medianOf('megabytesPerSecond'),
    p50Us: medianOf('p50Us'),
    p99Us: medianOf('p99Us'),
    batchBytes: medianOf('batchBytes'),
    batchUs: medianOf('batchUs'),
    mainUsPerEvent: medianOf('mainUsPerEvent'),
    recordBytes: medianOf('recordBytes'),
    chunks: medianOf('chunks'),
  };
  const spread = (Math.max(...rates) - Math.min(...rates)) / median.eventsPerSecond;
  return { load, settings, rounds, median, spread };
}
