/**
 * Three voters, whatever faults each seed draws. Together with swarm-of-more.test.ts some fifteen hundred seeds in about a minute and a half on two
 * cores. More of them: `npm run test:simulate`, `cairn simulate --seeds 10000 --jobs 2`.
 */
import { expect, it } from 'vitest';
import { problemsOfSwarm, THREE } from './seeds.js';

const SEEDS = 800;

it('keeps its promises', () => {
  expect(problemsOfSwarm(SEEDS, THREE)).toEqual([]);
}, 480_000);
