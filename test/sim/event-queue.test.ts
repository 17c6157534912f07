import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/sim/event-queue.js';

function drain(queue: EventQueue, limitMs = Number.POSITIVE_INFINITY): number[] {
  const times: number[] = [];
  for (let event = queue.next(limitMs); event !== undefined; event = queue.next(limitMs)) {
    event.run();
    times.push(queue.nowMs);
  }
  return times;
}

describe('the event queue', () => {
  it('lets everything happen in the order of time, and what is for the same moment in the order of scheduling', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const queue = new EventQueue();
        const happened: [number, number][] = [];
        for (const [index, time] of times.entries()) queue.at(time, () => happened.push([time, index]));
        drain(queue);
        const sorted = times.map((time, index): [number, number] => [time, index]);
        sorted.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(happened).toEqual(sorted);
      }),
    );
  });

  it('takes a time that has passed for now', () => {
    const queue = new EventQueue();
    const seen: number[] = [];
    queue.at(10, () => queue.at(3, () => seen.push(queue.nowMs)));
    drain(queue);
    expect(seen).toEqual([10]);
  });

  it('stops at the limit, which is then the time', () => {
    const queue = new EventQueue();
    queue.at(5, () => undefined);
    queue.at(15, () => undefined);
    expect(drain(queue, 10)).toEqual([5]);
    expect(queue.nowMs).toBe(10);
    expect(queue.length).toBe(1);
  });

  it('drops what was cancelled', () => {
    const queue = new EventQueue();
    const seen: string[] = [];
    queue.at(1, () => seen.push('kept'));
    queue.at(2, () => seen.push('cancelled')).cancelled = true;
    drain(queue);
    expect(seen).toEqual(['kept']);
  });
});
