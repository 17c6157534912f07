/** Clusters with clones and replicas, of four and of five voters, whatever faults each seed draws: see swarm-of-three.test.ts. */
import { expect, it } from 'vitest';
import { problemsOfSwarm } from './seeds.js';

const SEEDS = 60;

it.each([
  { nodes: 3, clones: 1, replicas: 1 },
  { nodes: 4, clones: 0, replicas: 0 },
  { nodes: 5, clones: 0, replicas: 0 },
  { nodes: 5, clones: 1, replicas: 1 },
])(
  'keeps its promises with $nodes voters, $clones clones, $replicas replicas',
  (shape) => {
    expect(problemsOfSwarm(SEEDS, shape)).toEqual([]);
  },
  480_000,
);
