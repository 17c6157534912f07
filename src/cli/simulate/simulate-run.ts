/**
 * Runs many seeds: in this thread, or on a pool of workers. Main thread. What comes out doesn't depend on how many workers there are:
 * results are put together in the order of the seeds.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Piscina } from 'piscina';
import type { SimulationOptions, SimulationResult } from '../../sim/simulation-result.js';
import type { SeedOutcome, simulateJob } from './simulate-job.js';

export interface SeedRange {
  readonly first: number;
  readonly count: number;
  /** All runs have these. */
  readonly options: Omit<SimulationOptions, 'seed'>;
  /** The faults as they were asked for. */
  readonly faultsText: string;
}

export interface SeedResults {
  /** Of each run, in the order of the seeds. */
  readonly outcomes: readonly SeedOutcome[];
  /** Runs with violations, at most {@link FAILURES_KEPT_MAX}. */
  readonly failed: readonly SimulationResult[];
  readonly seconds: number;
}

export type ShowProgress = (done: number, count: number, failed: number) => void;

/** More than anybody reads. */
const FAILURES_KEPT_MAX = 20;
/** So many seeds cost a worker about a second, and a message costs nothing beside that. */
const SEEDS_PER_TASK_MAX = 25;

export async function runSeeds(range: SeedRange, jobs: number, progress: ShowProgress): Promise<SeedResults> {
  const begin = performance.now();
  const collected = new Collected(range, progress);
  if (jobs === 1) await runHere(range, collected);
  else await runOnPool(range, jobs, collected);
  return { ...collected.take(), seconds: (performance.now() - begin) / 1000 };
}

async function runHere(range: SeedRange, collected: Collected): Promise<void> {
  const { simulateJob } = await import('./simulate-job.js');
  for (let index = 0; index < range.count; index++) {
    collected.add(index, simulateJob({ first: range.first + index, count: 1, options: range.options }));
    // So that a signal, or the terminal, is not kept waiting.
    await turn();
  }
}

async function runOnPool(range: SeedRange, jobs: number, collected: Collected): Promise<void> {
  const pool = new Piscina<Parameters<typeof simulateJob>[0], ReturnType<typeof simulateJob>>({
    filename: new URL('./simulate-job.js', import.meta.url).href,
    name: 'simulateJob',
    maxThreads: jobs,
  });
  let next = 0;
  const size = Math.max(1, Math.min(SEEDS_PER_TASK_MAX, Math.ceil(range.count / (4 * jobs))));
  const work = async (): Promise<void> => {
    while (next < range.count) {
      const index = next;
      next += size;
      const count = Math.min(size, range.count - index);
      collected.add(index, await pool.run({ first: range.first + index, count, options: range.options }));
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    await pool.destroy();
  }
}

class Collected {
  readonly #range: SeedRange;
  readonly #progress: ShowProgress;
  readonly #outcomes: SeedOutcome[] = [];
  readonly #failed: SimulationResult[] = [];
  #done = 0;

  constructor(range: SeedRange, progress: ShowProgress) {
    this.#range = range;
    this.#progress = progress;
  }

  /** The results of the seeds from the one with this index on. */
  add(index: number, results: ReturnType<typeof simulateJob>): void {
    for (const [offset, outcome] of results.outcomes.entries()) this.#outcomes[index + offset] = outcome;
    this.#failed.push(...results.failed);
    this.#done += results.outcomes.length;
    this.#progress(this.#done, this.#range.count, this.#failed.length);
  }

  take(): Pick<SeedResults, 'outcomes' | 'failed'> {
    const failed = this.#failed.sort((a, b) => a.seed - b.seed).slice(0, FAILURES_KEPT_MAX);
    return { outcomes: this.#outcomes, failed };
  }
}
