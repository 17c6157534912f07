/** Nodes that are asked to stop: they finish what they accepted, tell their clients, and nobody can hold them up. */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { readAllFrame } from '../net/frames.js';
import { RawClient } from '../net/raw-client.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { ReadFailed, readEvents } from './reading.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

const IN_ORDER = { code: 0, signal: null };

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s under load: exit 0, and nothing acknowledged is lost',
  async (signal) => {
    const load = new Load({ seed: 21 });
    for (let life = 0; life < 2; life++) {
      const node = await NodeProcess.start({ folder });
      load.start(node.url);
      await load.untilAcknowledged(300);
      expect(await node.stop(signal)).toEqual(IN_ORDER);
      expect(node.stray).toBe('');
      expect(node.said('stopped')).toHaveLength(1);
      await load.ended();
    }
    const node = await NodeProcess.start({ folder });
    expect(node.said('removed a torn tail')).toEqual([]);
    await checkHistory(load.history, node.url);
  },
);

test('clients are told: an Error that says shutting-down, and the close code for it', async () => {
  const node = await NodeProcess.start({ folder });
  const { client } = await RawClient.greeted(node.url);
  node.signal('SIGTERM');
  expect(await client.nextError()).toMatchObject({ code: 'shutting-down', requestId: 0 });
  expect(await client.closed).toEqual({ code: 1001, reason: 'shutting-down' });
  expect(await node.ended()).toEqual(IN_ORDER);
});

test('reads that go on are ended, those from files too', async () => {
  const node = await NodeProcess.start({ folder });
  const load = new Load({ seed: 22 });
  load.start(node.url);
  await load.untilAcknowledged(2_000);
  await load.stop();
  let events = 0;
  let isFar = (): void => undefined;
  const far = new Promise<void>((resolve) => {
    isFar = resolve;
  });
  const readings = [
    {},
    { isBackwards: true },
    { stream: 'shared-0' },
    { stream: 'shared-1', isBackwards: true },
  ];
  const readers = [...readings, ...readings].map(async (reading) => {
    const { client } = await RawClient.greeted(node.url);
    for (;;) {
      await readEvents(client, reading, () => {
        if (++events === 20_000) isFar();
      });
    }
  });
  const endings = Promise.allSettled(readers);
  await far;
  expect(await node.stop()).toEqual(IN_ORDER);
  for (const ending of await endings) {
    const reason: unknown = ending.status === 'rejected' ? ending.reason : undefined;
    if (reason instanceof ReadFailed) expect(reason.code).toBe('shutting-down');
    else expect(reason).toMatchObject({ message: expect.stringContaining('closed') });
  }
});

/** A connection that never closes of its own will, with these lines sent. */
async function stranger(node: NodeProcess, ...lines: readonly string[]): Promise<Socket> {
  const { hostname, port } = new URL(node.httpUrl);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  if (lines.length > 0) socket.write(lines.map((line) => `${line}\r\n`).join(''));
  return socket;
}

test('connections that never do their part do not hold up the end', async () => {
  const node = await NodeProcess.start({ folder });
  const upgrade = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  await stranger(node);
  await stranger(node, 'GET /info HTTP/1.1');
  const refused = await stranger(node, 'GET /elsewhere HTTP/1.1', ...upgrade, key, '');
  const silent = await stranger(node, 'GET /client HTTP/1.1', ...upgrade, key, '');
  await Promise.all(
    [refused, silent].map((socket) => new Promise((resolve) => socket.once('data', resolve))),
  );
  const { client: deaf } = await RawClient.greeted(node.url);
  deaf.socket.pause();
  deaf.send(readAllFrame(1, { windowBytes: 0xffff_ffff }));
  onTestFinished(() => deaf.socket.terminate());
  expect(await node.stop()).toEqual(IN_ORDER);
});

test('a second signal ends the node at once, with the code that shells give to it', async () => {
  const node = await NodeProcess.start({ folder });
  const load = new Load({ seed: 23 });
  load.start(node.url);
  await load.untilAcknowledged(200);
  // A client that never answers the closing keeps the node waiting long enough to be asked twice.
  const { client: deaf } = await RawClient.greeted(node.url);
  deaf.socket.pause();
  onTestFinished(() => deaf.socket.terminate());
  node.signal('SIGTERM');
  await load.ended();
  expect(await node.stop('SIGTERM')).toEqual({ code: 143, signal: null });
  const next = await NodeProcess.start({ folder });
  await checkHistory(load.history, next.url);
});
