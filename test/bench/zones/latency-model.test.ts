import { describe, expect, test } from 'vitest';
import { logNormal, percentileOf, rising } from '../../../bench/zones/distribution.js';
import { costsFromFigures, predict } from '../../../bench/zones/latency-model.js';
import { NO_DELAY, RETRANSMISSION_MS_MIN, roundTripMs, transitMs } from '../../../bench/zones/link-shape.js';
import { leadersOf, placementsOf, zonesToLose } from '../../../bench/zones/placements.js';
import { parseTopology } from '../../../bench/zones/topology-file.js';
import type { AckPolicy } from '../../../src/cluster/ack-policy.js';
import { Random } from '../../../src/sim/random.js';

/** Constants alone, so that every latency has a closed form. */
const FIVE = `
zones: [a, b, c]
links:
  - { between: [a, b], delayMs: 2 }
  - { between: [a, c], delayMs: 10 }
  - { between: [b, c], delayMs: 9 }
within: { delayMs: 0.25 }
leader: a1
nodes:
  - { name: a1, zone: a, diskMs: 1 }
  - { name: a2, zone: a, diskMs: 4 }
  - { name: b1, zone: b, diskMs: 1.5 }
  - { name: c1, zone: c, diskMs: 0.5 }
  - { name: c2, zone: c, diskMs: 0.75 }
  - { name: far, zone: c, diskMs: 100, kind: clone }
`;
const topology = parseTopology(FIVE, 'five');

function medianOf(policy: AckPolicy, changed = topology): number | undefined {
  const input = { topology: changed, costs: costsFromFigures(changed), messageBytes: 0 };
  return predict(input, { policy, draws: 101, seed: 1 })?.p50Ms;
}

/** Acks reach a1 after: a2 0.5 + 4, b1 4 + 1.5, c1 20 + 0.5, c2 20 + 0.75. The client adds 0.5. */
describe('with constant delays and disks', () => {
  test.each([
    ['leader', 0.5 + 1],
    ['quorum', 0.5 + 5.5],
    ['quorum-and-zone', 0.5 + 5.5],
    ['all', 0.5 + 20.75],
  ] as const)('%s is what the leader and its followers take, by the closed form', (policy, expectedMs) => {
    expect(medianOf(policy)).toBeCloseTo(expectedMs, 9);
  });

  test('a leader whose own disk is slower than its quorum is waited for', () => {
    const slow = parseTopology(FIVE.replace('zone: a, diskMs: 1 }', 'zone: a, diskMs: 9 }'), 'slow');
    expect(medianOf('quorum', slow)).toBeCloseTo(0.5 + 9, 9);
    const { decidedBy } = predict(
      { topology: slow, costs: costsFromFigures(slow), messageBytes: 0 },
      { policy: 'quorum', draws: 10, seed: 1 },
    )!;
    expect([...decidedBy.keys()]).toEqual(['a1']);
  });

  test('another zone is waited for when the quorum is within one', () => {
    const three = parseTopology(
      `
links: [{ between: [a, b], delayMs: 10 }]
nodes: [{ name: a1, zone: a }, { name: a2, zone: a }, { name: b1, zone: b, diskMs: 1 }]
leader: a1
`,
      'three',
    );
    expect(medianOf('quorum', three)).toBe(0);
    expect(medianOf('quorum-and-zone', three)).toBeCloseTo(21, 9);
  });

  test('a policy that nobody can meet has no prediction', () => {
    expect(
      medianOf(
        'quorum-and-zone',
        parseTopology('nodes: [{ name: a1, zone: a }, { name: a2, zone: a }]', 'one'),
      ),
    ).toBeUndefined();
  });

  test('a message takes its bytes over the bandwidth, there and to the followers', () => {
    const narrow = parseTopology(
      FIVE.replace('between: [a, c], delayMs: 10', 'between: [a, c], delayMs: 10, bandwidthMbps: 8'),
      'narrow',
    );
    const input = { topology: narrow, costs: costsFromFigures(narrow), messageBytes: 1000 };
    // 1 ms for 1000 bytes at 8 Mbit/s, and 0.128 ms for an ack.
    expect(predict(input, { policy: 'all', draws: 3, seed: 1 })!.p50Ms).toBeCloseTo(
      0.5 + 20.75 + 1 + 0.128,
      9,
    );
  });
});

describe('draws', () => {
  test('have the median and the 99th percentile that they are asked for', () => {
    const random = new Random(7);
    const draw = logNormal(2, 10);
    const drawn = rising(Array.from({ length: 40_000 }, () => draw(random)));
    expect(percentileOf(drawn, 50)).toBeCloseTo(2, 1);
    expect(percentileOf(drawn, 99) / 10).toBeCloseTo(1, 1);
  });

  test('of a link have its median round trip', () => {
    const link = { ...NO_DELAY, delayMs: 1, jitterMs: 0.4 };
    const random = new Random(3);
    const drawn = rising(
      Array.from({ length: 40_000 }, () => transitMs(link, random) + transitMs(link, random)),
    );
    expect(percentileOf(drawn, 50)).toBeCloseTo(roundTripMs(link), 1);
  });

  test('of a lossy link are late by a retransmission as often as it loses', () => {
    const random = new Random(5);
    const drawn = Array.from({ length: 20_000 }, () =>
      transitMs({ ...NO_DELAY, delayMs: 1, loss: 0.1 }, random),
    );
    expect(drawn.filter((ms) => ms > RETRANSMISSION_MS_MIN).length / drawn.length).toBeCloseTo(0.1, 1);
  });

  test('of one seed are the same each time', () => {
    const jittery = parseTopology(FIVE.replaceAll('delayMs: 10 }', 'delayMs: 10, jitterMs: 3 }'), 'jittery');
    const all = () =>
      predict(
        { topology: jittery, costs: costsFromFigures(jittery), messageBytes: 0 },
        { policy: 'all', draws: 50, seed: 9 },
      );
    expect(all()).toEqual(all());
  });
});

describe('percentiles', () => {
  test('are by nearest rank', () => {
    const values = rising([15, 20, 35, 40, 50]);
    expect([5, 30, 40, 50, 100].map((percentile) => percentileOf(values, percentile))).toEqual([
      15, 20, 20, 35, 50,
    ]);
    expect(percentileOf([], 50)).toBe(0);
  });
});

describe('recommendations', () => {
  test('put the leader where its quorum is near', () => {
    expect(leadersOf({ topology, policy: 'quorum', seed: 1 })[0]).toMatchObject({
      leader: 'a1',
      p50Ms: expect.closeTo(6, 6),
    });
  });

  test('prefer what survives the loss of a zone to what is faster', () => {
    const placements = placementsOf({ topology, policy: 'quorum', voters: 3, seed: 1 });
    expect(placements[0]).toMatchObject({ leaderZone: 'a', zonesToLose: 1 });
    expect([...placements[0]!.voters.keys()]).toEqual(['a', 'b', 'c']);
    const fastest = placements.reduce((a, b) => (a.p50Ms <= b.p50Ms ? a : b));
    expect(fastest.zonesToLose).toBe(0);
  });

  test.each([
    [['a', 'a', 'a'], 0],
    [['a', 'b', 'c'], 1],
    [['a', 'a', 'b'], 0],
    [['a', 'a', 'b', 'b', 'c'], 1],
    [['a', 'b', 'c', 'd', 'e'], 2],
  ])('voters in %j may lose %i zones', (zones, count) => {
    expect(zonesToLose(zones)).toBe(count);
  });
});
