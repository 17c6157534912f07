/** The memory that ranges are sent from. */
import { expect, test } from 'vitest';
import { RangeMemory } from '../../src/net/range-memory.js';

test('is used again as soon as a range has left, and not before', () => {
  const ranges = new RangeMemory();
  const first = ranges.take(100_000);
  const second = ranges.take(100_000);
  expect(second.buffer).not.toBe(first.buffer);
  ranges.give(first);
  expect(ranges.take(100_000)).toBe(first);
});

test('is as large as it must be, and replaced by larger memory when that is needed', () => {
  const ranges = new RangeMemory();
  const small = ranges.take(1);
  ranges.give(small);
  const large = ranges.take(small.length + 1);
  expect(large.length).toBeGreaterThan(small.length);
  ranges.give(large);
  expect(ranges.take(1)).toBe(large);
});

test('of a record that is larger than a range is not kept', () => {
  const ranges = new RangeMemory();
  const huge = ranges.take(8 * 1024 * 1024);
  expect(huge.length).toBe(8 * 1024 * 1024);
  ranges.give(huge);
  expect(ranges.take(1).length).toBeLessThan(1024 * 1024);
});
