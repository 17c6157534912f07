import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { commit, EVERYTHING, Follower, turns, type Wanted } from './follower.js';
import { emptyLiveLog } from './live-log.js';

const STREAMS = ['a', 'b', 'order-1', 'order-2', 'é'];

describe('a live read', () => {
  test('gives what was there, says that it has caught up, and then gives what is committed', async () => {
    const live = emptyLiveLog();
    commit(live, ['a', 'b', 'a']);
    for (const wanted of [{ stream: 'a' }, { prefix: '' }, { prefix: 'a' }]) {
      const follower = new Follower(live, wanted);
      await follower.take(EVERYTHING);
      expect(follower.said).toEqual(['caught up']);
      commit(live, ['b']);
      commit(live, ['a']);
      await follower.take(EVERYTHING);
      expect(follower.events).toEqual(follower.expected());
      expect(follower.said).toEqual(['caught up']);
    }
  });

  test('follows a stream that does not exist yet', async () => {
    const live = emptyLiveLog();
    const follower = new Follower(live, { stream: 'new' });
    await follower.take(EVERYTHING);
    expect([follower.said, follower.next]).toEqual([['caught up'], 0]);
    commit(live, ['other']);
    await follower.take(EVERYTHING);
    commit(live, ['new', 'new']);
    await follower.take(EVERYTHING);
    expect(follower.events).toEqual(follower.expected());
  });

  test('from the end gives only what is committed later', async () => {
    const live = emptyLiveLog();
    commit(live, ['a', 'a']);
    const followers = [{ stream: 'a' }, { prefix: '' }, { stream: 'new' }].map(
      (wanted) => new Follower(live, wanted, Number.POSITIVE_INFINITY),
    );
    for (const follower of followers) await follower.take(EVERYTHING);
    commit(live, ['a', 'new']);
    for (const follower of followers) await follower.take(EVERYTHING);
    const [a, added] = live.sample.events.slice(-2).map(({ position }) => position);
    expect(followers.map(({ events }) => events)).toEqual([[a], [a, added], [added]]);
  });

  test('from beyond the end waits until there is something, and does not say before that it has caught up', async () => {
    const live = emptyLiveLog();
    commit(live, ['a']);
    const all = new Follower(live, { prefix: '' }, live.sample.end + 96);
    await all.take(EVERYTHING);
    expect(all.said).toEqual([]);
    const stream = new Follower(live, { stream: 'a' }, 3);
    await stream.take(EVERYTHING);
    commit(live, ['a']);
    await stream.take(EVERYTHING);
    expect(stream.said).toEqual([]);
    commit(live, ['a', 'a', 'a']);
    await stream.take(EVERYTHING);
    expect(stream.events).toEqual(stream.expected().slice(3));
    expect(stream.said).toEqual(['caught up']);
    const absent = new Follower(live, { stream: 'b' }, 1);
    await absent.take(EVERYTHING);
    expect(absent.said).toEqual([]);
  });

  test('of a stream goes on after an event that is not committed here yet, and has caught up when that is, without a further one', async () => {
    const live = emptyLiveLog();
    commit(live, ['a', 'a']);
    const stream = new Follower(live, { stream: 'a' }, 4);
    await stream.take(EVERYTHING);
    commit(live, ['b', 'a']);
    await stream.take(EVERYTHING);
    expect(stream.said).toEqual([]);
    commit(live, ['a', 'b']);
    await stream.take(EVERYTHING);
    expect([stream.said, stream.events]).toEqual([['caught up'], []]);
    commit(live, ['a']);
    await stream.take(EVERYTHING);
    expect([stream.said, stream.events]).toEqual([['caught up'], stream.expected().slice(4)]);
  });

  test('after an event that is not committed here yet waits for it, and says that it has caught up only then', async () => {
    const live = emptyLiveLog();
    commit(live, ['a']);
    const [eventsMax, from] = [Number.POSITIVE_INFINITY, live.sample.end];
    const read = live.reader.readAll({ direction: 'forwards', from, eventsMax, isLive: true, isAfter: true });
    const early = await Promise.race([read.whenReady?.(), turns().then(() => 'nothing')]);
    expect(early).toBe('nothing');
    commit(live, ['a']);
    await read.whenReady?.();
    expect(await read.nextPage(10_000)).toMatchObject({ kind: 'page', eventCount: 0, isCaughtUp: true });
    commit(live, ['b']);
    await read.whenReady?.();
    expect(await read.nextPage(10_000)).toMatchObject({ kind: 'page', eventCount: 1 });
  });

  test('that is too slow for the ring says so, reads from the files, and says when it has caught up again', async () => {
    const live = emptyLiveLog();
    for (const wanted of [{ stream: 'a' }, { prefix: '' }, { prefix: 'a' }]) {
      const follower = new Follower(live, wanted);
      await follower.take(EVERYTHING);
      for (let i = 0; i < 8; i++) commit(live, ['a', 'b'], 10_000);
      await follower.take(1);
      expect(follower.said).toEqual(['caught up', 'behind']);
      await follower.take(EVERYTHING);
      expect(follower.said).toEqual(['caught up', 'behind', 'caught up']);
      expect(follower.events).toEqual(follower.expected());
      follower.read.close?.();
    }
  });

  test('of a stream that gets more events than are noted for it asks the index', async () => {
    const live = emptyLiveLog(1024 * 1024);
    const follower = new Follower(live, { stream: 'a' });
    await follower.take(EVERYTHING);
    for (let i = 0; i < 300; i++) commit(live, ['a', 'a']);
    await turns();
    await follower.take(EVERYTHING);
    expect(follower.events).toEqual(follower.expected());
    expect(follower.said).toEqual(['caught up', 'behind', 'caught up']);
  });

  test('that was closed is not woken, and lets go of its stream', async () => {
    const live = emptyLiveLog();
    const followers = [{ stream: 'a' }, { prefix: '' }].map((wanted) => new Follower(live, wanted));
    for (const follower of followers) await follower.take(EVERYTHING);
    const waiting = followers.map(({ read }) => read.whenReady?.());
    for (const { read } of followers) {
      read.close?.();
      read.close?.();
    }
    // Whoever waits is let go.
    await Promise.all(waiting);
    commit(live, ['a']);
    await turns();
    const again = new Follower(live, { stream: 'a' });
    await again.take(EVERYTHING);
    expect(again.events).toEqual(again.expected());
  });

  test('of a node that serves nobody any more ends, with the reason', async () => {
    const live = emptyLiveLog();
    const followers = [{ stream: 'a' }, { prefix: '' }, { prefix: 'b' }].map(
      (wanted) => new Follower(live, wanted),
    );
    for (const follower of followers) await follower.take(EVERYTHING);
    const waiting = followers.map(({ read }) => read.whenReady?.());
    live.reader.endFollowing(new CairnError('fenced', 'over'));
    await Promise.all(waiting);
    for (const { read } of followers)
      await expect(read.nextPage(1000)).rejects.toMatchObject({ code: 'fenced' });
    const late = new Follower(live, { prefix: '' });
    await expect(late.take(1)).rejects.toMatchObject({ code: 'fenced' });
  });

  test('goes on from any position or revision that it has come to, and leaves out the event that it is after', async () => {
    const live = emptyLiveLog();
    for (let i = 0; i < 20; i++) commit(live, ['a', 'b']);
    const [eventsMax, direction] = [Number.POSITIVE_INFINITY, 'forwards'] as const;
    for (const { position } of live.sample.events) {
      const after = live.reader.readAll({ direction, from: position, eventsMax, isAfter: true });
      const answer = await after.nextPage(100_000);
      if (answer.kind !== 'page') expect.fail(answer.kind);
      const later = live.sample.events.filter((event) => event.position > position);
      expect(answer.eventCount).toBe(later.length);
    }
    const inside = live.sample.events[3]!.position + 48;
    const answer = await live.reader
      .readAll({ direction, from: inside, eventsMax, isAfter: true, isLive: true })
      .nextPage(100_000);
    expect(answer).toEqual({ kind: 'bad-position', position: inside });
  });

  test('after an event, and one from that event, may follow side by side: each gets what it asked for', async () => {
    const live = emptyLiveLog();
    commit(live, ['a']);
    const [eventsMax, direction, isLive] = [Number.POSITIVE_INFINITY, 'forwards', true] as const;
    const end = new Follower(live, { prefix: '' });
    await end.take(EVERYTHING);
    const from = live.sample.end;
    const after = live.reader.readAll({ direction, from, eventsMax, isLive, isAfter: true });
    const inclusive = live.reader.readAll({ direction, from, eventsMax, isLive });
    commit(live, ['a', 'b']);
    const counts: number[] = [];
    for (const read of [after, inclusive]) {
      const page = await read.nextPage(10_000);
      counts.push(page.kind === 'page' ? page.eventCount : -1);
    }
    await end.take(EVERYTHING);
    expect(counts).toEqual([1, 2]);
    expect(end.events).toEqual(end.expected());
  });

  test('shows each subscriber exactly what was committed, in order, once, whatever it does', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('commit' as const),
          streams: fc.array(fc.constantFrom(...STREAMS), { maxLength: 6 }),
          dataBytes: fc.constantFrom(0, 16, 300, 3000),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('take' as const),
          who: fc.nat(),
          pages: fc.integer({ min: 1, max: 5 }),
          bytesMax: fc.constantFrom(1, 500, 20_000),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const), who: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('turns' as const) }) },
    );
    const wishes: Wanted[] = [
      ...STREAMS.map((stream) => ({ stream })),
      { stream: 'a' },
      ...['', '', 'order-', 'a', 'nobody'].map((prefix) => ({ prefix })),
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
        const live = emptyLiveLog(16_384 * 4);
        const seen: number[][] = wishes.map(() => []);
        const followers = wishes.map((wanted) => new Follower(live, wanted));
        for (const each of steps) {
          if (each.kind === 'commit') commit(live, each.streams, each.dataBytes);
          else if (each.kind === 'turns') await turns();
          else {
            const who = each.who % wishes.length;
            if (each.kind === 'take') await followers[who]!.take(each.pages, each.bytesMax);
            else {
              // The connection is lost, and another one made.
              const follower = followers[who]!;
              follower.read.close?.();
              seen[who]!.push(...follower.events);
              followers[who] = new Follower(live, wishes[who]!, follower.next);
            }
          }
        }
        for (const [who, follower] of followers.entries()) {
          await follower.take(EVERYTHING);
          expect([wishes[who], [...seen[who]!, ...follower.events]]).toEqual([
            wishes[who],
            follower.expected(),
          ]);
          expect(follower.said.at(-1)).toBe('caught up');
          follower.read.close?.();
        }
      }),
      { numRuns: 60 },
    );
  });
});
