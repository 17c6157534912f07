import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkPerf } from '../../bench/check-command.js';
import {
  CLUSTER_SUITE,
  type Floor,
  meets,
  type RowOf,
  SINGLE_NODE_SUITE,
  type SuiteRun,
} from '../../bench/floors.js';
import type { BenchRow } from '../../bench/row.js';
import { sample } from './sweep/sample.js';

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    printed.push(line);
  });
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const LATENCY = SINGLE_NODE_SUITE[0]!;
const RATE = SINGLE_NODE_SUITE[1]!;

/** A row of a run with such a probe, latency and rate. */
function row(numbers: { p50Us?: number; probe4kP50Us?: number; eventsPerSecond?: number }): BenchRow {
  return sample({}, numbers);
}

async function check(suite: readonly SuiteRun[], rows: readonly RowOf['append'][], runs = '1') {
  const queue = [...rows];
  const isReached = await checkPerf(suite, { output: 'json', runs }, () => Promise.resolve(queue.shift()!));
  const floors = printed.map((line) => JSON.parse(line) as { verdict: string; ratio: { reached: number } });
  return { isReached, floors, verdicts: floors.map(({ verdict }) => verdict) };
}

describe('cairn check perf', () => {
  test('passes a latency that is few enough probes, and fails one that is more', async () => {
    const fine = await check([LATENCY], [row({ p50Us: 140, probe4kP50Us: 80 })]);
    expect([fine.isReached, ...fine.verdicts]).toEqual([true, 'PASS']);
    printed = [];
    const slow = await check([LATENCY], [row({ p50Us: 150, probe4kP50Us: 80 })]);
    expect([slow.isReached, ...slow.verdicts]).toEqual([false, 'FAIL']);
    expect(slow.floors[0]!.ratio.reached).toBe(1.88);
  });

  test('passes a rate as it stands, whatever the probe', async () => {
    const { verdicts } = await check([RATE], [row({ eventsPerSecond: 900_000, probe4kP50Us: 40 })]);
    expect(verdicts).toEqual(['PASS', 'PASS']);
  });

  test('on a slower disk a rate counts in the time of its probe', async () => {
    const half = row({ eventsPerSecond: 450_000, probe4kP50Us: 178 });
    expect((await check([RATE], [half])).verdicts[0]).toBe('PASS');
    printed = [];
    const less = row({ eventsPerSecond: 440_000, probe4kP50Us: 178 });
    expect((await check([RATE], [less])).verdicts[0]).toBe('FAIL');
  });

  test('is unsure of what passed beside a probe that was held up, and that is no pass', async () => {
    const quiet = row({ eventsPerSecond: 1_000_000, probe4kP50Us: 80 });
    const heldUp = row({ p50Us: 280, probe4kP50Us: 1700 });
    const { isReached, verdicts } = await check([LATENCY, RATE], [heldUp, quiet]);
    expect(verdicts).toEqual(['UNSURE', 'PASS', 'PASS']);
    expect(isReached).toBe(false);
  });

  test('judges by the median of the runs', async () => {
    const rows = [130, 900, 140].map((p50Us) => row({ p50Us, probe4kP50Us: 80 }));
    expect((await check([LATENCY], rows, '3')).verdicts).toEqual(['PASS']);
  });

  test('skips what can not be run here, and fails nobody for it', async () => {
    const run = CLUSTER_SUITE.find(({ bench }) => bench === 'slow-follower')!;
    const skipped = { bench: 'slow-follower', skipped: 'no strace' } as const;
    expect(await checkPerf([run], { output: 'json' }, () => Promise.resolve(skipped))).toBe(true);
    expect(JSON.parse(printed[0]!)).toMatchObject({ verdict: 'SKIPPED', reached: 'no strace' });
  });

  test('for people there is a table, and how many passed', async () => {
    await checkPerf([LATENCY], { runs: '1' }, () => Promise.resolve(row({ p50Us: 100 })));
    expect(printed[1]).toMatch(/^PASS {2}in process, 1 in flight .*1\.25 +≤ 1\.8/);
    expect(printed.at(-1)).toBe('1 floors: 1 PASS');
  });

  test.each([
    [{ runs: '0' }, '--runs'],
    [{ output: 'xml' }, '--output'],
    [{ syncMode: 'none' }, '--sync-mode'],
  ])('%j is refused before anything runs', async (flags, part) => {
    const runOnce = vi.fn();
    await expect(checkPerf([LATENCY], flags, runOnce)).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringContaining(part) as string,
    });
    expect(runOnce).not.toHaveBeenCalled();
  });
});

test('every floor has a ratio that says yes where the floor does, on the disk where it was set', () => {
  for (const run of SINGLE_NODE_SUITE) {
    for (const floor of run.floors as readonly Floor<BenchRow>[]) {
      for (const eventsPerSecond of [10_000, 5_000_000]) {
        for (const p50Us of [90, 9000]) {
          const judged = { ...row({ eventsPerSecond, p50Us, probe4kP50Us: 89 }) };
          if (floor.name.includes('4096')) continue;
          expect([floor.name, meets(floor.ratio(judged))]).toEqual([floor.name, floor.isReached(judged)]);
        }
      }
    }
  }
});
