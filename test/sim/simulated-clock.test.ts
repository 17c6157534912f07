import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/sim/simulated-clock.js';

describe('a simulated clock', () => {
  it('never goes back, however it drifts and jumps', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.double({ min: 0.5, max: 2, noNaN: true }));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.array(step), (offset, steps) => {
        const clock = new SimulatedClock(offset);
        let virtual = 0;
        let last = clock.localMs(0);
        for (const [afterMs, rate] of steps) {
          virtual += afterMs;
          clock.drift(virtual, rate);
          clock.jump(-1e9);
          const now = clock.localMs(virtual);
          expect(now).toBeGreaterThanOrEqual(last);
          last = now;
        }
      }),
    );
  });

  it('knows when it will show a time', () => {
    const clock = new SimulatedClock(1000);
    clock.drift(50, 2);
    expect(clock.localMs(60)).toBe(1070);
    expect(clock.virtualMs(1090)).toBe(70);
  });

  it('shows at least what was reached, and jumps only on the wall', () => {
    const clock = new SimulatedClock(0);
    clock.reach(5);
    expect(clock.localMs(4)).toBe(5);
    const before = clock.wallUs(10);
    clock.jump(-3_000_000);
    expect(clock.wallUs(10)).toBe(before - 3_000_000);
    expect(clock.localMs(10)).toBe(10);
  });
});
