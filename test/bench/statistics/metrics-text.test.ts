import { expect, test } from 'vitest';
import {
  bucketPercentile,
  bucketsBetween,
  growth,
  parseMetrics,
} from '../../../bench/statistics/metrics-text.js';

const scrape = (counts: readonly number[], total: number) =>
  parseMetrics(`# HELP x seconds
x_bucket{le="0.001",member="b"} ${counts[0]}
x_bucket{le="0.002",member="b"} ${counts[1]}
x_bucket{le="+Inf",member="b"} ${counts[2]}
x_bucket{le="0.001",member="c"} 99
x_sum{member="b"} ${counts[2]! / 1000}
x_sum{member="c"} 7
x_count{member="b"} ${counts[2]}
total 1e3
sum ${total}
`);
const before = scrape([5, 5, 5], 1.5);
const after = scrape([15, 35, 45], 4);

test('a histogram is what was counted between two scrapes, of exactly the labels that are asked for', () => {
  expect(bucketsBetween(before, after, 'x', { member: 'b' })).toEqual({
    bounds: [0.001, 0.002, Number.POSITIVE_INFINITY],
    counts: [10, 20, 10],
    count: 40,
    sum: 0.04,
  });
  expect(bucketsBetween(before, after, 'x', { member: 'c' })).toBeUndefined();
  expect(bucketsBetween(before, after, 'x', {})).toBeUndefined();
  expect(bucketsBetween(before, after, 'y', { member: 'b' })).toBeUndefined();
});

test('a percentile lies within its bucket, by its share; beyond the last bound it is that', () => {
  const buckets = bucketsBetween(before, after, 'x', { member: 'b' })!;
  expect(bucketPercentile(buckets, 25)).toBeCloseTo(0.001, 9);
  expect(bucketPercentile(buckets, 50)).toBeCloseTo(0.0015, 9);
  expect(bucketPercentile(buckets, 12.5)).toBeCloseTo(0.0005, 9);
  expect(bucketPercentile(buckets, 99)).toBe(0.002);
});

test('counters grow', () => {
  expect(growth(before, after, 'sum')).toBe(2.5);
  expect(growth(before, after, 'nothing')).toBe(0);
  expect(after.get('total')).toBe(1000);
});
