/** Subscriptions of the client library to real nodes: many at once, slow ones, and nodes that die under them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, type ClientOptions, connect } from '../../src/client/client.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { eventsOf, expectedBy, LAST, Subscriber, type Wish } from './subscribers.js';
import { within } from './within.js';

let folder: string;
const clients: Client[] = [];

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await endAllNodes();
  removeFolder(folder);
});

async function connected(url: string, options: ClientOptions = {}): Promise<Client> {
  const client = await connect(url, { requestTimeoutMs: 30_000, ...options });
  clients.push(client);
  return client;
}

const STREAMS = ['orders-1', 'orders-2', 'carts-1', 'carts-2', 'audit'];
const WISHES: readonly Wish[] = [
  { name: 'all', wants: () => true },
  { name: 'a stream', stream: 'orders-1', wants: ({ stream }) => stream === 'orders-1' },
  {
    name: 'a prefix',
    options: { filter: { streamPrefix: ['orders-', 'audit'] } },
    wants: ({ stream }) => stream.startsWith('orders-') || stream === 'audit',
  },
  {
    name: 'types',
    options: { filter: { typeRegex: '^(Even|Last)$' } },
    wants: ({ type }) => type !== 'Odd',
  },
];

/** How many events that end a subscriber it will see. */
function lastsOf({ wants }: Wish): number {
  return STREAMS.filter((stream) => wants({ stream, type: LAST, position: 0 })).length;
}

/** What somebody waits for. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const ways: (() => void)[] = [];
  const opened = new Promise<void>((resolve) => ways.push(resolve));
  return { opened, open: () => ways[0]?.() };
}

const APPENDS = 1_500;
const AHEAD = 50;
const DATA = 'x'.repeat(1500);

/** Appends events to the streams in turn, and one more to each of them that says so; calls back as they are answered. */
async function write(client: Client, answered: (answers: number) => void): Promise<void> {
  const open = new Set<Promise<void>>();
  let answers = 0;
  for (let i = 0; i < APPENDS; i++) {
    if (open.size === AHEAD) await Promise.race(open);
    const stream = STREAMS[(i * 7 + (i >> 3)) % STREAMS.length]!;
    const type = i % 2 === 0 ? 'Even' : 'Odd';
    const append = client.append(stream, { type, data: { i, DATA } }).then(() => {
      open.delete(append);
      answered(++answers);
    });
    open.add(append);
  }
  await Promise.all(open);
  for (const stream of STREAMS) await client.append(stream, { type: LAST, data: {} });
}

test('every subscriber sees what is committed, in order, once: slow or stopped ones, and over kills and restarts of the node', async () => {
  let node = await NodeProcess.start({ folder });
  const flags = ['--node-port', new URL(node.url).port];
  const writer = await connected(node.url);
  // One that stops reading holds little: a window of 64 KiB.
  const reader = await connected(node.url, { readWindowBytes: 65_536 });
  const others = await connected(node.url);
  const following = WISHES.map((wish) => new Subscriber(others, wish));
  const stopped = WISHES.map((wish) => new Subscriber(reader, wish));
  const pieces = WISHES.map((wish) => new Subscriber(others, wish));
  const subscribers = [...following, ...stopped, ...pieces];
  const written = gate();
  const all = [
    ...following.map((subscriber) => subscriber.follow(lastsOf(subscriber.wish))),
    ...stopped.map((subscriber) => subscriber.followWithStop(40, written.opened, lastsOf(subscriber.wish))),
    ...pieces.map((subscriber) => subscriber.followInPieces(37, lastsOf(subscriber.wish))),
  ];
  let restarts: Promise<void> = Promise.resolve();
  const restart = async (end: () => Promise<unknown>) => {
    await end();
    node = await NodeProcess.start({ folder, flags });
  };
  const writing = write(writer, (answers) => {
    if (answers === 350 || answers === 750) restarts = restart(() => node.kill());
    if (answers === 1_150) restarts = restart(() => node.stop());
  });
  await within(50_000, 'all appends are answered', writing);
  await restarts;
  written.open();
  await within(30_000, 'all subscribers have seen the last event', Promise.all(all));
  const events = await eventsOf(writer);
  for (const { wish, seen } of subscribers) {
    const expected = expectedBy(wish, events);
    expect(expected.length).toBeGreaterThan(250);
    expect([wish.name, seen]).toEqual([wish.name, expected]);
  }
});

test('a thousand subscribers at once, of streams and of the whole log, each see every event once', async () => {
  const node = await NodeProcess.start({ folder });
  const [writer, many] = [await connected(node.url), await connected(node.url)];
  const fleet = await Promise.all(Array.from({ length: 20 }, () => connected(node.url)));
  const streamOf = (i: number): Wish => {
    const stream = STREAMS[i % STREAMS.length]!;
    return { name: stream, stream, wants: (event) => event.stream === stream };
  };
  const subscribers = Array.from({ length: 1_000 }, (_, i) => {
    // Most are alone with few others on a connection, some hundred share one.
    const client = i < 600 ? many : fleet[i % fleet.length]!;
    return new Subscriber(client, i % 10 === 0 ? WISHES[0]! : streamOf(i));
  });
  const all = subscribers.map((subscriber) => subscriber.follow(lastsOf(subscriber.wish)));
  for (let i = 0; i < 100; i++)
    await writer.append(STREAMS[i % STREAMS.length]!, { type: 'Even', data: { i } });
  for (const stream of STREAMS) await writer.append(stream, { type: LAST, data: {} });
  await within(50_000, 'all have seen the last event', Promise.all(all));
  const events = await eventsOf(writer);
  for (const { wish, seen } of subscribers) expect(seen).toEqual(expectedBy(wish, events));
});

test('subscribers that stop cost the node little memory, and others nothing', async () => {
  const node = await NodeProcess.start({ folder });
  const [writer, other] = [await connected(node.url), await connected(node.url)];
  const data = 'x'.repeat(60_000);
  const stopped = await Promise.all(Array.from({ length: 10 }, () => connected(node.url)));
  const released = gate();
  const waiting = stopped.map((client) => new Subscriber(client, WISHES[0]!));
  const stops = waiting.map((subscriber) => subscriber.followWithStop(1, released.opened, 1));
  const following = new Subscriber(other, WISHES[0]!);
  const follows = following.follow(1);
  await writer.append('big', { type: 'Even', data });
  await Promise.all([following.until(1), ...waiting.map((subscriber) => subscriber.until(1))]);
  const before = node.residentKiB();
  for (let i = 0; i < 12; i++)
    await Promise.all(Array.from({ length: 50 }, () => writer.append('big', { type: 'Even', data })));
  // 36 MB have gone by, thirty-six times what the ring holds.
  await within(30_000, 'the one that goes on has all', following.until(601));
  expect(node.residentKiB() - before).toBeLessThan(200 * 1024);
  await writer.append('big', { type: LAST, data: {} });
  released.open();
  await within(50_000, 'all have all', Promise.all([follows, ...stops]));
  for (const { seen } of waiting) expect(seen).toEqual(following.seen);
});
