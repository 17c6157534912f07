import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { bytesTaken } from '../../src/net/bytes-taken.js';

test('a client that has read a part of a large write is seen to read', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => client.terminate());
  const [socket] = (await once(server, 'connection')) as [WebSocket];
  await once(client, 'open');
  client.pause();
  socket.send(new Uint8Array(64 << 20));
  const taken = bytesTaken(socket);
  const waiting = socket.bufferedAmount;
  expect(waiting).toBeGreaterThanOrEqual(64 << 20);
  const messages = once(client, 'message');
  client.resume();
  let wasSeen = false;
  const look = setInterval(() => {
    wasSeen ||= bytesTaken(socket) > taken && socket.bufferedAmount === waiting;
  });
  await messages;
  clearInterval(look);
  expect(wasSeen).toBe(true);
});
