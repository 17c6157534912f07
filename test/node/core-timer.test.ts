import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CoreTimer } from '../../src/node/core-timer.js';

let deadlineMs = Number.POSITIVE_INFINITY;
let ticks: number[] = [];
let timer: CoreTimer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  deadlineMs = Number.POSITIVE_INFINITY;
  ticks = [];
  timer = new CoreTimer(
    () => deadlineMs,
    () => {
      ticks.push(performance.now());
      deadlineMs = Number.POSITIVE_INFINITY;
    },
  );
});

afterEach(() => {
  timer.stop();
  vi.useRealTimers();
});

function setDeadline(inMs: number): number {
  deadlineMs = performance.now() + inMs;
  timer.schedule();
  return deadlineMs;
}

describe('the core is called', () => {
  test('when its time has come: not before, and once', () => {
    const due = setDeadline(150);
    vi.advanceTimersByTime(149);
    expect(ticks).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(ticks).toEqual([due]);
  });

  test('never, if it wants nothing', () => {
    timer.schedule();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('at once, if its time is over already', () => {
    setDeadline(-50);
    vi.advanceTimersByTime(0);
    expect(ticks).toHaveLength(1);
  });

  test('earlier, if its deadline moves towards now', () => {
    setDeadline(1_000);
    const due = setDeadline(20);
    vi.advanceTimersByTime(2_000);
    expect(ticks).toEqual([due]);
  });

  test('later, if its deadline moves away, with no call in between', () => {
    setDeadline(20);
    const due = setDeadline(500);
    vi.advanceTimersByTime(499);
    expect(ticks).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ticks).toEqual([due]);
  });

  test('not early, though deadlines have fractions of milliseconds and timers have not', () => {
    const due = setDeadline(10.25);
    vi.advanceTimersByTime(10);
    expect(ticks).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ticks).toEqual([Math.ceil(due)]);
  });

  test('again and again, by one timer, whoever schedules meanwhile', () => {
    const beats: number[] = [];
    const beating = new CoreTimer(
      () => (beats.at(-1) ?? performance.now() - 100) + 100,
      () => {
        beats.push(performance.now());
        beating.schedule();
      },
    );
    const start = performance.now();
    for (let i = 0; i < 3; i++) beating.schedule();
    for (let i = 0; i < 30; i++) {
      vi.advanceTimersByTime(10);
      beating.schedule();
      expect(vi.getTimerCount()).toBe(1);
    }
    expect(beats).toEqual([0, 100, 200, 300].map((ms) => start + ms));
    beating.stop();
  });

  test('no more, once it is stopped', () => {
    setDeadline(10);
    timer.stop();
    setDeadline(5);
    vi.advanceTimersByTime(1_000);
    expect(ticks).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
