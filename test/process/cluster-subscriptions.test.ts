/** Subscriptions to a cluster of real nodes, of which the leader, or the node that is followed, goes away. */
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.js';
import { DEADLINE_MS, FreshCluster } from './cluster/fresh-cluster.js';
import { eventsOf, expectedBy, LAST, Subscriber, type Wish } from './subscribers.js';
import { until, within } from './within.js';

const cluster = FreshCluster.forEachTest();
const { connected } = cluster;

const STREAM = 'orders-1';
const WISHES: readonly Wish[] = [
  { name: 'all', wants: () => true },
  { name: 'a stream', stream: STREAM, wants: ({ stream }) => stream === STREAM },
  {
    name: 'a filter',
    options: { filter: { streamPrefix: 'orders-' } },
    wants: ({ stream }) => stream.startsWith('orders-'),
  },
];
const APPENDS = 900;
const AHEAD = 20;

async function write(
  client: Client,
  answered: (answers: number) => Promise<void> | undefined,
): Promise<void> {
  const open = new Set<Promise<unknown>>();
  let answers = 0;
  for (let i = 0; i < APPENDS; i++) {
    if (open.size === AHEAD) await Promise.race(open);
    const append = client
      .append(`orders-${i % 3}`, { type: 'Placed', data: { i } })
      .then(() => answered(++answers))
      .finally(() => open.delete(append));
    open.add(append);
  }
  await Promise.all(open);
  await client.append(STREAM, { type: LAST, data: {} });
}

/** Index of the member that a client is connected to. */
function memberOf({ url }: Client): number {
  return cluster.now.members.findIndex(({ name }) => url.includes(name));
}

test('subscribers of the leader, of followers and of any node see every event once, while the leader and then their own node are killed', async () => {
  await cluster.now.untilLed();
  const writer = await connected();
  const preferences = ['leader', 'follower', 'random'] as const;
  const subscribers: Subscriber[] = [];
  for (const nodePreference of preferences) {
    const client = await connected({ nodePreference });
    for (const wish of WISHES) subscribers.push(new Subscriber(client, wish));
  }
  const all = subscribers.map((subscriber) => subscriber.follow(1));
  const kill = async (index: number) => {
    const member = cluster.now.members[index]!;
    await member.kill();
    await member.start();
  };
  const followed = cluster.clients[2]!;
  const writing = write(writer, (answers) => {
    if (answers === 200) return cluster.now.untilLed().then(kill);
    if (answers === 500) return kill(memberOf(followed));
    return undefined;
  });
  await within(DEADLINE_MS, 'all appends are answered', writing);
  await within(DEADLINE_MS, 'all subscribers have seen the last event', Promise.all(all));
  const events = await eventsOf(writer);
  expect(events.length).toBe(APPENDS + 1);
  for (const { wish, seen } of subscribers)
    expect([wish.name, seen]).toEqual([wish.name, expectedBy(wish, events)]);
});

test('a subscriber of a node that falls silent, while nothing happens, goes on at another node', async () => {
  const leader = await cluster.now.untilLed();
  const follower = await connected({ nodePreference: 'leader' });
  const subscriber = new Subscriber(follower, WISHES[0]!);
  const following = subscriber.follow(1);
  const writer = await connected();
  await writer.append(STREAM, { type: 'Placed', data: {} });
  await within(DEADLINE_MS, 'the first event comes', subscriber.until(1));
  await until(DEADLINE_MS, 'the subscriber is at the leader', () => memberOf(follower) === leader);
  cluster.now.members[leader]!.pause();
  await writer.append(STREAM, { type: LAST, data: {} });
  await within(DEADLINE_MS, 'the last event comes', following);
  expect(cluster.now.members[leader]!.isPaused).toBe(true);
  expect(subscriber.seen).toHaveLength(2);
});
