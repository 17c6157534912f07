/**
 * Short runs of the real engine, each on a fresh folder that is gone afterwards: what a setting is worth where everything else of a node is at
 * work, too. What was run once is kept, round by round. Main thread.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { drive } from '../append.js';
import { quantile } from '../durable-write.js';
import { openEngineWith } from '../engine-target.js';
import { parseAppendOptions } from '../options.js';
import type { TunedSettings } from './settings.js';

/** A closed loop: one that waits for each answer, many clients, and as much as the disk can take. */
export const LOADS = {
  lone: { inFlight: 1, eventBytes: 256 },
  steady: { inFlight: 256, eventBytes: 256 },
  flood: { inFlight: 2048, eventBytes: 4096 },
} as const;

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
  /** Highest less lowest rate, as a share of the median. */
  readonly spread: number;
}

export interface EngineRunsOptions {
  /** An empty folder on the disk. */
  readonly folder: string;
  readonly secondsPerRun: number;
  readonly warmupSeconds: number;
  readonly signal: AbortSignal;
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

  /** Whether to begin nothing more. */
  get isInterrupted(): boolean {
    return this.#options.signal.aborted;
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
        if (this.isInterrupted) return;
        const entry = this.#rounds.get(keyOf(settings, load)) ?? { load, settings, rounds: [] };
        if (entry.rounds.length > round) continue;
        this.#options.progress(load, settings);
        entry.rounds.push(await this.#run(settings, load));
        this.#rounds.set(keyOf(settings, load), entry);
      }
    }
  }

  async #run(settings: TunedSettings, load: LoadName): Promise<RunFigures> {
    const { folder, secondsPerRun, warmupSeconds } = this.#options;
    const { inFlight, eventBytes } = LOADS[load];
    const options = parseAppendOptions({
      inFlight: String(inFlight),
      eventBytes: String(eventBytes),
      seconds: secondsPerRun.toFixed(3),
      warmup: warmupSeconds.toFixed(3),
      syncMode: settings.SyncMode,
      dir: folder,
    });
    const { BatchBytesMax: batchBytesMax, ChunkSize: chunkSize } = settings;
    const target = await openEngineWith(options, folder, { batchBytesMax, chunkSize });
    try {
      const before = target.statistics;
      const loopBefore = performance.eventLoopUtilization();
      const { requests, seconds, latency } = await drive(target, options);
      if (target.firstError !== undefined) throw target.firstError;
      const { active } = performance.eventLoopUtilization(loopBefore);
      const after = target.statistics;
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
        mainUsPerEvent: (active * 1000 * recordBytes) / bytes,
        recordBytes,
        chunks: after.chunks - before.chunks,
      };
    } finally {
      await target.close();
      rmSync(join(folder, 'data'), { recursive: true, force: true });
    }
  }
}

function keyOf({ SyncMode, BatchBytesMax, ChunkSize }: TunedSettings, load: LoadName): string {
  return [load, SyncMode, BatchBytesMax, ChunkSize].join(' ');
}

function summarized({ load, settings, rounds }: Pick<EngineRun, 'load' | 'settings' | 'rounds'>): EngineRun {
  const rates = rounds.map(({ eventsPerSecond }) => eventsPerSecond);
  const medianOf = (name: keyof RunFigures) => quantile(rounds.map((figures) => figures[name]), 0.5);
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
