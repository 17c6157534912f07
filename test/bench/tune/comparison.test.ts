import { describe, expect, test } from 'vitest';
import {
  isBetter,
  isNowhereWorse,
  meritsOf,
  ratioOf,
  smallestEnough,
} from '../../../bench/tune/comparison.js';
import type { EngineRun, RunFigures } from '../../../bench/tune/engine-runs.js';
import { defaultSettings } from '../../../bench/tune/settings.js';

describe('one setting is better than another', () => {
  test.each<[string, number[], number[], boolean]>([
    ['all rounds are better', [120, 130, 125], [100, 110, 105], true],
    ['the rounds overlap', [120, 130, 105], [100, 110, 105], false],
    ['it is less than 5 %', [104, 103, 104.5], [100, 101, 102], false],
    ['there is one round each, and a little difference', [110], [100], false],
    ['there is one round each, and a large difference', [140], [100], true],
    ['one of them was not run', [], [100], false],
  ])('if %s: %j against %j', (_, ones, others, expected) => {
    expect(isBetter(ones, others)).toBe(expected);
    expect(isBetter(others, ones)).toBe(false);
  });

  test('by how much, at the median', () => {
    expect(ratioOf([120, 90, 100], [50, 40, 60])).toBe(2);
    expect(ratioOf([], [1])).toBeNaN();
  });
});

describe('the smallest cap that is enough', () => {
  const of = (rates: Record<number, number[]>) =>
    Object.entries(rates).map(([value, each]) => ({ value: Number(value), rates: each }));

  test('is the proposed one as long as the rounds leave a doubt', () => {
    const noisy = of({ 1: [40, 90, 60], 4: [50, 95, 70], 16: [60, 120, 90] });
    expect(smallestEnough(noisy, 4, 0.8)).toBe(4);
  });

  test('is a larger one if the proposed one is beyond doubt too slow', () => {
    expect(smallestEnough(of({ 1: [10, 11, 12], 4: [50, 51, 52], 16: [100, 101, 102] }), 4, 0.8)).toBe(16);
  });

  test('is a smaller one if that is beyond doubt fast enough', () => {
    expect(smallestEnough(of({ 1: [95, 96, 97], 4: [99, 100, 101], 16: [100, 101, 102] }), 4, 0.8)).toBe(1);
    expect(smallestEnough(of({ 1: [60, 61, 62], 4: [99, 100, 101], 16: [100, 101, 102] }), 4, 0.8)).toBe(4);
  });
});

test('several merits are taken together, round by round, and of times the shorter is the better', () => {
  const run = (figures: Partial<RunFigures>[]) => ({ rounds: figures }) as unknown as EngineRun;
  const found: Record<string, EngineRun> = {
    lone: run([{ p50Us: 100 }, { p50Us: 200 }]),
    flood: run([{ eventsPerSecond: 400 }, { eventsPerSecond: 800 }, { eventsPerSecond: 1 }]),
  };
  const runs = { find: (_: unknown, load: string) => found[load] };
  const merits = [['lone', 'p50'] as const, ['flood', 'rate'] as const];
  expect(meritsOf(runs, defaultSettings(), merits)).toEqual([2, 2]);
  expect(meritsOf(runs, defaultSettings(), [['steady', 'p99']])).toEqual([]);
});

test('who wins in one merit and loses in the other is not better everywhere', () => {
  const run = (p50Us: number, eventsPerSecond: number) =>
    ({ rounds: [{ p50Us, eventsPerSecond }] }) as unknown as EngineRun;
  const one = { ...defaultSettings(), SyncMode: 'dsync' } as const;
  const other = defaultSettings();
  const runsOf = (ofOne: EngineRun, ofOther: EngineRun) => ({
    find: (settings: EngineRun['settings']) => (settings === one ? ofOne : ofOther),
  });
  const merits = [['lone', 'p50'] as const, ['flood', 'rate'] as const];
  expect(isNowhereWorse(runsOf(run(50, 90), run(100, 100)), one, other, merits)).toBe(false);
  expect(isNowhereWorse(runsOf(run(50, 100), run(100, 100)), one, other, merits)).toBe(true);
});
