import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/client.js';
import { encodeError, encodeStreamInfoReply } from '../../src/wire/answer-frames.js';
import { OPCODE } from '../../src/wire/frames.js';
import { decodeAppend, FakeServer } from './fake-server.js';
import { failure, fakeServer, pair } from './pair.js';

const event = (type: string) => ({ type, data: '' });

test('what was unanswered when the connection broke is sent again: same ids, same order, before anything new', async () => {
  const { server, client, connection } = await pair();
  const appends = ['A', 'B', 'C'].map((type) => client.append('s', event(type)));
  const first = [await connection.nextAppend(), await connection.nextAppend(), await connection.nextAppend()];
  connection.send((writer) => writer.appended(first[0]!.requestId, 0, 0, 0));
  await appends[0];
  connection.drop();
  appends.push(client.append('s', event('D')));
  const second = await server.connection();
  const again = [await second.nextAppend(), await second.nextAppend(), await second.nextAppend()];
  expect(again.map(({ events }) => events[0]!.type)).toEqual(['B', 'C', 'D']);
  expect(again.slice(0, 2)).toEqual(first.slice(1));
  again.forEach(({ requestId }, i) => {
    second.send((writer) => writer.appended(requestId, i === 0 ? 1 : 0, i + 1, 0));
  });
  const results = await Promise.all(appends);
  expect(results.map(({ revision }) => revision)).toEqual([0, 1, 2, 3]);
  expect(results.map(({ duplicate }) => duplicate)).toEqual([false, true, false, false]);
});

test('order and ids hold over several losses, and with a small limit in flight', async () => {
  const { server, client, connection } = await pair({ welcome: { inFlightAppendsMax: 4 } });
  const types = Array.from({ length: 10 }, (_, i) => `T${i}`);
  const appends = types.map((type) => client.append('s', event(type)));
  const ids = new Map<string, string>();
  let current = connection;
  for (let answered = 0; answered < 10; ) {
    const seen = decodeAppend(await current.next());
    const { type, id } = seen.events[0]!;
    expect(type).toBe(`T${answered}`);
    expect(ids.get(type) ?? id).toBe(id);
    const { requestId } = seen;
    ids.set(type, id);
    current.send((writer) => writer.appended(requestId, 0, answered, 0));
    answered++;
    if (answered % 3 === 0) {
      await appends[answered - 1];
      current.drop();
      current = await server.connection();
    }
  }
  expect((await Promise.all(appends)).map(({ revision }) => revision)).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
});

test('an append answered with shutting-down goes to the next connection, with all behind it', async () => {
  const { server, client, connection } = await pair();
  const appends = ['A', 'B'].map((type) => client.append('s', event(type)));
  const { requestId } = await connection.nextAppend();
  connection.send((writer) =>
    encodeError(writer, requestId, { code: 'shutting-down', message: 'bye', details: {} }),
  );
  const second = await server.connection();
  for (let i = 0; i < 2; i++) {
    const again = await second.nextAppend();
    expect(again.events[0]!.type).toBe(['A', 'B'][i]);
    second.send((writer) => writer.appended(again.requestId, 0, i, 0));
  }
  expect((await Promise.all(appends)).map(({ revision }) => revision)).toEqual([0, 1]);
});

test('a question is asked again over the new connection', async () => {
  const { server, client, connection } = await pair();
  const info = client.streamInfo('s');
  expect((await connection.next()).opcode).toBe(OPCODE.streamInfo);
  connection.drop();
  const second = await server.connection();
  const { requestId } = await second.next();
  second.send((writer) => encodeStreamInfoReply(writer, requestId, { revision: 3, position: 64 }));
  expect(await info).toEqual({ revision: 3, position: 64, firstRevision: 0, state: 'live' });
});

test('more questions than a server takes at a time wait for each other', async () => {
  const { client, connection } = await pair({ welcome: { openReadsMax: 7 } });
  const infos = Array.from({ length: 10 }, (_, i) => client.streamInfo(`s${i}`));
  for (let i = 0; i < 10; i++) {
    const { requestId } = await connection.next();
    expect(connection.frames.length - i).toBeLessThanOrEqual(3);
    connection.send((writer) => encodeStreamInfoReply(writer, requestId, { revision: i, position: 64 }));
  }
  expect((await Promise.all(infos)).map((info) => info?.revision)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a stream that does not exist has no info', async () => {
  const { client, connection } = await pair();
  const info = client.streamInfo('s');
  const { requestId } = await connection.next();
  connection.send((writer) => encodeStreamInfoReply(writer, requestId, { revision: -1, position: 0 }));
  expect(await info).toBeUndefined();
});

test('the user hears of the loss and of the return', async () => {
  const heard: string[] = [];
  let back: (() => void) | undefined;
  const returned = new Promise<void>((resolve) => {
    back = resolve;
  });
  const { client, connection } = await pair(
    {},
    {
      onDisconnect: (error) => heard.push(error.code),
      onReconnect: () => {
        heard.push('back');
        back?.();
      },
    },
  );
  connection.drop();
  await returned;
  expect(heard).toEqual(['connection-lost', 'back']);
  expect(client.isConnected).toBe(true);
});

test('when nobody comes back, appends fail and say whether they may have been written', async () => {
  const { server, client, connection } = await pair({ welcome: { inFlightAppendsMax: 1 } });
  const sent = client.append('s', event('A'));
  const waiting = client.append('s', event('B'));
  await connection.next();
  const outcomes = Promise.all([failure(sent), failure(waiting)]);
  await server.stop();
  const [first, second] = await outcomes;
  expect([first.code, second.code]).toEqual(['connection-lost', 'connection-lost']);
  expect(first.message).toMatch(/whether the events were written is unknown/);
  expect(second.message).toMatch(/were not sent, nothing was written/);
  expect((await failure(client.append('s', event('C')))).code).toBe('connection-lost');
  expect((await failure(client.readAll().toArray())).code).toBe('connection-lost');
  expect((await failure(client.streamInfo('s'))).code).toBe('connection-lost');
});

test('without a reconnect policy a lost connection is final', async () => {
  const { server, client, connection } = await pair({}, { reconnect: false });
  const append = client.append('s', event('A'));
  await connection.next();
  connection.drop();
  expect((await failure(append)).code).toBe('connection-lost');
  expect(server.connections.length).toBe(1);
  expect(client.isConnected).toBe(false);
});

test('a server that comes back with another log gets nothing', async () => {
  const { server, client, connection } = await pair();
  const append = client.append('s', event('A'));
  await connection.next();
  const { port } = server;
  await server.stop();
  const other = await FakeServer.start({ port, welcome: { logId: new Uint8Array(16).fill(9) } });
  try {
    const error = await failure(append);
    expect(error.code).toBe('connection-lost');
    expect(error.message).toMatch(/another log/);
    expect(other.connections.flatMap(({ frames }) => frames)).toEqual([]);
  } finally {
    await other.stop();
  }
});

test('an append without an answer fails in time, and the silent connection is replaced', async () => {
  const { server, client, connection } = await pair(
    { welcome: { inFlightAppendsMax: 1 } },
    { requestTimeoutMs: 400 },
  );
  const appends = [client.append('s', event('A')), client.append('s', event('B'))];
  await connection.next();
  const [sent, waiting] = await Promise.all(appends.map(failure));
  expect([sent!.code, waiting!.code]).toEqual(['timeout', 'timeout']);
  expect(sent!.message).toMatch(/whether the events were written is unknown/);
  expect(waiting!.message).toMatch(/nothing was written/);
  const second = await server.connection();
  const later = client.append('s', event('C'));
  const { requestId, events } = await second.nextAppend();
  expect(events[0]!.type).toBe('C');
  second.send((writer) => writer.appended(requestId, 0, 0, 0));
  expect((await later).revision).toBe(0);
});

test('an answer that came while the process was busy is not late', async () => {
  const { client, connection } = await pair({}, { requestTimeoutMs: 400 });
  const append = client.append('s', event('A'));
  const { requestId } = await connection.nextAppend();
  connection.send((writer) => writer.appended(requestId, 0, 7, 0));
  for (const start = performance.now(); performance.now() < start + 800; );
  expect((await append).revision).toBe(7);
});

test('a question and a read without an answer fail in time', async () => {
  const { client } = await pair({}, { requestTimeoutMs: 400, reconnect: false });
  const [info, read] = await Promise.all([
    failure(client.streamInfo('s')),
    failure(client.readStream('s').toArray()),
  ]);
  expect([info.code, read.code]).toEqual(['timeout', 'timeout']);
});

test.each<[string, (connection: { socket: { send(data: string | Uint8Array): void } }) => void]>([
  ['garbage', ({ socket }) => socket.send(new Uint8Array([1, 2, 3]))],
  ['a text message', ({ socket }) => socket.send('hello')],
  ['an empty message', ({ socket }) => socket.send(new Uint8Array(0))],
  ['a frame of the client', ({ socket }) => socket.send(Uint8Array.of(12, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0))],
])('a server that sends %s is left for good', async (_, send) => {
  const { server, client, connection } = await pair();
  const append = client.append('s', event('A'));
  await connection.next();
  send(connection);
  const error = await failure(append);
  expect(error.code).toBe('protocol-error');
  expect(await connection.closed).toBe(1002);
  expect(server.connections.length).toBe(1);
});

test.each<[string, (writer: import('../../src/wire/frame-writer.js').FrameWriter) => void]>([
  ['an append that was not sent', (writer) => writer.appended(99, 0, 0, 0)],
  ['appends in another order', (writer) => writer.appended(2, 0, 0, 0)],
  [
    'a question that was not asked',
    (writer) => encodeStreamInfoReply(writer, 99, { revision: 0, position: 0 }),
  ],
  ['no request at all', (writer) => encodeError(writer, 99, { code: 'disk-full', message: '', details: {} })],
])('a server that answers %s is left for good', async (_, write) => {
  const { client, connection } = await pair();
  const appends = [client.append('s', event('A')), client.append('s', event('B'))];
  await connection.next();
  connection.send(write);
  for (const append of appends) expect((await failure(append)).code).toBe('protocol-error');
});

test('an error about the connection is what the user hears', async () => {
  const { client, connection } = await pair();
  const append = client.append('s', event('A'));
  await connection.next();
  connection.send((writer) =>
    encodeError(writer, 0, { code: 'protocol-error', message: 'bad frame', details: {} }),
  );
  connection.socket.close(1002);
  const error = await failure(append);
  expect([error.code, error.message.split(':')[0]]).toEqual(['protocol-error', 'bad frame']);
});

test('connecting fails with what the server answers to the Hello', async () => {
  const server = await fakeServer({
    onHello: (connection) => {
      connection.send((writer) =>
        encodeError(writer, 0, { code: 'version-mismatch', message: 'too old', details: {} }),
      );
      connection.socket.close(1002);
    },
  });
  const error = await failure(connect(server.url));
  expect([error.code, error.message]).toEqual(['version-mismatch', 'too old']);
});

test.each<[string, (connection: import('./fake-server.js').FakeConnection) => void, string]>([
  ['is silent', () => undefined, 'timeout'],
  ['drops the connection', (connection) => connection.drop(), 'connection-lost'],
  ['answers garbage', ({ socket }) => socket.send(new Uint8Array(5)), 'protocol-error'],
  [
    'answers something else',
    (connection) => connection.send((w) => w.appended(1, 0, 0, 0)),
    'protocol-error',
  ],
])('connecting fails when the server %s', async (_, onHello, code) => {
  const server = await fakeServer({ onHello });
  expect((await failure(connect(server.url, { requestTimeoutMs: 500 }))).code).toBe(code);
});

test('connecting fails where nobody listens, and where there is no such path', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
  });
  await new Promise((resolve) => taken.close(resolve));
  const refused = await failure(connect(`127.0.0.1:${port}`));
  expect(refused.code).toBe('connection-refused');
  const server = await fakeServer();
  expect((await failure(connect(`${server.url}/elsewhere`))).code).toBe('connection-refused');
});

test('close waits for what is unanswered, and then the server sees a normal close', async () => {
  const { client, connection } = await pair();
  const append = client.append('s', event('A'));
  const closed = client.close();
  expect(client.close()).toBe(closed);
  expect((await failure(client.append('s', event('B')))).message).toMatch(/closed/);
  const { requestId } = await connection.nextAppend();
  connection.send((writer) => writer.appended(requestId, 0, 5, 0));
  expect((await append).revision).toBe(5);
  await closed;
  expect(await connection.closed).toBe(1000);
  expect(client.isConnected).toBe(false);
});

test('close does not wait longer than the timeout, and says that the outcome is unknown', async () => {
  const { client, connection } = await pair({}, { requestTimeoutMs: 500 });
  const append = client.append('s', event('A'));
  await connection.next();
  const outcome = failure(append);
  await client.close();
  expect((await outcome).message).toMatch(/unknown/);
});

test('close ends a client that is trying to come back', async () => {
  const { server, client } = await pair({}, { reconnect: { firstDelayMs: 60_000 } });
  await server.stop();
  await client.close();
  expect(client.isConnected).toBe(false);
});

test('await using closes the client', async () => {
  const { server } = await pair();
  {
    await using client = await connect(server.url);
    expect(client.isConnected).toBe(true);
  }
  expect(await (await server.connection()).closed).toBe(1000);
});

test('the welcome tells what the server is and allows', async () => {
  const { client } = await pair();
  expect(client.welcome).toMatchObject({
    protocolVersion: 1,
    serverVersion: '0.0.0-fake',
    logId: 'a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1',
    inFlightAppendsMax: 1000,
  });
});
