/**
 * Three voters, whatever faults each seed draws. Together with swarm-of-more.test.ts over five hundred seeds in some twenty seconds on two
 * cores. More of them: `npm run test:simulate`, `cairn simulate --seeds 10000 --jobs 2`.
 */
import { expect, it } from 'vitest';
import { problemsOfSwarm, THREE } from './seeds.js';

const SEEDS = 320;

it('keeps its promises', () => {
  expect(problemsOfSwarm(SEEDS, THREE)).toEqual([]);
}, 480_000);
