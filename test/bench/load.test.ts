import { describe, expect, test } from 'vitest';
import { ClosedLoop } from '../../bench/closed-loop.js';
import { BurstClock, type LoadPlan } from '../../bench/load.js';
import { OpenLoop } from '../../bench/open-loop.js';
import { Schedule } from '../../bench/schedule.js';

describe('open-loop schedule', () => {
  test('request k is intended to start at start + k / rate', () => {
    const schedule = new Schedule(5_000, 4_000, 1_000_000);
    expect(schedule.requests).toBe(4_000);
    expect(schedule.intendedUs(0)).toBe(5_000);
    expect(schedule.intendedUs(1)).toBe(5_250);
    expect(schedule.intendedUs(3_999)).toBe(5_000 + 3_999 * 250);
  });

  test('what is due grows with the clock alone and ends with the schedule', () => {
    const schedule = new Schedule(1_000, 1_000, 10_000);
    const due = [0, 999, 1_000, 1_999, 2_000, 5_500, 10_999, 11_000, 1e9].map((now) => schedule.dueBy(now));
    expect(due).toEqual([0, 0, 1, 1, 2, 5, 10, 10, 10]);
  });

  test('every due request has an intended start that is not in the future', () => {
    const schedule = new Schedule(0, 3_333.3, 1_000_000);
    for (let now = 0; now < 1_000_000; now += 777) {
      const due = schedule.dueBy(now);
      expect(schedule.intendedUs(due - 1)).toBeLessThanOrEqual(now);
      if (due < schedule.requests) expect(schedule.intendedUs(due)).toBeGreaterThan(now);
    }
  });
});

test('the burst clock is read again when it expires, and after sixteen readings', () => {
  let time = 0;
  const clock = new BurstClock(() => ++time);
  expect(Array.from({ length: 17 }, () => clock.now())).toEqual([...new Array(16).fill(1), 2]);
  clock.expire();
  expect(clock.now()).toBe(3);
});

describe('closed loop', () => {
  test('keeps exactly so many requests open, and never two on one slot', async () => {
    const open = new Set<number>();
    let most = 0;
    const load = new ClosedLoop(plan({ inFlight: 7 }), (slot) => {
      expect(open.has(slot)).toBe(false);
      open.add(slot);
      most = Math.max(most, open.size);
      setImmediate(() => {
        open.delete(slot);
        load.completed(slot, true);
      });
    });
    const result = await load.run();
    expect(most).toBe(7);
    expect(open.size).toBe(0);
    expect(result.requests).toBeGreaterThan(0);
    expect(result.latency.count).toBe(result.requests);
    expect(result.seconds).toBeGreaterThanOrEqual(0.02);
  });

  test('answers that come within submit are counted and the run still ends', async () => {
    let submitted = 0;
    const load = new ClosedLoop(plan({ inFlight: 3 }), (slot) => {
      submitted++;
      load.completed(slot, true);
    });
    const result = await load.run();
    expect(result.requests).toBeGreaterThan(0);
    expect(result.requests).toBeLessThanOrEqual(submitted);
  });

  test('failures are counted apart and have no latency', async () => {
    let calls = 0;
    const load = new ClosedLoop(plan({ inFlight: 2 }), (slot) => {
      calls++;
      setImmediate(() => load.completed(slot, false));
    });
    const result = await load.run();
    expect(result.errors).toBe(calls);
    expect(result.requests).toBe(0);
    expect(result.latency.count).toBe(0);
  });
});

describe('open loop', () => {
  test('starts every scheduled request and counts those of the measured time', async () => {
    let submitted = 0;
    const load = new OpenLoop(plan({ inFlight: 50, warmupUs: 10_000 }), 10_000, (slot) => {
      submitted++;
      setImmediate(() => load.completed(slot, true));
    });
    const result = await load.run();
    expect(submitted).toBe(300);
    expect(result.requests).toBe(200);
    expect(result.latency.count).toBe(200);
  });

  test('a stall counts for everybody who ought to have started meanwhile', async () => {
    const stallMs = 20;
    let stalled = false;
    // One slot: while the first request is held up for 20 ms, the 20 after it wait for it.
    const load = new OpenLoop(plan({ inFlight: 1, measureUs: 40_000 }), 1_000, (slot) => {
      const delayMs = stalled ? 0 : stallMs;
      stalled = true;
      if (delayMs > 0) setTimeout(() => load.completed(slot, true), delayMs);
      else setImmediate(() => load.completed(slot, true));
    });
    const result = await load.run();
    expect(result.requests).toBe(40);
    expect(result.latency.percentileUs(100)).toBeGreaterThanOrEqual(19_000);
    // The request that was to start 10 ms into the stall waited for the other half of it.
    expect(result.latency.percentileUs(75)).toBeGreaterThanOrEqual(9_000);
  });
});

function plan(changes: Partial<LoadPlan>): LoadPlan {
  return {
    inFlight: 1,
    warmupUs: 0,
    measureUs: 20_000,
    ...changes,
  };
}
