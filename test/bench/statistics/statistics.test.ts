import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchSamples } from '../../../bench/statistics/batch-samples.js';
import { fitLine } from '../../../bench/statistics/line-fit.js';
import { differenceOf } from '../../../bench/statistics/noise.js';
import { median, quantile, relativeRange, spreadOf } from '../../../bench/statistics/spread.js';
import { NOTHING_WRITTEN } from '../../../src/ring/writer-statistics.js';

describe('quantiles', () => {
  test('the median of an odd number of values is the middle one, of an even number the mean of two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  test('others lie between their neighbours in proportion', () => {
    expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20);
    expect(quantile([0, 10], 0.9)).toBeCloseTo(9);
    expect(quantile([3, 1, 2], 1)).toBe(3);
    expect(quantile([3, 1, 2], 0)).toBe(1);
  });

  test('a spread is the least and the most, relative to the median', () => {
    const spread = spreadOf([90, 110, 100]);
    expect(spread).toEqual({ median: 100, least: 90, most: 110, count: 3 });
    expect(relativeRange(spread)).toBeCloseTo(0.2);
    expect(relativeRange(spreadOf([0]))).toBe(0);
  });
});

describe('a fitted line', () => {
  test('goes through points that lie on one, whatever they weigh', () => {
    const points = [4096, 8192, 65_536, 1_048_576].map((x, index) => ({
      x,
      y: 85 + x * 0.00035,
      count: index + 1,
    }));
    const fit = fitLine(points)!;
    expect(fit.fixed).toBeCloseTo(85, 6);
    expect(fit.perUnit).toBeCloseTo(0.00035, 10);
    expect(fit.relativeError).toBeCloseTo(0, 9);
  });

  test('counts errors relative to the value: a large one that is off does not lift the small ones', () => {
    const points = [
      { x: 0, y: 100, count: 1 },
      { x: 10, y: 110, count: 1 },
      { x: 1000, y: 2200, count: 1 },
    ];
    // Ordinary least squares would put the line at 89 for x = 0.
    expect(fitLine(points)!.fixed).toBeGreaterThan(95);
  });

  test('weighs a point by how many measurements it stands for', () => {
    const twice = [
      { x: 1, y: 10, count: 1 },
      { x: 2, y: 30, count: 1 },
      { x: 2, y: 30, count: 1 },
      { x: 3, y: 35, count: 1 },
    ];
    const counted = [twice[0]!, { x: 2, y: 30, count: 2 }, twice[3]!];
    expect(fitLine(counted)!.perUnit).toBeCloseTo(fitLine(twice)!.perUnit, 10);
  });

  test('is not there without two different x', () => {
    expect(fitLine([])).toBeUndefined();
    expect(fitLine([{ x: 1, y: 2, count: 9 }])).toBeUndefined();
    expect(
      fitLine([
        { x: 1, y: 2, count: 9 },
        { x: 1, y: 3, count: 9 },
      ]),
    ).toBeUndefined();
  });

  test('finds any line again', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e4, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        (fixed, perUnit) => {
          const fit = fitLine([1, 10, 100, 5000].map((x) => ({ x, y: fixed + perUnit * x, count: 1 })))!;
          expect(fit.fixed).toBeCloseTo(fixed, 3);
          expect(fit.perUnit / perUnit).toBeCloseTo(1, 3);
        },
      ),
    );
  });
});

describe('the noise rule', () => {
  test('a difference beyond the wider range is beyond the noise', () => {
    expect(differenceOf([100, 101, 99], [120, 121, 119])).toMatchObject({
      before: 100,
      after: 120,
      change: 0.2,
      noise: 0.02,
      verdict: 'beyond',
    });
  });

  test('a difference within the wider range is not, whichever side that is', () => {
    expect(differenceOf([100, 130, 90], [120, 121, 119]).verdict).toBe('within');
    expect(differenceOf([120, 121, 119], [100, 130, 90]).verdict).toBe('within');
  });

  test('less than five per cent is never beyond it', () => {
    expect(differenceOf([100, 100, 100], [104, 104, 104]).verdict).toBe('within');
  });

  test('of fewer than three repetitions nobody can say', () => {
    expect(differenceOf([100, 100], [200, 200, 200]).verdict).toBe('unknown');
    expect(differenceOf([100, 100, 100], [200]).verdict).toBe('unknown');
  });

  test('nothing and nothing are the same', () => {
    expect(differenceOf([0, 0, 0], [0, 0, 0])).toMatchObject({ change: 0, noise: 0, verdict: 'within' });
  });
});

describe('batches one by one', () => {
  const totals = NOTHING_WRITTEN;

  test('are told apart by the differences of running totals', () => {
    const samples = sampled(
      { ...totals, batches: 1, recordBytes: 352, diskBytes: 4096, writeMs: 0.05, syncMs: 0.06 },
      { ...totals, batches: 2, recordBytes: 704, diskBytes: 8192, writeMs: 0.1, syncMs: 0.14 },
      { ...totals, batches: 3, recordBytes: 70_704, diskBytes: 81_920, writeMs: 0.2, syncMs: 0.24 },
    );
    expect(samples.times).toEqual([
      { diskBytes: 4096, batches: 2, p50Us: 120, syncP50Us: 70 },
      { diskBytes: 73_728, batches: 1, p50Us: 200, syncP50Us: 100 },
    ]);
  });

  test('that come together are not timed', () => {
    const samples = sampled({
      ...totals,
      batches: 4,
      recordBytes: 4096,
      diskBytes: 16_384,
      writeMs: 1,
      syncMs: 1,
    });
    expect(samples.times).toEqual([]);
  });

  test('are waited for while the writer is counting', () => {
    const counted = { ...totals, batches: 1, recordBytes: 352, diskBytes: 4096, writeMs: 0.05, syncMs: 0.05 };
    const samples = sampled(undefined, counted, undefined);
    expect(samples.times).toEqual([{ diskBytes: 4096, batches: 1, p50Us: 100, syncP50Us: 50 }]);
  });

  function sampled(...readings: (typeof totals | undefined)[]): BatchSamples {
    const queue = [totals, ...readings];
    const samples = new BatchSamples(() => queue.shift());
    for (const _ of readings) samples.sample();
    return samples;
  }
});
