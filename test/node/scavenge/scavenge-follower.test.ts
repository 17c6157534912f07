/** What a node hears of scavenge points while its index or its disk makes trouble, played by the test. */
import { expect, test } from 'vitest';
import { CairnError } from '../../../src/base/errors.js';
import { SCAVENGES_STREAM } from '../../../src/base/stream-metadata.js';
import { ScavengeFollower } from '../../../src/node/scavenge/scavenge-follower.js';
import {
  SCAVENGE_POINT_TYPE,
  type ScavengeEvent,
  scavengePointData,
} from '../../../src/scavenge/scavenge-events.js';
import { type NaiveSealed, naiveSeal, prepareBody } from '../../log/naive-records.js';

test('an error in the middle of the stream loses none of its points: all are taken, once and in order', async () => {
  const points: NaiveSealed[] = [];
  for (let revision = 0; revision < 5; revision++) {
    const data = Buffer.from(scavengePointData(revision + 1));
    const body = prepareBody({ stream: SCAVENGES_STREAM, type: SCAVENGE_POINT_TYPE, data }, revision, 0);
    points.push(naiveSeal({ type: 1, flags: 3, epoch: 1, body }, points.at(-1)));
  }
  const log = Buffer.concat(points.map(({ bytes }) => bytes));
  const taken: ScavengeEvent[] = [];
  const warnings: string[] = [];
  let failures = 2;
  const ended = new Promise<void>((resolve) => {
    const follower = new ScavengeFollower({
      reader: {
        readRaw: async (position, target) => {
          if (position >= points[2]!.position && failures-- > 0)
            throw new CairnError('log-corrupt', 'damaged', {});
          target.set(log.subarray(position, position + target.length));
        },
        wholeRecords: (_position, bytes) => bytes.length,
        followStream: () => ({
          nextPage: async () => ({ kind: 'page', eventCount: 0, release: () => undefined }) as never,
          // Nothing more is written: the test is over.
          whenReady: async () => {
            follower.stop();
            resolve();
          },
          close: () => undefined,
        }),
      },
      // A page has one point only.
      lookup: {
        lookup: async ({ from }) => ({
          ...{ head: points.length - 1, next: from + 1, runCount: 1, events: Uint32Array.of(1) },
          positions: Float64Array.of(points[from]!.position),
          bytes: Uint32Array.of(points[from]!.bytes.length),
          metadata: undefined,
        }),
      },
      take: (events) => taken.push(...events),
      warn: (message) => warnings.push(message),
      pause: async () => undefined,
    });
    void follower.follow();
  });
  await ended;
  expect(taken.map((event) => event.kind === 'point' && event.point.throttlePercent)).toEqual([
    1, 2, 3, 4, 5,
  ]);
  expect(warnings).toEqual(['scavenge points can not be read at present: none is carried out']);
});
