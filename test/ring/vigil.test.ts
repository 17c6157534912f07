/** When it pays to stay awake, and for how long. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Vigil } from '../../src/ring/vigil.js';

const LONGEST_MS = 0.4;

function afterWaits(...waitsMs: number[]): Vigil {
  const vigil = new Vigil(LONGEST_MS);
  for (const ms of waitsMs) vigil.took(ms);
  return vigil;
}

const repeated = (ms: number, times: number) => Array.from({ length: times }, () => ms);

describe('a vigil', () => {
  test.each([
    { name: 'not before anything is known', waits: [], pays: false },
    { name: 'not after one short wait', waits: [0.05], pays: false },
    { name: 'after many short waits', waits: repeated(0.05, 40), pays: true },
    { name: 'not if waits take longer than half of the longest', waits: repeated(0.21, 400), pays: false },
    { name: 'no more after one very long wait', waits: [...repeated(0.05, 40), 3_600_000], pays: false },
    {
      name: 'again, soon after a long rest',
      waits: [...repeated(0.05, 40), ...repeated(5, 40), ...repeated(0.05, 30)],
      pays: true,
    },
  ])('pays $name', ({ waits, pays }) => {
    expect(afterWaits(...waits).pays).toBe(pays);
  });

  test('with a longest of 0 never pays', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })), (waits) => {
        const vigil = new Vigil(0);
        for (const ms of waits) vigil.took(ms);
        expect(vigil.pays).toBe(false);
      }),
    );
  });

  test('is over as soon as what is waited for is there', () => {
    let looks = 0;
    expect(afterWaits(...repeated(0.05, 40)).keep(() => ++looks === 1000)).toBe(true);
    expect(looks).toBe(1000);
  });

  test('in vain is over after twice the usual wait, which is never beyond the longest while it pays', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { maxLength: 60 }), (waits) => {
        let nowMs = 0;
        const vigil = new Vigil(LONGEST_MS, () => {
          nowMs += 0.001;
          return nowMs;
        });
        for (const ms of waits) vigil.took(ms);
        if (!vigil.pays) return;
        expect(vigil.keep(() => false)).toBe(false);
        expect(nowMs).toBeLessThan(LONGEST_MS + 0.003);
      }),
    );
  });
});
