/** Runs of many seeds, and what to say of one that breaks a promise. */
import { parseFaults } from '../../src/sim/faults/fault-plan.js';
import { runSimulation } from '../../src/sim/simulation.js';
import type { SimulationOptions, SimulationResult } from '../../src/sim/simulation-result.js';

export interface ClusterShape {
  readonly nodes: number;
  readonly clones: number;
  readonly replicas: number;
}

export const THREE: ClusterShape = { nodes: 3, clones: 0, replicas: 0 };
/** Long enough for some elections, faults and repairs. */
const TICKS_MS = 3000;

export function optionsOf(seed: number, faults: string, shape = THREE): SimulationOptions {
  const selection = parseFaults(faults);
  if (selection === undefined) throw new Error(`no faults: ${faults}`);
  return { seed, ...shape, virtualMs: TICKS_MS, faults: selection };
}

/** What to read in a failure: what broke, and the command that shows it again. */
export function problemsOf(result: SimulationResult, faults: string, shape = THREE): string[] {
  const { nodes, clones, replicas } = shape;
  const command = `cairn simulate --seed ${result.seed} --nodes ${nodes} --clones ${clones} --replicas ${replicas} --ticks ${TICKS_MS} --faults ${faults}`;
  return result.violations.map(({ invariant, message }) => `${invariant}: ${message}; ${command}`);
}

/** Runs seeds 1 to `count` with whatever faults each draws. */
export function problemsOfSwarm(count: number, shape: ClusterShape): string[] {
  const problems: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    problems.push(...problemsOf(runSimulation(optionsOf(seed, 'swarm', shape)), 'swarm', shape));
  }
  return problems;
}
