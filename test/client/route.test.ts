import { expect, test } from 'vitest';
import { type Member, membersOf, reachedLike } from '../../src/client/members.js';
import { type NodePreference, Route } from '../../src/client/route.js';

const SEED = 'ws://seed/client';

function member(name: string, changes: Partial<Member> = {}): Member {
  const url = `ws://${name}/client`;
  return { url, isAlive: true, isLeader: false, isFollower: true, isTeller: false, ...changes };
}

const LEADER = { isLeader: true, isFollower: false };
const url = (name: string) => `ws://${name}/client`;

function route(preference: NodePreference, members: readonly Member[], from = SEED): Route {
  const made = new Route([SEED], preference, () => 0.5);
  made.learn(members, from);
  return made;
}

test('gossip is understood as far as it makes sense', () => {
  const entry = { state: 'Leader', isAlive: true, httpEndPointIp: '10.0.0.1', httpEndPointPort: 2113 };
  const members = [
    entry,
    { ...entry, state: 'ReadOnlyReplica', isAlive: false, httpEndPointIp: '::1' },
    { ...entry, httpEndPointPort: 0 },
    { ...entry, httpEndPointIp: 7 },
    { ...entry, httpEndPointIp: 'not a host' },
    null,
    'x',
  ];
  const found = membersOf({ members, serverIp: '::1', serverPort: 2113 }, 'wss://seed:1/some/client');
  expect(found).toEqual([
    { url: 'wss://10.0.0.1:2113/some/client', ...LEADER, isAlive: true, isTeller: false },
    {
      url: 'wss://[::1]:2113/some/client',
      isLeader: false,
      isFollower: true,
      isAlive: false,
      isTeller: true,
    },
  ]);
  expect(membersOf({ members: 'none' }, SEED)).toEqual([]);
  expect(reachedLike('wss://seed/c', 'ws://10.0.0.1:5/client')).toBe('wss://10.0.0.1:5/c');
  expect(reachedLike(SEED, 'nonsense')).toBeUndefined();
});

test.each<[NodePreference, string | undefined]>([
  ['leader', 'b'],
  ['follower', undefined],
  ['random', undefined],
  ['nearest', undefined],
])('with the preference %s, a client of a follower would rather be at %s', (preference, better) => {
  const made = route(preference, [member('a'), member('b', LEADER), member('c')]);
  expect(made.better(url('a'), 0)).toBe(better === undefined ? undefined : url(better));
});

test('a client that prefers followers leaves the leader, for one that is alive', () => {
  const made = route('follower', [
    member('a', LEADER),
    member('b', { isAlive: false }),
    member('c'),
    member('d', { isFollower: false }),
  ]);
  expect(made.better(url('a'), 0)).toBe(url('c'));
});

test('the nearest node is gone to only if it is much nearer', () => {
  const made = route('nearest', [member('a'), member('b'), member('c')]);
  made.measured(url('a'), 10);
  made.measured(url('b'), 8);
  expect(made.better(url('a'), 0)).toBeUndefined();
  made.measured(url('c'), 2);
  expect(made.better(url('a'), 0)).toBe(url('c'));
  expect(made.candidates(0)[0]).toBe(url('c'));
});

test('a node that failed is tried last for a while, and not moved to', () => {
  const made = route('leader', [member('a', LEADER), member('b'), member('c', { isAlive: false })]);
  expect(made.candidates(0)).toEqual([url('a'), url('b'), SEED, url('c')]);
  made.failed(url('a'), 100);
  expect(made.candidates(101)).toEqual([url('b'), SEED, url('c'), url('a')]);
  expect(made.better(url('b'), 101)).toBeUndefined();
  made.failed(url('b'), 200);
  // Who failed first may be back first.
  expect(made.candidates(201)).toEqual([SEED, url('c'), url('a'), url('b')]);
  expect(made.better(url('b'), 5_000)).toBe(url('a'));
  made.worked(url('b'));
  expect(made.candidates(201)).toEqual([url('b'), SEED, url('c'), url('a')]);
});

test('a node that is reached by another name than its own is known to be the same', () => {
  const made = route('leader', [member('a', { ...LEADER, isTeller: true })]);
  expect(made.better(SEED, 0)).toBeUndefined();
  expect(made.isSatisfied(SEED)).toBe(true);
  expect(made.hasAlternatives).toBe(false);
  // For when nobody here can reach it by its own.
  expect(made.candidates(0)).toEqual([url('a'), SEED]);
});

test('what a node says about the leader holds until gossip says otherwise', () => {
  const made = route('leader', [member('a', LEADER), member('b')]);
  expect(made.isOverruled(url('a'))).toBe(false);
  made.told(url('b'));
  expect(made.isOverruled(url('a'))).toBe(true);
  expect(made.candidates(0)[0]).toBe(url('b'));
  made.learn([member('a', LEADER), member('b')], url('a'));
  expect(made.candidates(0)[0]).toBe(url('a'));
  made.learn([], url('a'));
  expect(made.hasAlternatives).toBe(true);
});

test('seeds are tried in the order given, unless clients are to be spread', () => {
  const seeds = ['a', 'b', 'c'].map(url);
  expect(new Route(seeds, 'leader', Math.random).candidates(0)).toEqual(seeds);
  const numbers = [0.9, 0.1, 0.5];
  const spread = new Route(seeds, 'random', () => numbers.shift() ?? 0);
  expect(spread.candidates(0)).toEqual(['b', 'c', 'a'].map(url));
});
