/** A client of a cluster: where it goes, what becomes of its appends when leaders come and go, and what its reads may never do. */
import { afterEach, expect, test } from 'vitest';
import { type Client, type ClientOptions, connect } from '../../src/client/client.js';
import { FakeCluster, refusal } from './fake-cluster.js';
import { failure } from './pair.js';

const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

async function connected(
  addresses: string | readonly string[],
  options: ClientOptions = {},
): Promise<Client> {
  const client = await connect(addresses, {
    requestTimeoutMs: 10_000,
    reconnect: { firstDelayMs: 1, maxDelayMs: 5 },
    ...options,
  });
  clients.push(client);
  return client;
}

const event = (type: string) => ({ type, data: '' });
const TYPES = Array.from({ length: 20 }, (_, i) => `T${i}`);

/** Revisions, of reading the whole stream. */
async function revisionsOf(client: Client): Promise<number[]> {
  const events = await client.readStream('s').toArray();
  return events.map(({ revision }) => revision);
}

test('a client that knows one node finds the leader', async () => {
  const cluster = await FakeCluster.start(['a', 'b', 'c']);
  cluster.leader = cluster.nodes[2];
  const client = await connected(cluster.urls[0]!);
  expect(cluster.at(client.url)).toBe('c');
});

test('of several addresses one that answers is enough', async () => {
  const cluster = await FakeCluster.start(['a', 'b', 'c']);
  const client = await connected(['127.0.0.1:1', cluster.urls[1]!]);
  expect(cluster.at(client.url)).toBe('a');
  expect((await failure(connect(['127.0.0.1:1', '127.0.0.1:2']))).code).toBe('connection-refused');
  expect((await failure(connect([]))).code).toBe('invalid-request');
});

test.each<[ClientOptions, string]>([
  [{ nodePreference: 'follower' }, 'b'],
  [{ nodePreference: 'nearest' }, 'ab'],
  [{ nodePreference: 'random' }, 'ab'],
  [{ discover: false }, 'b'],
])('with %j it goes to %s', async (options, names) => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const client = await connected(cluster.urls[1]!, options);
  expect(names).toContain(cluster.at(client.url));
  expect((await client.append('s', event('A'))).revision).toBe(0);
});

test('a member that can not be reached where gossip says is not needed', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  await cluster.nodes[0]!.server.stop();
  const client = await connected(cluster.urls[1]!);
  expect(cluster.at(client.url)).toBe('b');
  expect((await client.append('s', event('A'))).revision).toBe(0);
});

test('when the leader dies, every append is in the log once, in order', async () => {
  const cluster = await FakeCluster.start(['a', 'b', 'c']);
  const client = await connected(cluster.urls);
  const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
  await client.append('s', event('first'));
  a.losesAnswers = true;
  const appends = TYPES.map((type) => client.append('s', event(type)));
  while (a.asked.length < 5) await new Promise((resolve) => setImmediate(resolve));
  cluster.leader = b;
  await a.server.stop();
  const results = await Promise.all(appends);
  expect(cluster.types).toEqual(['first', ...TYPES]);
  expect(results.map(({ revision }) => revision)).toEqual(TYPES.map((_, i) => i + 1));
  expect(results.some(({ duplicate }) => duplicate)).toBe(true);
});

test.each(['not-leader', 'no-leader', 'no-quorum', 'fenced', 'outcome-unknown', 'shutting-down'] as const)(
  'appends refused with %s are sent again, the same and in order, to a node that takes them',
  async (code) => {
    const cluster = await FakeCluster.start(['a', 'b', 'c']);
    const client = await connected(cluster.urls);
    const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
    await client.append('s', event('first'));
    a.refusal = refusal(code, code === 'not-leader' ? { leader: 'b', url: b.url } : {});
    cluster.leader = b;
    const appends = TYPES.map((type) => client.append('s', event(type)));
    const results = await Promise.all(appends);
    expect(cluster.types).toEqual(['first', ...TYPES]);
    expect(results.map(({ revision }) => revision)).toEqual(TYPES.map((_, i) => i + 1));
    expect(cluster.at(client.url)).toBe('b');
  },
);

test('a leader that gives up in the midst of a message gets no append in front of an earlier one', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const client = await connected(cluster.urls);
  const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
  const { push } = a.asked;
  // Refuses the fourth alone: what follows is refused because it follows.
  a.asked.push = (...types) => {
    const count = push.apply(a.asked, types);
    a.refusal = count === 4 ? refusal('no-leader') : undefined;
    return count;
  };
  cluster.leader = b;
  await Promise.all(TYPES.map((type) => client.append('s', event(type))));
  expect(cluster.types).toEqual(TYPES);
});

test('a node that is alone in its trouble is asked again until it is over it', async () => {
  const cluster = await FakeCluster.start(['a']);
  const client = await connected(cluster.urls);
  const [a] = [cluster.nodes[0]!];
  a.refusal = refusal('no-leader');
  const appends = TYPES.map((type) => client.append('s', event(type)));
  while (a.asked.length < 3 * TYPES.length) await new Promise((resolve) => setImmediate(resolve));
  a.refusal = undefined;
  await Promise.all(appends);
  expect(cluster.types).toEqual(TYPES);
});

test('an append that is refused for too long fails with the reason, and was not written', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  // It asks both, and then waits for longer than it has time.
  const reconnect = { firstDelayMs: 60_000, maxDelayMs: 60_000 };
  const client = await connected(cluster.urls, { requestTimeoutMs: 300, reconnect });
  for (const node of cluster.nodes) node.refusal = refusal('no-quorum');
  const error = await failure(client.append('s', event('A')));
  expect([error.code, error.message]).toEqual(['no-quorum', expect.stringContaining('nothing was written')]);
});

test('if it may have been written once, its outcome is unknown to the end', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const client = await connected(cluster.urls, { requestTimeoutMs: 300 });
  const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
  b.refusal = refusal('no-leader');
  a.refusal = refusal('outcome-unknown');
  const outcome = failure(client.append('s', event('A')));
  while (a.asked.length < 1) await new Promise((resolve) => setImmediate(resolve));
  a.refusal = refusal('no-leader');
  const error = await outcome;
  expect(error.code).toBe('timeout');
  expect(error.message).toMatch(/whether the events were written is unknown/);
});

test('a leader that falls silent is left when others say that another leads', async () => {
  const cluster = await FakeCluster.start(['a', 'b', 'c']);
  const client = await connected(cluster.urls);
  cluster.nodes[0]!.isSilent = true;
  const append = client.append('s', event('A'));
  cluster.leader = cluster.nodes[1];
  expect((await append).revision).toBe(0);
  expect(cluster.at(client.url)).toBe('b');
});

test('a leader that leads no more is left without losing anything', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const lost: string[] = [];
  const client = await connected(cluster.urls[1]!, {
    nodePreference: 'leader',
    onDisconnect: ({ code }) => lost.push(code),
  });
  expect(cluster.at(client.url)).toBe('a');
  cluster.leader = cluster.nodes[1];
  const types: string[] = [];
  while (cluster.at(client.url) !== 'b') {
    types.push(`T${types.length}`);
    await client.append('s', event(types.at(-1)!));
  }
  expect(cluster.types).toEqual(types);
  expect(lost).toEqual([]);
});

test('the ack policy is that of the append, else that of the client', async () => {
  const cluster = await FakeCluster.start(['a']);
  const client = await connected(cluster.urls, { ackPolicy: 'all' });
  await client.append('s', event('A'));
  await client.append('s', event('B'), { ackPolicy: 'leader' });
  const frames = cluster.nodes[0]!.server.connections.flatMap((connection) => connection.frames);
  expect(frames.map(({ flags }) => flags)).toEqual([2, 1]);
});

test.each<ClientOptions>([{ nodePreference: 'best' as 'nearest' }, { ackPolicy: 'most' as 'all' }])(
  'refused as options: %j',
  async (options) => {
    expect((await failure(connect('127.0.0.1:1', options))).code).toBe('invalid-request');
  },
);

test('unknown wishes of a request are refused before anything is sent', async () => {
  const cluster = await FakeCluster.start(['a']);
  const client = await connected(cluster.urls);
  const append = client.append('s', event('A'), { ackPolicy: 'most' as 'all' });
  expect((await failure(append)).code).toBe('invalid-request');
  expect(() => client.readStream('s', { consistency: 'fresh' as 'local' })).toThrowError(/consistency/);
  expect(cluster.nodes[0]!.asked).toEqual([]);
});

test('a read asks for the consistency that it was given, and for what the client has seen', async () => {
  const cluster = await FakeCluster.start(['a']);
  const client = await connected(cluster.urls);
  await revisionsOf(client);
  await client.append('s', event('A'));
  await client.append('s', event('B'), { ackPolicy: 'leader' });
  await client.readStream('s', { consistency: 'linearizable' }).toArray();
  await client.readStream('s').toArray();
  expect(cluster.nodes[0]!.reads.map(({ consistency, atLeast }) => [consistency, atLeast])).toEqual([
    ['local', 0],
    // What only the leader has may be lost again, so nobody is asked to have it until it was read.
    ['linearizable', 1],
    ['local', 201],
  ]);
});

test('a read that lost its node goes on with another, which must not be behind', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const client = await connected(cluster.urls);
  const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
  for (const type of TYPES) cluster.log.push({ id: type, type });
  a.dropsAfter = 12;
  b.has = 10;
  const reading = revisionsOf(client);
  while (a.reads.length < 1) await new Promise((resolve) => setImmediate(resolve));
  a.refusal = refusal('no-leader');
  while (b.reads.length < 2) await new Promise((resolve) => setImmediate(resolve));
  b.has = 20;
  expect(await reading).toEqual(TYPES.map((_, i) => i));
  expect(b.reads[0]).toEqual({ consistency: 'local', from: 12, atLeast: 11 * 200 + 1 });
});

test('a read for the leader goes where it leads, if the client may', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
  cluster.log.push({ id: 'x', type: 'T' });
  const client = await connected(cluster.urls);
  const faithful = await connected(a.url, { nodePreference: 'random', discover: false });
  a.refusal = refusal('not-leader', { leader: 'b', url: b.url });
  const read = () => client.readStream('s', { consistency: 'leader' }).toArray();
  expect(await read()).toHaveLength(1);
  expect(cluster.at(client.url)).toBe('b');
  const refused = faithful.readStream('s', { consistency: 'leader' }).toArray();
  expect((await failure(refused)).code).toBe('not-leader');
  expect(faithful.isConnected).toBe(true);
});

test('a read that no node may answer fails in time with the reason', async () => {
  const cluster = await FakeCluster.start(['a', 'b']);
  const client = await connected(cluster.urls, { requestTimeoutMs: 300 });
  for (const node of cluster.nodes) node.refusal = refusal('no-quorum');
  const read = client.readStream('s', { consistency: 'linearizable' }).toArray();
  expect((await failure(read)).code).toBe('no-quorum');
});
