/** When a disk has enough room, little, or too little: at its marks, and between two marks and back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  levelOf,
  markBytes,
  type SpaceLevel,
  type SpaceMark,
  type SpaceMarks,
} from '../../src/base/disk-space.js';

const bytes = (count: number): SpaceMark => ({ bytes: count, share: 1 });
const MARKS: SpaceMarks = { warning: bytes(100), reserve: bytes(20) };
const TOTAL = 1000;

describe('a mark', () => {
  it.each([
    [{ bytes: 50, share: 1 }, 1000, 50],
    [{ bytes: Number.MAX_SAFE_INTEGER, share: 0.05 }, 1000, 50],
    // Of both the smaller one.
    [{ bytes: 40, share: 0.05 }, 1000, 40],
    [{ bytes: 60, share: 0.05 }, 1000, 50],
    [{ bytes: 0, share: 1 }, 1000, 0],
    // Whole bytes, and never more than the disk has.
    [{ bytes: 60, share: 0.05 }, 999, 49],
    [{ bytes: 5000, share: 1 }, 1000, 1000],
  ])('%j of a disk of %i is %i', (mark, totalBytes, expected) => {
    expect(markBytes(mark, { totalBytes })).toBe(expected);
  });
});

describe('the level', () => {
  it.each<[SpaceLevel, number, SpaceLevel]>([
    ['unknown', 100, 'ok'],
    ['unknown', 99, 'low'],
    ['unknown', 20, 'low'],
    ['unknown', 19, 'short'],
    ['ok', 100, 'ok'],
    ['ok', 99, 'low'],
    ['ok', 0, 'short'],
    // A tenth above the mark it is over.
    ['low', 100, 'low'],
    ['low', 109, 'low'],
    ['low', 110, 'ok'],
    ['low', 20, 'low'],
    ['low', 19, 'short'],
    ['short', 20, 'short'],
    ['short', 21, 'short'],
    ['short', 22, 'low'],
    ['short', 109, 'low'],
    ['short', 110, 'ok'],
  ])('from %s with %i free is %s', (before, freeBytes, expected) => {
    expect(levelOf(before, { freeBytes, totalBytes: TOTAL }, MARKS)).toBe(expected);
  });

  it('is always ok where both marks are 0, however full the disk is', () => {
    const off = { warning: bytes(0), reserve: bytes(0) };
    for (const before of ['unknown', 'ok', 'low', 'short'] as const)
      expect(levelOf(before, { freeBytes: 0, totalBytes: TOTAL }, off)).toBe('ok');
  });

  const marks = fc.record({
    bytes: fc.integer({ min: 0, max: 2 * TOTAL }),
    share: fc.double({ min: 0, max: 0.5, noNaN: true }),
  });
  const looks = fc.array(fc.integer({ min: 0, max: TOTAL }), { minLength: 1, maxLength: 30 });

  it('refuses whenever there is less than the reserve, and an empty disk is always ok again', () => {
    fc.assert(
      fc.property(fc.record({ warning: marks, reserve: marks }), looks, (both, frees) => {
        let level: SpaceLevel = 'unknown';
        for (const freeBytes of frees) {
          level = levelOf(level, { freeBytes, totalBytes: TOTAL }, both);
          const reserve = markBytes(both.reserve, { totalBytes: TOTAL });
          const warning = markBytes(both.warning, { totalBytes: TOTAL });
          if (freeBytes < reserve) expect(level).toBe('short');
          if (freeBytes >= reserve && freeBytes < warning) expect(level).not.toBe('ok');
        }
        expect(levelOf(level, { freeBytes: TOTAL, totalBytes: TOTAL }, both)).toBe('ok');
      }),
    );
  });

  it('does not change twice while the free space stays within a tenth above a mark', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1000, max: 1099 }), { maxLength: 20 }), (frees) => {
        const both = { warning: bytes(1000), reserve: bytes(0) };
        const levels = new Set<SpaceLevel>();
        let level = levelOf('ok', { freeBytes: 999, totalBytes: 10_000 }, both);
        for (const freeBytes of frees) {
          level = levelOf(level, { freeBytes, totalBytes: 10_000 }, both);
          levels.add(level);
        }
        expect([...levels].filter((seen) => seen !== 'low')).toEqual([]);
      }),
    );
  });
});
