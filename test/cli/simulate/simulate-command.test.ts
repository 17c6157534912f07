import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { failureLines } from '../../../src/cli/simulate/simulate-report.js';
import { NO_FAULTS } from '../../../src/sim/faults/fault-plan.js';
import { runSimulation } from '../../../src/sim/simulation.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const SHORT = ['--ticks', '1500', '--faults', 'network,crash'];

function simulate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'simulate', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function summary(...args: string[]): Record<string, unknown> {
  const { status, stdout } = simulate(...args, '-o', 'json');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('cairn simulate', () => {
  it('replays a seed: the same trace, hash for hash', () => {
    const first = summary('--seed', '5', ...SHORT);
    expect(first).toMatchObject({ seeds: 1, violations: 0 });
    expect(first['virtualSeconds']).toBeGreaterThanOrEqual(1.5);
    expect(first['traceHash']).toMatch(/^[0-9a-f]{16}$/);
    expect(summary('--seed', '5', ...SHORT)['traceHash']).toBe(first['traceHash']);
    expect(summary('--seed', '6', ...SHORT)['traceHash']).not.toBe(first['traceHash']);
  });

  it('runs many seeds, with the same result on any number of workers', () => {
    const range = ['--seeds', '6', '--first-seed', '10', '--nodes', '4', ...SHORT];
    const alone = summary(...range);
    const { seconds: _, ...shared } = summary(...range, '--jobs', '2');
    expect(alone).toMatchObject({ ...shared, seeds: 6 });
  });

  it.each([
    ['--faults', 'earthquake'],
    ['--nodes', '0'],
    ['--seed', 'x'],
  ])('refuses %s %s', (...args) => {
    const { status, stderr } = simulate(...args);
    expect(status).toBe(2);
    expect(stderr).toContain('[invalid-configuration]');
  });

  it('tells of a failure what broke, the last events, and the command that replays it', () => {
    const options = { nodes: 5, clones: 1, replicas: 0, virtualMs: 500, faults: NO_FAULTS };
    const failed = {
      ...runSimulation({ ...options, seed: 3 }),
      violations: [{ invariant: 'quorum', message: 'two of five', timeMs: 12.5, node: 'n2' }],
      lastEvents: ['an event'],
    };
    expect(failureLines(failed, { first: 3, count: 1, options, faultsText: 'none' })).toEqual([
      'an event',
      'seed 3: quorum: two of five (at 12.500 ms, n2)',
      'replay: cairn simulate --seed 3 --nodes 5 --clones 1 --ticks 500 --faults none',
    ]);
  });
});
