import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BASE, type Configuration, labelOf } from '../../../bench/sweep/configuration.js';
import type { Measurement } from '../../../bench/sweep/measurement.js';
import { type MeasureOnce, runSweeps } from '../../../bench/sweep/run-sweeps.js';
import { CairnError } from '../../../src/base/errors.js';
import { sample } from './sample.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-suite-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const POINTS: readonly Configuration[] = [1, 2, 3].map((inFlight) => ({ ...BASE, inFlight }));
const SETTINGS = { seconds: 1, warmupSeconds: 0, urls: [], directory: '.' };

describe('the runs of a suite', () => {
  test('go over all points once, then again in the opposite order, each in a folder that is gone afterwards', async () => {
    const order: string[] = [];
    const { measurements, told } = await run((point, repetition, own) => {
      expect(existsSync(own)).toBe(true);
      order.push(`${point.inFlight}.${repetition}`);
      return Promise.resolve(sample(point, { repetition }));
    });
    expect(order).toEqual(['1.1', '2.1', '3.1', '3.2', '2.2', '1.2']);
    expect(measurements).toHaveLength(6);
    expect(readdirSync(folder)).toEqual([]);
    expect(told[0]).toBe('3 points, 2 times each: about 11 s');
    expect(told).toHaveLength(7);
    expect(told[6]).toMatch(/^6\/6 in process, 1 in flight: 100,000 events\/s, p50 200 µs; /);
  });

  test('end when they are told to, with what they have', async () => {
    const { measurements } = await run((point, repetition, _own, stop) => {
      if (point.inFlight === 2) stop();
      return Promise.resolve(sample(point, { repetition }));
    });
    expect(measurements.map(({ inFlight }) => inFlight)).toEqual([1, 2]);
  });

  test('leave out what the interruption itself made fail', async () => {
    const { measurements, failed } = await run((point, repetition, _own, stop) => {
      if (point.inFlight < 3) return Promise.resolve(sample(point, { repetition }));
      stop();
      return Promise.reject(new CairnError('connection-lost', 'the node heard of it, too'));
    });
    expect(measurements.map(({ inFlight }) => inFlight)).toEqual([1, 2]);
    expect(failed).toEqual([]);
  });

  test('tell of a point that fails once, and go on with the others', async () => {
    const { measurements, failed } = await run((point, repetition) =>
      point.inFlight === 2
        ? Promise.reject(new CairnError('disk-full', 'no room'))
        : Promise.resolve(sample(point, { repetition })),
    );
    expect(measurements.map(({ inFlight }) => inFlight)).toEqual([1, 3, 3, 1]);
    expect(failed).toEqual(['in process, 2 in flight: no room']);
  });

  test('fail if every point fails, and at once if it is a bug', async () => {
    await expect(run(() => Promise.reject(new CairnError('disk-full', 'no room')))).rejects.toMatchObject({
      code: 'disk-full',
    });
    await expect(run(() => Promise.reject(new TypeError('ours')))).rejects.toThrow(TypeError);
    expect(readdirSync(folder)).toEqual([]);
  });
});

type Measure = (...args: [...Parameters<MeasureOnce>, () => void]) => Promise<Measurement>;

async function run(measure: Measure) {
  const interruption = new AbortController();
  const [told, failed]: [string[], string[]] = [[], []];
  const stop = () => interruption.abort();
  const measurements = await runSweeps(
    { points: POINTS, repetitions: 2, settings: SETTINGS },
    folder,
    (point, repetition, own) => measure(point, repetition, own, stop),
    {
      interruption: interruption.signal,
      measured: () => undefined,
      failed: (point, error) => failed.push(`${labelOf(point)}: ${error.message}`),
      progress: (line) => told.push(line),
    },
  );
  return { measurements, told, failed };
}
