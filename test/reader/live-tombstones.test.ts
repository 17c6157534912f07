/** Tombstones and who follows their streams. */
import { expect, test } from 'vitest';
import { commit, EVERYTHING, Follower } from './follower.js';
import { emptyLiveLog, type LiveLog } from './live-log.js';

/** Appends a tombstone, and does not commit it. */
function bury(live: LiveLog, stream: string): void {
  live.sample.transaction([{ stream: `$$${stream}`, type: '$tombstone', data: '' }]);
}

test('a live read of a stream that gets a tombstone ends with that, once, behind the events before it; others go on', async () => {
  const live = emptyLiveLog();
  commit(live, ['a', 'b']);
  const followers = [
    new Follower(live, { stream: 'a' }),
    new Follower(live, { stream: 'a' }, Number.POSITIVE_INFINITY),
    // After an event that is not there yet.
    new Follower(live, { stream: 'a' }, 7),
    new Follower(live, { stream: 'never' }),
  ];
  const others = [{ stream: 'b' }, { stream: '$$a' }, { stream: 'a$$' }, { prefix: 'b' }].map(
    (wanted) => new Follower(live, wanted),
  );
  for (const follower of [...followers, ...others]) await follower.take(EVERYTHING);
  expect(followers[0]!.said).toEqual(['caught up']);
  const waiting = followers.map(({ read }) => read.whenReady?.());
  // What was appended before it is still given, whether it was committed together with it or not.
  live.sample.transaction([{ stream: 'a' }]);
  live.sample.transaction([{ stream: '$$a', type: '$metadata', data: '{}' }]);
  live.sample.transaction([{ stream: 'a' }]);
  bury(live, 'a');
  bury(live, 'never');
  commit(live, ['b']);
  await Promise.all(waiting);
  for (const follower of followers) expect(await follower.end()).toBe('stream-deleted');
  expect(followers.map(({ events }) => events.length)).toEqual([3, 2, 0, 0]);
  for (const other of others) await other.take(EVERYTHING);
  expect(others.map(({ events }) => events)).toEqual(others.map((other) => other.expected()));
});

test('a live read of a stream with a tombstone ends for who was behind, too, and for who begins later', async () => {
  const live = emptyLiveLog();
  const slow = new Follower(live, { stream: 'a' });
  await slow.take(EVERYTHING);
  bury(live, 'a');
  commit(live, []);
  for (let i = 0; i < 8; i++) commit(live, ['b'], 10_000);
  expect(await slow.end()).toBe('stream-deleted');
  const missed = new Follower(live, { stream: 'c' });
  await missed.take(EVERYTHING);
  bury(live, 'c');
  // Before anybody has looked at it, it is out of the ring.
  for (let i = 0; i < 8; i++) live.sample.transaction([{ stream: 'b', dataBytes: 10_000 }]);
  commit(live, ['b']);
  expect(await missed.end()).toBe('stream-deleted');
  for (const stream of ['a', 'c']) expect(await new Follower(live, { stream }).end()).toBe('stream-deleted');
});
