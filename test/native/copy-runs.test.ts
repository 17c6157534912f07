/** Many small copies in one call: every implementation copies the same, and none reaches outside. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssertionFailure } from '../../src/base/assert.js';
import type { RecordKernel } from '../../src/base/ports.js';
import { kernelsByName } from '../../src/native/platform.js';
import { noise } from './disks.js';

describe.each([...kernelsByName()])('%s', (_name, kernel: RecordKernel) => {
  test('copies each run to its place, into shared memory too, and touches nothing else', () => {
    const source = noise(5000);
    const run = fc.record({ from: fc.nat(4000), length: fc.nat(1000), gap: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 50 }), (runs) => {
        const expected = new Uint8Array(60_000).fill(0xee);
        const target = new Uint8Array(new SharedArrayBuffer(60_000)).fill(0xee);
        const words = new Int32Array(3 * runs.length + 3).fill(-1);
        let to = 0;
        for (const [index, { from, length, gap }] of runs.entries()) {
          to += gap;
          words.set([from, to, length], 3 * index);
          expected.set(source.subarray(from, from + length), to);
          to += length;
        }
        kernel.copyRuns(source, target, words, runs.length);
        expect(Buffer.compare(target, expected)).toBe(0);
      }),
    );
  });

  test('copies up to the very end of both, and nothing from nothing to nowhere', () => {
    const target = new Uint8Array(60);
    kernel.copyRuns(noise(100), target, Int32Array.of(50, 10, 50, 100, 60, 0), 2);
    expect(Buffer.compare(target.subarray(10), noise(100).subarray(50))).toBe(0);
    kernel.copyRuns(new Uint8Array(0), new Uint8Array(0), Int32Array.of(0, 0, 0), 1);
    kernel.copyRuns(new Uint8Array(0), new Uint8Array(0), new Int32Array(0), 0);
  });

  test.each([
    ['behind the source', 51, 0, 50],
    ['behind the target', 0, 11, 50],
    ['far behind', 0x7fff_ffff, 0, 0x7fff_ffff],
  ])('takes a run that reaches %s for a bug', (_title, from, to, length) => {
    const runs = Int32Array.of(0, 0, 1, from, to, length);
    expect(() => kernel.copyRuns(noise(100), new Uint8Array(60), runs, 2)).toThrow(AssertionFailure);
  });
});
