/** The job of the pool's workers for `cairn simulate`: some seeds, one after the other. */
import { runSimulation } from '../../sim/simulation.js';
import type { SimulationOptions, SimulationResult, SimulationStats } from '../../sim/simulation-result.js';

export interface SimulateTask {
  readonly first: number;
  readonly count: number;
  readonly options: Omit<SimulationOptions, 'seed'>;
}

/** What is kept of a run that went well. */
export interface SeedOutcome {
  readonly seed: number;
  readonly violations: number;
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly stats: SimulationStats;
}

export function simulateJob(task: SimulateTask): { outcomes: SeedOutcome[]; failed: SimulationResult[] } {
  const outcomes: SeedOutcome[] = [];
  const failed: SimulationResult[] = [];
  for (let seed = task.first; seed < task.first + task.count; seed++) {
    const result = runSimulation({ ...task.options, seed });
    const { traceHash, virtualMs, events, stats, violations } = result;
    outcomes.push({ seed, violations: violations.length, traceHash, virtualMs, events, stats });
    if (violations.length > 0) failed.push(result);
  }
  return { outcomes, failed };
}
