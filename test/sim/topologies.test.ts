/** A leader for every connected majority. All 4,096 topologies of four nodes, half a minute: CAIRN_TOPOLOGIES=all. */
import { expect, it } from 'vitest';
import { checkTopology, topologyCount } from './topologies.js';

/** Of the 4,096: coprime to powers of two, so that every link is cut in about half of them. */
const SAMPLE_STEP = process.env['CAIRN_TOPOLOGIES'] === 'all' ? 1 : 31;

function problemsOf(nodes: number, step: number): string[] {
  const problems: string[] = [];
  for (let topology = 0; topology < topologyCount(nodes); topology += step) {
    const { problem } = checkTopology(nodes, topology, topology + 1);
    if (problem !== undefined) problems.push(`${nodes} nodes, topology ${topology}: ${problem}`);
  }
  return problems;
}

it('has a stable leader in every one-way topology of three nodes in which two hear each other', () => {
  expect(problemsOf(3, 1)).toEqual([]);
});

it('has a stable leader in a sample of the one-way topologies of four nodes in which three hear each other', () => {
  expect(problemsOf(4, SAMPLE_STEP)).toEqual([]);
}, 120_000);
