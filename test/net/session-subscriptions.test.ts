/** Subscriptions of a session on a log in memory: what is answered to which frames, and what they may cost. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NodeSubscriptions } from '../../src/net/node-subscriptions.js';
import { CHECKPOINT_BYTES } from '../../src/net/open-read.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import {
  EVENTS_BEHIND,
  EVENTS_CANCELLED,
  EVENTS_CAUGHT_UP,
  EVENTS_LAST,
  OPCODE,
} from '../../src/wire/frames.js';
import {
  decodeEventsPrefix,
  type EventsPrefix,
  encodeCancel,
  encodeCredit,
  encodeReadAll,
  encodeReadStream,
  type ReadAllRequest,
} from '../../src/wire/read-frames.js';
import { SampleLog } from '../indexer/sample-log.js';
import { LiveLog } from '../reader/live-log.js';
import { written } from '../wire/golden-frames.js';
import { helloFrame } from './frames.js';
import { openSession, ScriptedEngine, ScriptedNode, ScriptedSocket } from './scripted-session.js';

const END = Number.POSITIVE_INFINITY;
const SUBSCRIPTION: ReadAllRequest = {
  from: 0,
  count: END,
  isBackwards: false,
  windowBytes: 1 << 20,
  consistency: 'local',
  atLeast: 0,
  isLive: true,
};

let live: LiveLog;
let node: ScriptedNode;
let socket: ScriptedSocket;

beforeEach(() => {
  const sample = new SampleLog(1024 * 1024);
  sample.epoch();
  live = new LiveLog(sample, 8 * 1024 * 1024);
  const engine = new ScriptedEngine();
  node = new ScriptedNode(engine);
  node.served = { ...node.served!, reader: live.reader };
  socket = new ScriptedSocket();
  openSession(socket, engine, node);
  socket.receive(helloFrame());
});

afterEach(async () => {
  await live.close();
});

function subscribe(requestId: number, request: Partial<ReadAllRequest> = {}, stream?: string): void {
  const all = { ...SUBSCRIPTION, ...request };
  socket.receive(
    written((writer) => {
      if (stream === undefined) encodeReadAll(writer, requestId, all);
      else encodeReadStream(writer, requestId, { ...all, stream });
    }),
  );
}

function commit(streams: readonly string[], dataBytes = 16): void {
  live.sample.transaction(streams.map((stream) => ({ stream, dataBytes })));
  live.advance();
  live.reader.advanced();
}

async function turns(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** As many Events frames as were sent since the last time, once they are so many. */
async function nextEvents(count: number): Promise<EventsPrefix[]> {
  const found = events();
  while (found.length < count) {
    await turns();
    found.push(...events());
  }
  return found;
}

/** The Events frames that were sent since the last time. */
function events(): EventsPrefix[] {
  const found: EventsPrefix[] = [];
  const frames = new FrameReader();
  for (const message of socket.sent.splice(0)) {
    frames.open(message);
    while (frames.next()) {
      const decoded = frames.opcode === OPCODE.events ? decodeEventsPrefix(frames) : undefined;
      if (decoded?.kind === 'ok') found.push(decoded.frame);
    }
  }
  return found;
}

test('a subscription is told once that it has caught up, and then given what is committed, until it is cancelled', async () => {
  commit(['a']);
  subscribe(1);
  subscribe(2, {}, 'a');
  subscribe(3, {}, 'new');
  subscribe(4, { from: END });
  const first = (await nextEvents(4)).sort((a, b) => a.requestId - b.requestId);
  expect(first).toMatchObject([
    { requestId: 1, flags: EVENTS_CAUGHT_UP, eventCount: 1, next: live.committed, head: live.committed },
    { requestId: 2, flags: EVENTS_CAUGHT_UP, eventCount: 1, next: 1, head: 0 },
    { requestId: 3, flags: EVENTS_CAUGHT_UP, eventCount: 0, next: 0, head: END },
    { requestId: 4, flags: EVENTS_CAUGHT_UP, eventCount: 0, next: live.committed },
  ]);
  commit(['a']);
  const second = (await nextEvents(3)).sort((a, b) => a.requestId - b.requestId);
  expect(second.map(({ requestId, flags, eventCount }) => [requestId, flags, eventCount])).toEqual([
    [1, 0, 1],
    [2, 0, 1],
    [4, 0, 1],
  ]);
  for (const requestId of [1, 2, 3, 4]) socket.receive(written((writer) => encodeCancel(writer, requestId)));
  expect((await nextEvents(4)).map(({ requestId, flags }) => [requestId, flags])).toEqual(
    [1, 2, 3, 4].map((requestId) => [requestId, EVENTS_LAST | EVENTS_CANCELLED]),
  );
  commit(['a', 'new']);
  await turns();
  expect(events()).toEqual([]);
  expect(node.served!.subscriptions.counts.open).toBe(0);
});

test('a subscription ends after as many events as it asks for', async () => {
  subscribe(1, { count: 2 }, 'a');
  subscribe(2, { count: 3 });
  commit(['a', 'b']);
  await turns();
  commit(['a', 'b']);
  const frames: EventsPrefix[] = [];
  while (frames.filter(({ flags }) => flags === EVENTS_LAST).length < 2)
    frames.push(...(await nextEvents(1)));
  for (const [requestId, count] of [
    [1, 2],
    [2, 3],
  ] as const) {
    const own = frames.filter((frame) => frame.requestId === requestId);
    expect(own.reduce((sum, { eventCount }) => sum + eventCount, 0)).toBe(count);
    expect(own.at(-1)!.flags).toBe(EVENTS_LAST);
  }
  expect(node.served!.subscriptions.counts.open).toBe(0);
});

test('without credit nothing is sent, and nothing is missed when it comes', async () => {
  subscribe(1, { windowBytes: 0 });
  subscribe(2, { windowBytes: 0 }, 'a');
  for (let i = 0; i < 5; i++) commit(['a']);
  await turns();
  expect(events()).toEqual([]);
  for (const requestId of [1, 2])
    socket.receive(written((writer) => encodeCredit(writer, requestId, 100_000)));
  expect((await nextEvents(2)).map(({ eventCount, flags }) => [eventCount, flags])).toEqual([
    [5, EVENTS_CAUGHT_UP],
    [5, EVENTS_CAUGHT_UP],
  ]);
});

test('while the client does not take what it was sent, no further pages are made for its subscriptions', async () => {
  subscribe(1, { windowBytes: 1 << 30 });
  await nextEvents(1);
  socket.isDeaf = true;
  for (let i = 0; i < 40; i++) {
    commit(['a'], 100_000);
    await turns();
  }
  const sentBytes = socket.bufferedAmount;
  // The mark, and one frame.
  expect(sentBytes).toBeLessThan(1024 * 1024);
  expect(sentBytes).toBeGreaterThan(200_000);
  socket.isDeaf = false;
  socket.bufferedAmount = 0;
  socket.drain();
  let seen = 0;
  while (seen < 40) for (const { eventCount } of await nextEvents(1)) seen += eventCount;
  expect(seen).toBe(40);
});

test('there are no more subscriptions than a connection, and the node, may have; reads are not counted', async () => {
  node.served = { ...node.served!, limits: { ...node.served!.limits, subscriptionsMax: 2, openReadsMax: 1 } };
  socket = new ScriptedSocket();
  openSession(socket, node.appends, node);
  socket.receive(helloFrame());
  for (const requestId of [1, 2, 3]) subscribe(requestId);
  await turns();
  expect(socket.errors()).toMatchObject([{ code: 'too-many-subscriptions', details: { limit: 2 } }]);
  subscribe(9, { isLive: false });
  await turns();
  expect(socket.errors()).toHaveLength(1);
  socket.receive(written((writer) => encodeCancel(writer, 1)));
  // It ends behind the page that it is at, which comes from a file.
  while (node.served.subscriptions.counts.open > 1) await turns();
  subscribe(3);
  await turns();
  expect(socket.errors()).toHaveLength(1);
  const subscriptions = new NodeSubscriptions(3);
  node.served = {
    ...node.served,
    subscriptions,
    limits: { ...node.served.limits, subscriptionsMax: 9 },
  };
  const others = [new ScriptedSocket(), new ScriptedSocket()];
  for (const other of others) {
    socket = other;
    openSession(socket, node.appends, node);
    socket.receive(helloFrame());
    subscribe(1);
    subscribe(2);
  }
  await turns();
  expect(others[1]!.errors()).toMatchObject([{ code: 'too-many-subscriptions', details: { limit: 3 } }]);
  // A connection that is gone holds none.
  others[0]!.emit('close');
  expect(subscriptions.counts.open).toBe(1);
});

test('the node counts its subscriptions: how many are live, who falls behind, and what all were sent', async () => {
  const { subscriptions } = node.served!;
  commit(['a']);
  subscribe(1, { windowBytes: 0 });
  subscribe(2, { windowBytes: 1 }, 'a');
  expect(subscriptions.counts).toMatchObject({ open: 2, live: 0, events: 0 });
  const [first] = await nextEvents(1);
  const { bytes } = subscriptions.counts;
  expect(first).toMatchObject({ requestId: 2, flags: EVENTS_CAUGHT_UP });
  expect(subscriptions.counts).toMatchObject({ open: 2, live: 1, events: 1, fallsBehind: 0 });
  expect(bytes).toBeGreaterThan(100);
  // It has no credit, and more events of its stream go by than are kept for it.
  for (let i = 0; i < 300; i++) commit(['a'], 2_000);
  await turns();
  expect(subscriptions.counts).toMatchObject({ live: 1, events: 1, bytes });
  socket.receive(written((writer) => encodeCredit(writer, 2, bytes)));
  expect(await nextEvents(1)).toMatchObject([{ flags: EVENTS_BEHIND }]);
  expect(subscriptions.counts).toMatchObject({ open: 2, live: 0, fallsBehind: 1 });
  socket.receive(written((writer) => encodeCredit(writer, 2, 1 << 20)));
  while (subscriptions.counts.events < 301) await turns();
  expect(subscriptions.counts).toMatchObject({ open: 2, live: 1, fallsBehind: 1 });
  expect(subscriptions.counts.bytes).toBeGreaterThan(200 * bytes);
  socket.receive(written((writer) => encodeCancel(writer, 2)));
  while (subscriptions.counts.open > 1) await turns();
  expect(subscriptions.counts).toMatchObject({ live: 0, events: 301 });
  socket.emit('close');
  expect(subscriptions.counts).toMatchObject({ open: 0, live: 0 });
});

test('a pattern that can not be used is refused, and costs no subscription', async () => {
  subscribe(1, { filter: [{ field: 'stream', kind: 'regex', patterns: ['(a'] }] });
  await turns();
  expect(socket.errors()).toMatchObject([{ code: 'invalid-filter', details: { pattern: '(a', at: 0 } }]);
  expect(node.served!.subscriptions.counts.open).toBe(0);
});

test('of a log in which nothing fits a client hears how far it was searched', async () => {
  const filter = [{ field: 'stream', kind: 'prefix', patterns: ['x'] }] as const;
  subscribe(1, { filter });
  expect(await nextEvents(1)).toMatchObject([{ flags: EVENTS_CAUGHT_UP, eventCount: 0 }]);
  for (let bytes = 0; bytes < CHECKPOINT_BYTES; bytes += 100_000) {
    commit(['a'], 100_000);
    await turns();
  }
  const [checkpoint, ...more] = await nextEvents(1);
  expect(checkpoint).toMatchObject({ requestId: 1, flags: 0, eventCount: 0 });
  expect(checkpoint!.next).toBeGreaterThanOrEqual(CHECKPOINT_BYTES);
  expect(more).toEqual([]);
  commit(['x']);
  expect(await nextEvents(1)).toMatchObject([{ flags: 0, eventCount: 1 }]);
});
