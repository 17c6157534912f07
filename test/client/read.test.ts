import { expect, test } from 'vitest';
import type { Client, ReadOptions, RecordedEvent } from '../../src/client/client.js';
import { encodeError } from '../../src/wire/answer-frames.js';
import { EVENTS_CANCELLED, EVENTS_LAST, OPCODE } from '../../src/wire/frames.js';
import { decodeCredit, decodeReadAll, decodeReadStream } from '../../src/wire/read-frames.js';
import { openFrame } from '../wire/golden-frames.js';
import { commitRecord, eventRecord } from './fake-records.js';
import type { FakeConnection, SeenFrame } from './fake-server.js';
import { failure, pair } from './pair.js';

const END = Number.POSITIVE_INFINITY;
const LOCAL = { consistency: 'local', atLeast: 0 } as const;
const KIBIBYTE = 1024;

function readStreamOf({ bytes }: SeenFrame): unknown {
  const decoded = decodeReadStream(openFrame(bytes));
  return decoded.kind === 'ok' ? decoded.frame : decoded;
}

function creditOf({ bytes, opcode }: SeenFrame): number {
  const decoded = decodeCredit(openFrame(bytes));
  if (opcode !== OPCODE.credit || decoded.kind === 'invalid') throw new Error('not a Credit');
  return decoded.frame.bytes;
}

function records(from: number, count: number, dataBytes = 100): Uint8Array[] {
  const data = 'x'.repeat(dataBytes);
  return Array.from({ length: count }, (_, i) => eventRecord({ revision: from + i, data, isJson: false }));
}

function revisions(events: readonly RecordedEvent[]): number[] {
  return events.map(({ revision }) => revision);
}

test.each<[ReadOptions, object]>([
  [{}, { from: 0, count: END, isBackwards: false }],
  [
    { from: 7, count: 3 },
    { from: 7, count: 3, isBackwards: false },
  ],
  [{ backwards: true }, { from: END, count: END, isBackwards: true }],
  [
    { backwards: true, from: 9, count: 1 },
    { from: 9, count: 1, isBackwards: true },
  ],
])('asks for what was asked: %j', async (options, expected) => {
  const { client, connection } = await pair({}, { readWindowBytes: 100_000 });
  const reads = [client.readStream('s', options).toArray(), client.readAll(options).toArray()];
  const [stream, all] = [await connection.next(), await connection.next()];
  expect(readStreamOf(stream)).toEqual({ ...LOCAL, ...expected, stream: 's', windowBytes: 100_000 });
  expect(decodeReadAll(openFrame(all.bytes))).toEqual({
    kind: 'ok',
    frame: { ...LOCAL, ...expected, windowBytes: 100_000 },
  });
  for (const { requestId } of [stream, all]) connection.endRead(requestId);
  expect(await Promise.all(reads)).toEqual([[], []]);
});

test('events come in order over many frames, one by one or in batches', async () => {
  const { client, connection } = await pair();
  const one: number[] = [];
  const byOne = (async () => {
    for await (const event of client.readStream('s')) one.push(event.revision);
  })();
  const batches: number[][] = [];
  const byBatch = (async () => {
    for await (const batch of client.readStream('s').batches()) batches.push(revisions(batch));
  })();
  for (let i = 0; i < 2; i++) {
    const { requestId } = await connection.next();
    connection.sendEvents({ requestId }, records(0, 3));
    connection.sendEvents({ requestId }, [commitRecord()]);
    connection.sendEvents({ requestId }, records(3, 2));
    connection.sendEvents({ requestId, flags: EVENTS_LAST }, records(5, 1));
  }
  await Promise.all([byOne, byBatch]);
  expect(one).toEqual([0, 1, 2, 3, 4, 5]);
  expect(batches).toEqual([[0, 1, 2], [3, 4], [5]]);
});

test('whoever asks ahead without waiting gets every event once, in order', async () => {
  const { client, connection } = await pair();
  const iterator = client.readStream('s')[Symbol.asyncIterator]();
  const asked = Array.from({ length: 8 }, () => iterator.next());
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId }, records(0, 2));
  connection.sendEvents({ requestId, flags: EVENTS_LAST }, records(2, 3));
  const answers = await Promise.all(asked);
  expect(answers.map(({ value }) => value?.revision)).toEqual([
    0,
    1,
    2,
    3,
    4,
    undefined,
    undefined,
    undefined,
  ]);
  expect(answers.map(({ done }) => done === true)).toEqual([...new Array(5).fill(false), true, true, true]);
});

test('each iteration of a read is a read of its own', async () => {
  const { client, connection } = await pair();
  const read = client.readStream('s', { count: 1 });
  for (let i = 0; i < 2; i++) {
    const events = read.toArray();
    const { requestId } = await connection.next();
    connection.sendEvents({ requestId, flags: EVENTS_LAST }, records(i, 1));
    expect(revisions(await events)).toEqual([i]);
  }
});

test('credit goes back for what the consumer has taken, and for nothing else', async () => {
  const { client, connection } = await pair({}, { readWindowBytes: 64 * KIBIBYTE });
  const batches = client.readStream('s').batches();
  const first = batches.next();
  const { requestId } = await connection.next();
  let sent = 0;
  for (let i = 0; i < 4; i++) sent += connection.sendEvents({ requestId }, records(i * 10, 10, 1900));
  await first;
  // The first frame is being worked on, the others wait: no credit until the consumer comes back.
  await askAndAnswer(client, connection);
  expect(connection.frames.filter(({ opcode }) => opcode === OPCODE.credit)).toEqual([]);
  let credited = 0;
  for (let i = 1; i < 4; i++) {
    await batches.next();
    await askAndAnswer(client, connection);
    credited = connection.frames
      .filter(({ opcode }) => opcode === OPCODE.credit)
      .reduce((sum, frame) => sum + creditOf(frame), 0);
    expect(credited).toBeLessThanOrEqual((sent / 4) * i);
    expect(credited).toBeGreaterThan((sent / 4) * i - 16 * KIBIBYTE);
  }
});

/** A round trip, so that everything sent before has been received by both sides. */
async function askAndAnswer(client: Client, connection: FakeConnection): Promise<void> {
  const read = client.readStream('round-trip').toArray();
  for (;;) {
    const frame = await connection.next();
    if (frame.opcode !== OPCODE.readStream) continue;
    connection.endRead(frame.requestId);
    await read;
    return;
  }
}

test('a read of any length goes on as long as credit does, and never exceeds its window by more than a frame', async () => {
  const windowBytes = 64 * KIBIBYTE;
  const { client, connection } = await pair({}, { readWindowBytes: windowBytes });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { revision } of client.readStream('s')) seen.push(revision);
  })();
  const { requestId } = await connection.next();
  let window = windowBytes;
  for (let i = 0; i < 100; i++) {
    while (window <= 0) window += creditOf(await connection.next());
    window -= connection.sendEvents(
      { requestId, flags: i === 99 ? EVENTS_LAST : 0 },
      records(i * 10, 10, 700),
    );
  }
  await reading;
  expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
});

test('leaving the loop cancels the read, and what still comes is dropped', async () => {
  const { client, connection } = await pair();
  const reading = (async () => {
    for await (const { revision } of client.readStream('s')) if (revision === 1) return;
  })();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId }, records(0, 3));
  await reading;
  const cancel = await connection.next();
  expect([cancel.opcode, cancel.requestId]).toEqual([OPCODE.cancel, requestId]);
  connection.sendEvents({ requestId }, records(3, 3));
  connection.endRead(requestId, EVENTS_LAST | EVENTS_CANCELLED);
  await askAndAnswer(client, connection);
  expect(client.isConnected).toBe(true);
});

test('leaving the loop before the first event cancels, and after the last one does not', async () => {
  const { client, connection } = await pair();
  const unused = client.readStream('s').batches();
  await unused.return?.();
  expect(await unused.next()).toEqual({ done: true, value: undefined });
  const early = client.readStream('s').batches();
  const waiting = early.next();
  const { requestId } = await connection.next();
  await early.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect((await connection.next()).opcode).toBe(OPCODE.cancel);
  connection.endRead(requestId, EVENTS_LAST | EVENTS_CANCELLED);
  for await (const _ of (async function* () {
    yield* await lateLeaver(client, connection);
  })()) {
    // Nothing to do with them.
  }
  await askAndAnswer(client, connection);
  expect(connection.frames.filter(({ opcode }) => opcode === OPCODE.cancel).length).toBe(1);
});

async function lateLeaver(client: Client, connection: FakeConnection): Promise<readonly RecordedEvent[]> {
  const batches = client.readStream('s').batches();
  const first = batches.next();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId, flags: EVENTS_LAST }, records(0, 2));
  const { value } = await first;
  await batches.return?.();
  return value ?? [];
}

test.each(['stream-not-found', 'bad-position', 'too-many-requests', 'log-corrupt'] as const)(
  'a read that the server answers with %s throws it',
  async (code) => {
    const { client, connection } = await pair();
    const read = failure(client.readStream('s').toArray());
    const { requestId } = await connection.next();
    connection.send((writer) =>
      encodeError(writer, requestId, { code, message: 'why', details: { from: 3 } }),
    );
    const error = await read;
    expect([error.code, error.message, error.details]).toEqual([code, 'why', { from: 3 }]);
  },
);

test('an error in the middle comes after the events before it', async () => {
  const { client, connection } = await pair();
  const seen: number[] = [];
  const read = failure(
    (async () => {
      for await (const { revision } of client.readAll()) seen.push(revision);
    })(),
  );
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId }, records(0, 2));
  connection.sendEvents({ requestId }, records(2, 2));
  connection.send((writer) =>
    encodeError(writer, requestId, { code: 'log-corrupt', message: '', details: {} }),
  );
  expect((await read).code).toBe('log-corrupt');
  expect(seen).toEqual([0, 1, 2, 3]);
});

test('a lost connection leaves neither a gap nor a repetition', async () => {
  const { server, client, connection } = await pair({}, { readWindowBytes: 64 * KIBIBYTE });
  const batches = client.readStream('s', { from: 5, count: 9 }).batches();
  const first = batches.next();
  const before = await connection.next();
  const held = connection.sendEvents({ requestId: before.requestId, next: 7 }, records(5, 2));
  expect(revisions((await first).value ?? [])).toEqual([5, 6]);
  connection.sendEvents({ requestId: before.requestId, next: 9 }, records(7, 2));
  await askAndAnswer(client, connection);
  connection.drop();
  const second = await server.connection();
  const again = await second.next();
  expect(readStreamOf(again)).toEqual({
    consistency: 'local',
    // Whoever answers must have the last event that came.
    atLeast: 8 * 200 + 1,
    stream: 's',
    from: 9,
    count: 5,
    isBackwards: false,
    windowBytes: 64 * KIBIBYTE - 2 * held,
  });
  second.sendEvents({ requestId: again.requestId, next: 14, flags: EVENTS_LAST }, records(9, 5));
  const rest: number[] = [];
  for await (const batch of batches) rest.push(...revisions(batch));
  expect(rest).toEqual([7, 8, 9, 10, 11, 12, 13]);
});

test('a read that had all its events when the connection broke is complete', async () => {
  const { server, client, connection } = await pair();
  const events = client.readStream('s', { count: 2 }).toArray();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId, next: 2 }, records(0, 2));
  await askAndAnswer(client, connection);
  connection.drop();
  await server.connection();
  expect(revisions(await events)).toEqual([0, 1]);
});

test('a read that was left while there was no connection is not asked again', async () => {
  const { server, client, connection } = await pair();
  const batches = client.readStream('s').batches();
  const first = batches.next();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId, next: 2 }, records(0, 2));
  await first;
  connection.drop();
  await connection.closed;
  await batches.return?.();
  const second = await server.connection();
  await askAndAnswer(client, second);
  expect(second.frames.filter(({ opcode }) => opcode === OPCODE.readStream).length).toBe(1);
});

test.each<[string, (requestId: number, connection: FakeConnection) => void]>([
  [
    'half a record',
    (requestId, connection) => connection.sendEvents({ requestId }, [records(0, 1)[0]!.slice(0, 100)]),
  ],
  [
    'another number of events',
    (requestId, connection) => connection.sendEvents({ requestId, eventCount: 3 }, records(0, 2)),
  ],
  [
    'more events than asked for',
    (requestId, connection) => connection.sendEvents({ requestId }, records(0, 6)),
  ],
  [
    'events that nobody asked for',
    (requestId, connection) => connection.sendEvents({ requestId: requestId + 9 }, records(0, 1)),
  ],
])('a server that sends %s is left for good', async (_, send) => {
  const { client, connection } = await pair();
  const read = failure(client.readStream('s', { count: 5 }).toArray());
  const { requestId } = await connection.next();
  send(requestId, connection);
  expect((await read).code).toBe('protocol-error');
});

test.each<[string, (client: Client) => unknown]>([
  ['a negative start', (client) => client.readAll({ from: -1 })],
  ['half a revision', (client) => client.readStream('s', { from: 0.5 })],
  ['forwards from the end', (client) => client.readAll({ from: END })],
  ['no events', (client) => client.readAll({ count: 0 })],
  ['an empty stream name', (client) => client.readStream('')],
  ['a stream name of 1025 bytes', (client) => client.readStream('x'.repeat(1025))],
])('refused before anything is sent: %s', async (_, read) => {
  const { client } = await pair();
  expect(() => read(client)).toThrowError(expect.objectContaining({ code: 'invalid-request' }));
});

test('closing the client ends its reads', async () => {
  const { client, connection } = await pair();
  const read = failure(client.readAll().toArray());
  await connection.next();
  await client.close();
  expect((await read).message).toMatch(/closed/);
});
