import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.js';
import { encodeError } from '../../src/wire/answer-frames.js';
import { failure, pair } from './pair.js';

const event = { type: 'Placed', data: { total: 1 } };
const utf8 = new TextDecoder();

test('an append resolves to what the server answers', async () => {
  const { client, connection } = await pair();
  const appended = client.append('orders-1', event);
  const { requestId } = await connection.nextAppend();
  connection.send((writer) => writer.appended(requestId, 1, 41, 2 ** 40));
  expect(await appended).toEqual({ revision: 41, position: 2 ** 40, duplicate: true });
});

test('values become JSON, text and bytes stay as they are', async () => {
  const { client, connection } = await pair({ answerAppends: true });
  const id = '01234567-89ab-4def-8123-456789abcdef';
  await client.append(
    'ströme',
    [
      { type: 'Json', data: { a: [1, null] }, metadata: { by: 'ada' }, id },
      { type: 'Text', data: 'grüße', metadata: 'plain' },
      { type: 'Bytes', data: Uint8Array.of(0, 255), metadata: Uint8Array.of(65) },
      { type: 'JsonText', data: '{ "a": 1 }', isJson: true },
      { type: 'Null', data: null },
      { type: 'Empty', data: '' },
    ],
    { expected: 7 },
  );
  const append = await connection.nextAppend();
  expect([append.stream, append.expected]).toEqual(['ströme', 7]);
  const seen = append.events.map(({ type, isJson, metadata, data }) => [
    type,
    isJson,
    metadata,
    utf8.decode(data),
  ]);
  expect(seen).toEqual([
    ['Json', true, '{"by":"ada"}', '{"a":[1,null]}'],
    ['Text', false, 'plain', 'grüße'],
    ['Bytes', false, 'A', '\0\ufffd'],
    ['JsonText', true, '', '{ "a": 1 }'],
    ['Null', true, '', 'null'],
    ['Empty', false, '', ''],
  ]);
  expect(append.events[0]!.id).toBe(id);
  const ids = new Set(append.events.map((each) => each.id));
  expect(ids.size).toBe(6);
  expect([...ids].every((each) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/.test(each))).toBe(true);
});

test.each([
  [undefined, -2],
  ['any', -2],
  ['none', -1],
  ['exists', -4],
  [0, 0],
  [2 ** 40, 2 ** 40],
] as const)('expected %s goes out as %i', async (expected, wire) => {
  const { client, connection } = await pair({ answerAppends: true });
  await client.append('s', event, expected === undefined ? undefined : { expected });
  expect((await connection.nextAppend()).expected).toBe(wire);
});

test('all appends of a turn of the event loop leave as one message', async () => {
  const { client, connection } = await pair({ answerAppends: true });
  const appends: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) appends.push(client.append('s', event));
  await Promise.resolve();
  for (let i = 0; i < 10; i++) appends.push(client.append('s', event));
  await Promise.all(appends);
  expect(connection.messages).toEqual([20]);
});

test('a message is never larger than the server takes, and everything arrives in order', async () => {
  const { client, connection } = await pair({ answerAppends: true, welcome: { messageBytesMax: 2000 } });
  const data = 'x'.repeat(500);
  const appends = Array.from({ length: 20 }, (_, i) => client.append('s', { type: `T${i}`, data }));
  const revisions = (await Promise.all(appends)).map(({ revision }) => revision);
  expect(revisions).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(connection.messages).toEqual([3, 3, 3, 3, 3, 3, 2]);
});

test('no more appends are in flight than the server, or the user, allows', async () => {
  const { client, connection } = await pair({ welcome: { inFlightAppendsMax: 3 } }, { maxInFlight: 5 });
  const appends = Array.from({ length: 7 }, (_, i) => client.append('s', { type: `T${i}`, data: '' }));
  const seen: string[] = [];
  for (let i = 0; i < 7; i++) {
    const { requestId, events } = await connection.nextAppend();
    seen.push(events[0]!.type);
    if (i === 2) expect(connection.frames.length).toBe(3);
    if (i >= 2) connection.send((writer) => writer.appended(requestId - 2, 0, i - 2, 0));
  }
  expect(seen).toEqual(['T0', 'T1', 'T2', 'T3', 'T4', 'T5', 'T6']);
  for (const number of [6, 7]) connection.send((writer) => writer.appended(number, 0, number - 1, 0));
  expect((await Promise.all(appends)).map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('an error from the server arrives with code, message and details, and concerns its append alone', async () => {
  const { client, connection } = await pair();
  const first = client.append('s', event, { expected: 4 });
  const second = client.append('s', event);
  const details = { stream: 's', expected: 4, current: 5 };
  await connection.nextAppend();
  connection.send((writer) => {
    encodeError(writer, 1, { code: 'wrong-expected-revision', message: 'no', details });
    writer.appended(2, 0, 6, 7);
  });
  const error = await failure(first);
  expect([error.code, error.message, error.details]).toEqual(['wrong-expected-revision', 'no', details]);
  expect((await second).revision).toBe(6);
});

test('an append too large for the server is refused at once, and does not spoil the message', async () => {
  const { client, connection } = await pair({
    answerAppends: true,
    welcome: { appendBytesMax: 1000, eventBytesMax: 800 },
  });
  const good = client.append('s', event);
  const large = [
    client.append('s', { type: 'T', data: new Uint8Array(900) }),
    client.append('s', { type: 'T', data: 'ü'.repeat(450) }),
    client.append('s', { type: 'T', data: 'x', metadata: 'ü'.repeat(450) }),
    client.append(
      's',
      [1, 2].map(() => ({ type: 'T', data: 'x'.repeat(500) })),
    ),
    client.appendFrame(Uint8Array.from({ length: 2000 }, (_, i) => (i === 4 ? 2 : 0))),
  ];
  const alsoGood = client.append('s', event);
  for (const each of large) expect((await failure(each)).code).toBe('request-too-large');
  expect([(await good).revision, (await alsoGood).revision]).toEqual([0, 1]);
  expect(connection.messages).toEqual([2]);
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;

test.each<[string, (client: Client) => Promise<unknown>]>([
  ['an empty stream name', (client) => client.append('', event)],
  ['a stream name of 1025 bytes', (client) => client.append('ü'.repeat(513), event)],
  ['half a surrogate pair', (client) => client.append('\ud800', event)],
  ['a stream name that is no text', (client) => client.append(7 as unknown as string, event)],
  ['no events', (client) => client.append('s', [])],
  ['too many events', (client) => client.append('s', new Array(65_536).fill(event))],
  ['an event that is no object', (client) => client.append('s', null as unknown as typeof event)],
  ['an event without a type', (client) => client.append('s', { data: 1 } as unknown as typeof event)],
  ['an event without data', (client) => client.append('s', { type: 'T', data: undefined })],
  ['a function as data', (client) => client.append('s', { type: 'T', data: () => 1 })],
  ['a circular structure', (client) => client.append('s', { type: 'T', data: circular })],
  ['a bigint', (client) => client.append('s', { type: 'T', data: 1n })],
  ['an ArrayBuffer', (client) => client.append('s', { type: 'T', data: new ArrayBuffer(1) })],
  [
    'a Float64Array as metadata',
    (client) => client.append('s', { type: 'T', data: 1, metadata: new Float64Array(1) }),
  ],
  ['an id that is no UUID', (client) => client.append('s', { type: 'T', data: 1, id: 'order-1' })],
  ['expected −1', (client) => client.append('s', event, { expected: -1 })],
  ['expected 1.5', (client) => client.append('s', event, { expected: 1.5 })],
  ['expected nothing known', (client) => client.append('s', event, { expected: 'some' as 'any' })],
  ['a frame that is no Append', (client) => client.appendFrame(new Uint8Array(100))],
])('refused before anything is sent: %s', async (_, append) => {
  const { client, connection } = await pair({ answerAppends: true });
  expect((await failure(append(client))).code).toBe('invalid-request');
  await client.append('s', event);
  expect(connection.frames.length).toBe(1);
});

test('toJSON may append something itself', async () => {
  const { client, connection } = await pair({ answerAppends: true });
  let inner: Promise<unknown> | undefined;
  const toJSON = () => {
    inner = client.append('inner', event);
    return 'outer';
  };
  await client.append('outer', { type: 'T', data: { toJSON } });
  await inner;
  expect([(await connection.nextAppend()).stream, (await connection.nextAppend()).stream]).toEqual([
    'inner',
    'outer',
  ]);
});

test('a full queue refuses, and takes appends again when answers have come', async () => {
  const { client, connection } = await pair({}, { maxQueuedBytes: 2000 });
  const data = new Uint8Array(1000);
  const held = [client.append('s', { type: 'T', data }), client.append('s', { type: 'T', data })];
  const error = await failure(client.append('s', event));
  expect(error.code).toBe('too-many-requests');
  await connection.nextAppend();
  connection.send((writer) => {
    writer.appended(1, 0, 0, 0);
    writer.appended(2, 0, 1, 0);
  });
  await Promise.all(held);
  const again = client.append('s', event);
  await connection.next();
  const { requestId } = await connection.nextAppend();
  connection.send((writer) => writer.appended(requestId, 0, 2, 0));
  expect((await again).revision).toBe(2);
});

test('a ready-made frame goes out with a request id of its own', async () => {
  const { client, connection } = await pair({ answerAppends: true });
  await client.append('s', { type: 'T', data: 'abc' });
  const { bytes } = await connection.next();
  await client.appendFrame(bytes);
  const again = await connection.nextAppend();
  expect([again.requestId, again.stream, utf8.decode(again.events[0]!.data)]).toEqual([2, 's', 'abc']);
});
