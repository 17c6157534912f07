/** Streams with a tombstone that a scavenge takes away: while the index has less of them, or nothing, and the log still has all. */
import { expect, test } from 'vitest';
import type { SampleRecord } from '../indexer/sample-log.js';
import { DIRECTIONS, encode, expectEvents, inOrder, pageOf, startOf } from './any-log.js';
import { commit, EVERYTHING, Follower, turns } from './follower.js';
import { emptyLiveLog, type LiveLog, pagesOf } from './live-log.js';

const EVENTS = 40;
const NEVER_MORE_ROUNDS = 100;

const PLACES = ['the ring', 'files'] as const;
/** What the index still has of the stream: nothing, the chunks before some, or those behind. */
const LEFT = ['nothing', 'the older', 'the newer'] as const;
const CASES = PLACES.flatMap((place) => LEFT.map((left) => [left, place] as const));

function written(place: (typeof PLACES)[number]): LiveLog {
  const live = emptyLiveLog();
  for (let i = 0; i < EVENTS; i++) commit(live, ['a', 'b']);
  if (place === 'files') for (let i = 0; i < 20; i++) commit(live, ['b'], 10_000);
  return live;
}

/** The stream gets a tombstone, and the index's segments are made anew. */
function bury(live: LiveLog, left: (typeof LEFT)[number]): void {
  live.sample.transaction([{ stream: '$$a', type: '$tombstone', data: '' }]);
  commit(live, ['b']);
  const isGone = ({ revision }: SampleRecord) =>
    left === 'nothing' || revision < EVENTS / 2 === (left === 'the newer');
  live.forget(live.sample.eventsOf('a').filter(isGone));
}

const others = (live: LiveLog) => live.sample.events.filter(({ stream }) => stream !== 'a');

test.each(CASES)(
  'with %s of it in the index and all of it in %s, no read of all shows it',
  async (left, place) => {
    const live = written(place);
    bury(live, left);
    for (const direction of DIRECTIONS) {
      const all = live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity });
      expectEvents(await pagesOf(all, 5000), live, inOrder(others(live), direction), 5000);
    }
    const follower = new Follower(live, { prefix: '' });
    await follower.take(EVERYTHING);
    expect(follower.events).toEqual(others(live).map(({ position }) => position));
  },
);

test.each(CASES)(
  'with %s of it in the index and all of it in %s, reads go on from its events',
  async (left, place) => {
    const live = written(place);
    bury(live, left);
    for (const { position, bytes } of live.sample.eventsOf('a')) {
      for (const [direction, from] of [
        ['forwards', position],
        ['backwards', position + bytes],
      ] as const) {
        const all = live.reader.readAll({ direction, from, eventsMax: Infinity });
        const isBehind = (at: number) => (direction === 'forwards' ? at > position : at < position);
        const expected = others(live).filter((event) => isBehind(event.position));
        expectEvents(await pagesOf(all, 5000), live, inOrder(expected, direction), 5000);
      }
    }
  },
);

test.each(LEFT)('with %s of it in the index it is told where it ends, in numbers', async (left) => {
  const live = written('files');
  bury(live, left);
  const info = await live.reader.streamInfo(encode('a'));
  const revision = { nothing: -1, 'the older': EVENTS / 2 - 1, 'the newer': EVENTS - 1 }[left];
  expect(info).toMatchObject({ state: 'tombstoned', revision, firstRevision: revision + 1 });
});

test.each(CASES)(
  'a read of it that has begun ends, with %s of it in the index and all in %s',
  async (left, place) => {
    for (const direction of DIRECTIONS) {
      for (const before of [1, EVENTS / 2 - 2, EVENTS / 2, EVENTS / 2 + 2, EVENTS - 1]) {
        const live = written(place);
        const read = live.reader.readStream({
          stream: encode('a'),
          direction,
          from: startOf(direction),
          eventsMax: Infinity,
        });
        for (let i = 0; i < before; i++) expect(pageOf(await read.nextPage(1)).isLast).toBe(false);
        bury(live, left);
        expect(await endOf(read)).toBe(true);
      }
    }
  },
);

test.each(CASES)(
  'who catches up with it is told of its end, with %s of it in the index and all in %s',
  async (left, place) => {
    const live = written(place);
    const read = live.reader.followStream({ stream: encode('a'), from: 0, eventsMax: Infinity });
    for (let i = 0; i < EVENTS / 2 + 2; i++) await read.nextPage(1);
    bury(live, left);
    live.reader.advanced();
    let last: string = 'page';
    for (let i = 0; i < NEVER_MORE_ROUNDS && last === 'page'; i++) {
      await turns();
      last = (await read.nextPage(1)).kind;
    }
    expect(last).toBe('stream-deleted');
    read.close?.();
  },
);

/** Whether there is a last page, or another answer, before long. */
async function endOf(read: ReturnType<LiveLog['reader']['readStream']>): Promise<boolean> {
  for (let i = 0; i < NEVER_MORE_ROUNDS; i++) {
    const answer = await read.nextPage(1);
    if (answer.kind === 'page' && !answer.isLast) continue;
    expect(['page', 'stream-deleted']).toContain(answer.kind);
    return true;
  }
  return false;
}
