/** Appends to several streams, by the client library, against a server that is made up. */
import { expect, test } from 'vitest';
import { encodeAppendedParts, encodeError } from '../../src/wire/answer-frames.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { APPEND_PARTS, PARTS_MAX } from '../../src/wire/frames.js';
import { failure, pair } from './pair.js';

const event = (type: string) => ({ type, data: {} });

/** What a frame appends: stream, expected revision, types of events. */
function partsIn(bytes: Uint8Array): unknown[] {
  const cursor = new AppendCursor();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = (at: number, length: number) => new TextDecoder().decode(bytes.subarray(at, at + length));
  expect(cursor.open(bytes, view, 0, bytes.length)).toBeUndefined();
  const parts: unknown[] = [];
  do {
    const types: string[] = [];
    while (cursor.nextEvent()) types.push(text(cursor.typeAt, cursor.typeLength));
    parts.push([text(cursor.streamAt, cursor.streamLength), cursor.expectedRevision, types]);
  } while (cursor.nextPart());
  return parts;
}

test('a transaction is one request, and resolves to a revision for each stream', async () => {
  const { client, connection } = await pair();
  const done = client.transact([
    { stream: 'a', events: event('A'), expected: 3 },
    { stream: 'b', events: [event('B'), event('C')] },
  ]);
  const { bytes, requestId } = await connection.next();
  expect(partsIn(bytes)).toEqual([
    ['a', 3, ['A']],
    ['b', -2, ['B', 'C']],
  ]);
  const answer = { revisions: [4, 1], position: 800, duplicate: true };
  connection.send((writer) => encodeAppendedParts(writer, requestId, answer));
  expect(await done).toEqual({ revisions: [4, 1], position: 800, duplicate: true });
});

test('a transaction on one stream is an append', async () => {
  const { client, connection } = await pair();
  const done = client.transact([{ stream: 'a', events: event('A') }], { ackPolicy: 'all' });
  const { bytes, requestId } = await connection.next();
  expect(bytes[5]! & APPEND_PARTS).toBe(0);
  connection.send((writer) => writer.appended(requestId, 0, 7, 64));
  expect(await done).toEqual({ revisions: [7], position: 64, duplicate: false });
});

test('a transaction that a lost connection left open is sent again, the same bytes', async () => {
  const { server, client, connection } = await pair();
  const parts = ['a', 'b'].map((stream) => ({ stream, events: event('A') }));
  const done = client.transact(parts);
  const first = await connection.next();
  connection.socket.terminate();
  const second = await server.connection();
  const again = await second.next();
  expect(again.bytes).toEqual(first.bytes);
  const answer = { revisions: [0, 0], position: 96, duplicate: true };
  second.send((writer) => encodeAppendedParts(writer, again.requestId, answer));
  expect((await done).duplicate).toBe(true);
});

test('what the server says against it is what the user hears', async () => {
  const { client, connection } = await pair();
  const failed = failure(client.transact(['a', 'b'].map((stream) => ({ stream, events: event('A') }))));
  const { requestId } = await connection.next();
  const details = { stream: 'b', expected: 0, current: 1 };
  connection.send((writer) =>
    encodeError(writer, requestId, { code: 'wrong-expected-revision', message: 'no', details }),
  );
  expect(await failed).toMatchObject({ code: 'wrong-expected-revision', details });
});

test.each([
  ['no parts', []],
  ['too many', Array.from({ length: PARTS_MAX + 1 }, (_, i) => ({ stream: `s${i}`, events: event('A') }))],
  ['a stream twice', ['a', 'b', 'a'].map((stream) => ({ stream, events: event('A') }))],
  [
    'a part without events',
    [
      { stream: 'a', events: event('A') },
      { stream: 'b', events: [] },
    ],
  ],
  [
    'an impossible expectation',
    [
      { stream: 'a', events: event('A') },
      { stream: 'b', events: event('A'), expected: -7 },
    ],
  ],
  ['no list', 'a' as never],
])('with %s nothing is sent', async (_what, parts) => {
  const { client } = await pair();
  expect((await failure(client.transact(parts))).code).toBe('invalid-request');
  expect(client.pendingAppends).toBe(0);
});
