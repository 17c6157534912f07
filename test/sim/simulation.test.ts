/** Whole runs: the same seed is the same run, to the last byte, and no group of faults breaks a promise. */
import { describe, expect, it } from 'vitest';
import { runSimulation } from '../../src/sim/simulation.js';
import { optionsOf, problemsOf } from './seeds.js';
import { Stepped } from './stepped.js';

describe('a seed', () => {
  it('gives the same trace twice, and with another run between', () => {
    const first = runSimulation(optionsOf(7, 'all'));
    const other = runSimulation(optionsOf(8, 'all'));
    const second = runSimulation(optionsOf(7, 'all'));
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

describe.each([
  { nodes: 3, clones: 0, replicas: 0 },
  { nodes: 3, clones: 1, replicas: 1 },
  { nodes: 4, clones: 0, replicas: 0 },
  { nodes: 5, clones: 1, replicas: 0 },
])('a cluster of $nodes voters, $clones clones, $replicas replicas', (shape) => {
  it.each(['none', 'network', 'crash', 'disk', 'clock', 'membership', 'all'])(
    'keeps its promises with faults: %s',
    (faults) => {
      const result = runSimulation(optionsOf(1, faults, shape));
      expect(problemsOf(result, faults, shape)).toEqual([]);
      expect(result.stats.appendsAccepted).toBeGreaterThan(0);
    },
  );
});
