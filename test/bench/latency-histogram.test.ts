import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../bench/latency-histogram.js';

describe('latency histogram', () => {
  test('percentiles of 1 to 1000 µs are exact', () => {
    const histogram = new LatencyHistogram();
    for (let us = 1000; us >= 1; us--) histogram.record(us);
    expect(histogram.count).toBe(1000);
    expect(histogram.percentileUs(50)).toBe(500);
    expect(histogram.percentileUs(99)).toBe(990);
    expect(histogram.percentileUs(99.9)).toBe(999);
    expect(histogram.percentileUs(100)).toBe(1000);
  });

  test('one slow request among ten thousand shows at 99.99 and as the maximum, not at 99.9', () => {
    const histogram = new LatencyHistogram();
    for (let i = 0; i < 9999; i++) histogram.record(100);
    histogram.record(2_000_000);
    expect(histogram.percentileUs(99.9)).toBe(100);
    expect(histogram.maxUs).toBeGreaterThanOrEqual(2_000_000 * 0.999);
    expect(histogram.maxUs).toBeLessThanOrEqual(2_000_000 * 1.001);
  });

  test('latencies on both sides of the exact range count into the same percentiles', () => {
    const histogram = new LatencyHistogram();
    for (const us of [65_534, 65_535, 65_536, 70_000, 3e9]) histogram.record(us);
    expect(histogram.count).toBe(5);
    expect(histogram.percentileUs(40)).toBeGreaterThanOrEqual(65_535);
    expect(histogram.percentileUs(40)).toBeLessThanOrEqual(65_600);
    expect(histogram.maxUs).toBeGreaterThanOrEqual(599_000_000);
  });

  test('fractions are rounded, and a negative latency counts as zero', () => {
    const histogram = new LatencyHistogram();
    histogram.record(-3);
    histogram.record(99.6);
    expect(histogram.percentileUs(1)).toBe(0);
    expect(histogram.percentileUs(100)).toBe(100);
  });

  test('it can go on recording after it was asked', () => {
    const histogram = new LatencyHistogram();
    histogram.record(10);
    expect(histogram.percentileUs(50)).toBe(10);
    histogram.record(20);
    histogram.record(20);
    expect(histogram.percentileUs(50)).toBe(20);
    expect(histogram.count).toBe(3);
  });

  test('without any latency the percentiles are zero', () => {
    expect(new LatencyHistogram().percentileUs(99)).toBe(0);
  });
});
