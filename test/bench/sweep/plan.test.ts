import { describe, expect, test } from 'vitest';
import { BASE, keyOf, labelOf, optionsOf } from '../../../bench/sweep/configuration.js';
import { parseSuiteOptions } from '../../../bench/sweep/suite-options.js';
import { planOf, pointsOf, SWEEP_NAMES } from '../../../bench/sweep/sweeps.js';
import { durationText, TimeLeft } from '../../../bench/sweep/time-left.js';

const SETTINGS = { seconds: 1, warmupSeconds: 0, urls: [], directory: '.' };

describe('the plan of a suite', () => {
  test.each(['quick', 'full'] as const)(
    '%s: every point can be measured, and none is there twice',
    (extent) => {
      const plan = planOf(SWEEP_NAMES, extent, 0);
      expect(new Set(plan.map(keyOf)).size).toBe(plan.length);
      expect(new Set(plan.map(labelOf)).size).toBe(plan.length);
      for (const point of plan) expect(optionsOf(point, SETTINGS).inFlight).toBe(point.inFlight);
    },
  );

  test('every sweep has points, and what it asks of an engine the engine gets', () => {
    for (const name of SWEEP_NAMES) expect(pointsOf(name, 'quick').length).toBeGreaterThan(0);
    const [point] = pointsOf('batch-cap', 'quick');
    expect(optionsOf(point!, SETTINGS).engine).toEqual({
      batchBytesMax: 65_536,
      chunkSize: BASE.chunkSize,
      chunks: 'prewritten',
    });
  });

  test('the quick plan compares all sync modes, fresh and prewritten, one node and three, closed and open loop', () => {
    const plan = planOf(SWEEP_NAMES, 'quick', 0);
    const seen = (field: keyof typeof BASE) => new Set(plan.map((point) => point[field]));
    expect(seen('syncMode')).toEqual(new Set(['fdatasync', 'dsync', 'none']));
    expect(seen('chunks')).toEqual(new Set(['fresh', 'prewritten']));
    expect(seen('nodes')).toEqual(new Set([1, 3]));
    expect(seen('rate').has(0)).toBe(true);
    for (const field of ['rate', 'batchBytesMax', 'chunkSize', 'eventBytes', 'eventsPerRequest'] as const)
      expect(seen(field).size).toBeGreaterThan(1);
  });

  test('of nodes that run already only what changes nothing about them is asked, over ws', () => {
    const plan = planOf(SWEEP_NAMES, 'full', 2);
    expect(plan.length).toBeGreaterThan(5);
    for (const point of plan)
      expect(point).toMatchObject({ mode: 'ws', nodes: 2, syncMode: 'fdatasync', chunks: 'prewritten' });
  });

  test('nothing that is not durable runs on a node', () => {
    const unsafe = planOf(SWEEP_NAMES, 'full', 0).filter(({ syncMode }) => syncMode === 'none');
    expect(unsafe.length).toBeGreaterThan(0);
    for (const point of unsafe) {
      expect(point.mode).toBe('engine');
      expect(labelOf(point)).toContain('not durable');
    }
  });
});

describe('a point', () => {
  test('is called by what is not as usual', () => {
    expect(labelOf(BASE)).toBe('in process, 256 in flight');
    expect(labelOf({ ...BASE, mode: 'ws', nodes: 3, inFlight: 1 })).toBe('3 nodes, 1 in flight');
    expect(
      labelOf({ ...BASE, eventBytes: 4096, chunkSize: 2 ** 30, batchBytesMax: 65_536, chunks: 'fresh' }),
    ).toBe('in process, 256 in flight, events of 4 KiB, batches up to 64 KiB, chunks of 1 GiB, fresh');
  });
});

describe('the flags of a suite', () => {
  test('without any, everything is measured three times', () => {
    const { task } = parseSuiteOptions({ text: {} });
    expect(task).toMatchObject({ kind: 'measure', names: SWEEP_NAMES, out: undefined });
    expect(task.kind === 'measure' && task.plan).toMatchObject({
      repetitions: 3,
      settings: { seconds: 2, warmupSeconds: 1, urls: [], directory: '.' },
    });
  });

  test('sweeps, lengths and files are taken as they are given', () => {
    const text = { only: 'sync-mode, prewrite', runs: '5', seconds: '0.5', out: 'a.jsonl', report: 'a.html' };
    const { task, report } = parseSuiteOptions({ quick: true, text });
    expect(task).toMatchObject({ names: ['sync-mode', 'prewrite'], out: 'a.jsonl' });
    expect(report).toBe('a.html');
  });

  test.each([
    [{ text: { only: 'in-process,everything' } }, '--only'],
    [{ text: { only: 'sync-mode', url: 'ws://127.0.0.1:1' } }, '--url'],
    [{ text: { runs: '0' } }, '--runs'],
    [{ text: { output: 'xml' } }, '--output'],
    [{ text: {}, compare: ['a.jsonl'] }, '--compare'],
    [{ text: {}, compare: ['a', 'b', 'c'] }, '--compare'],
    [{ text: { report: 'a.html' }, compare: ['a', 'b'] }, '--report'],
  ])('%j is refused, and the message names %s', (flags, part) => {
    expect(() => parseSuiteOptions(flags)).toThrow(
      expect.objectContaining({
        code: 'invalid-configuration',
        message: expect.stringContaining(part) as string,
      }) as Error,
    );
  });
});

describe('the time left', () => {
  test('is what was expected until something is known', () => {
    expect(new TimeLeft([10, 20, 30]).left).toBe(60);
  });

  test('then what was expected, as much longer as what is done took', () => {
    const time = new TimeLeft([10, 20, 30]);
    time.finished(15);
    expect(time.left).toBe(75);
    time.finished(30);
    time.finished(1);
    expect(time.left).toBe(0);
  });

  test('is told in seconds, then in minutes', () => {
    expect([durationText(0.2), durationText(99.5), durationText(100), durationText(601)]).toEqual([
      '1 s',
      '100 s',
      '2 min',
      '11 min',
    ]);
  });
});
