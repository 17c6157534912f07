/** Whole runs: the same seed is the same run, to the last byte, and no seed breaks a promise. `cairn simulate` runs more of them. */
import { describe, expect, it } from 'vitest';
import { parseFaults } from '../../src/sim/fault-plan.js';
import { runSimulation } from '../../src/sim/simulation.js';
import type { SimulationOptions, SimulationResult } from '../../src/sim/simulation-result.js';
import { Stepped } from './stepped.js';

/** Runs of each kind: together about a minute on two cores. More: `cairn simulate --seeds 10000 --jobs 2`. */
const SEEDS = 60;
const TICKS_MS = 4000;

const CLUSTERS = [
  { nodes: 3, clones: 0, replicas: 0 },
  { nodes: 3, clones: 1, replicas: 1 },
  { nodes: 4, clones: 0, replicas: 0 },
  { nodes: 5, clones: 1, replicas: 0 },
];

function options(seed: number, faults: string, cluster = CLUSTERS[0]!): SimulationOptions {
  const selection = parseFaults(faults);
  if (selection === undefined) throw new Error(`no faults: ${faults}`);
  return { seed, ...cluster, virtualMs: TICKS_MS, faults: selection };
}

/** What to read in a failure: what broke, and the command that shows it again. */
function problemOf(result: SimulationResult, faults: string, cluster = CLUSTERS[0]!): string[] {
  const { nodes, clones, replicas } = cluster;
  const command = `cairn simulate --seed ${result.seed} --nodes ${nodes} --clones ${clones} --replicas ${replicas} --ticks ${TICKS_MS} --faults ${faults}`;
  return result.violations.map(({ invariant, message }) => `${invariant}: ${message}; ${command}`);
}

describe('a seed', () => {
  it('gives the same trace twice, and with another run between', () => {
    const first = runSimulation(options(7, 'all'));
    const other = runSimulation(options(8, 'all'));
    const second = runSimulation(options(7, 'all'));
    expect(second).toEqual(first);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it('gives the same trace while another simulation runs in turns with it', () => {
    const alone = new Stepped(9);
    while (alone.step());
    const [one, other] = [new Stepped(9), new Stepped(10)];
    for (let hasMore = true; hasMore; ) {
      hasMore = one.step();
      other.step();
    }
    expect(one.hash).toBe(alone.hash);
    expect(other.hash).not.toBe(alone.hash);
  });
});

describe.each(CLUSTERS)('a cluster of $nodes voters, $clones clones, $replicas replicas', (cluster) => {
  it.each(['none', 'network', 'crash', 'disk', 'clock', 'membership', 'all'])(
    'keeps its promises with faults: %s',
    (faults) => {
      const result = runSimulation(options(1, faults, cluster));
      expect(problemOf(result, faults, cluster)).toEqual([]);
      expect(result.stats.appendsAccepted).toBeGreaterThan(0);
    },
  );

  it('keeps its promises with whatever faults each seed draws', () => {
    const problems: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      problems.push(...problemOf(runSimulation(options(seed, 'swarm', cluster)), 'swarm', cluster));
    }
    expect(problems).toEqual([]);
  }, 240_000);
});
