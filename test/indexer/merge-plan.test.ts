import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SegmentFile } from '../../src/index/manifest.js';
import { nextMerge } from '../../src/indexer/merge-plan.js';

/** Segments of so many chunks each, one behind the other. */
function segmentsOf(...spans: number[]): SegmentFile[] {
  let chunk = 0;
  return spans.map((span, file) => {
    const firstChunk = chunk;
    chunk += span;
    return { file, firstChunk, lastChunk: chunk - 1 };
  });
}

function planned(...spans: number[]): number[] | undefined {
  return nextMerge(segmentsOf(...spans))?.map(({ file }) => file);
}

describe('what is merged next', () => {
  test.each([
    ['nothing of few', [1, 1, 1, 1], undefined],
    ['four of a size, but never the newest', [1, 1, 1, 1, 1], [0, 1, 2, 3]],
    ['four larger ones', [4, 4, 4, 4, 1], [0, 1, 2, 3]],
    ['as many as there are', [1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5, 6]],
    ['the oldest that go together', [16, 1, 1, 1, 1, 1], [1, 2, 3, 4]],
    ['whatever grows fourfold', [2, 1, 1, 2, 2, 1], [0, 1, 2, 3, 4]],
    ['nothing that would hardly grow', [8, 4, 2, 1, 1, 1], undefined],
    ['nothing that would be too large', [64, 64, 64, 64, 1], undefined],
    ['up to the largest', [16, 16, 16, 16, 1], [0, 1, 2, 3]],
    ['two of a size if there are many', [2, 2, ...Array.from({ length: 30 }, () => 64)], [0, 1]],
  ] as const)('%s', (_, spans, expected) => {
    expect(planned(...spans)).toEqual(expected);
  });

  test('no neighbours of a gap, and nobody who is damaged', () => {
    const segments = segmentsOf(1, 1, 1, 1, 1, 1);
    expect(nextMerge(segments.filter(({ file }) => file !== 1))).toBeUndefined();
    expect(nextMerge(segments, ({ file }) => file !== 0)?.map(({ file }) => file)).toEqual([1, 2, 3, 4]);
  });

  test('leaves few segments, however many chunks the log has, and writes each chunk a few times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (chunks) => {
        let segments: SegmentFile[] = [];
        let written = 0;
        for (let chunk = 0; chunk < chunks; chunk++) {
          segments.push({ file: 1000 + chunk, firstChunk: chunk, lastChunk: chunk });
          written++;
          for (let run = nextMerge(segments); run !== undefined; run = nextMerge(segments)) {
            const merged = { file: 0, firstChunk: run[0]!.firstChunk, lastChunk: run.at(-1)!.lastChunk };
            written += merged.lastChunk - merged.firstChunk + 1;
            const at = segments.indexOf(run[0]!);
            segments = [...segments.slice(0, at), merged, ...segments.slice(at + run.length)];
          }
        }
        expect(segments.length).toBeLessThanOrEqual(chunks / 64 + 10);
        expect(written).toBeLessThanOrEqual(4 * chunks);
      }),
      { numRuns: 60 },
    );
  });
});
