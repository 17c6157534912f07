import { describe, expect, test } from 'vitest';
import type { Passage } from '../../../bench/zones/proxy/passages.js';
import { commitsOf, costsOf, messagesPerWrite } from '../../../bench/zones/stages.js';

function passage(
  kind: string,
  [from, to]: readonly [string, string],
  [enteredMs, leftMs]: readonly [number, number],
  mark = 0,
): Passage {
  return { kind, from, to, enteredMs, leftMs, bytes: 1, mark };
}

/** A write from 0 to 20: two followers, b far away; a heartbeat, an old range and its ack in between. */
const WRITE: readonly Passage[] = [
  passage('append', ['(a)', 'L'], [1, 2]),
  passage('ack', ['b', 'L'], [1.5, 2.5], 100),
  passage('range', ['L', 'a'], [3, 4], 200),
  passage('range', ['L', 'b'], [3.5, 6], 200),
  passage('heartbeat', ['L', 'a'], [4, 5]),
  passage('ack', ['a', 'L'], [5, 6], 200),
  passage('ack', ['b', 'L'], [7, 7.5], 150),
  passage('ack', ['b', 'L'], [9, 12], 200),
  passage('appended', ['L', '(a)'], [14, 15]),
];
const RUN = { writes: [{ startMs: 0, endMs: 20 }], passages: WRITE };

describe('what passed over the links', () => {
  test('tells the messages of each write, whatever else passed', () => {
    const [commit, ...others] = commitsOf([...WRITE].reverse());
    expect(others).toEqual([]);
    expect([...commit!.acks].map(([name, ack]) => [name, ack.enteredMs])).toEqual([
      ['a', 5],
      ['b', 9],
    ]);
    expect(commit!.ranges.get('b')?.leftMs).toBe(6);
  });

  test('tells what each part took besides the links', () => {
    const { leader, all } = costsOf(RUN, RUN, ['a', 'b']);
    // The client: 20 in all, 14 of them from the entry of its request to the arrival of the answer.
    expect(leader).toEqual([[6, 12]]);
    expect(all).toEqual([
      {
        client: 6,
        after: 2,
        followers: [
          { before: 1, follower: 1 },
          { before: 1.5, follower: 3 },
        ],
      },
    ]);
  });

  test('leaves out a write whose acks were not all seen', () => {
    expect(costsOf(RUN, RUN, ['a', 'b', 'c']).all).toEqual([]);
  });

  test('tells how many messages a write needs, heartbeats aside', () => {
    expect(messagesPerWrite(WRITE, 2)).toBe(4);
  });
});
