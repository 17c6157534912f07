/** The platform's WebSocket, as browsers have it; the class of `ws` has the same interface and stands in for it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { openPlatformSocket, type SocketEvents } from '../../src/client/socket.js';

let server: WebSocketServer;
let url: string;

beforeEach(async () => {
  vi.stubGlobal('WebSocket', WebSocket);
  server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/client' });
  await new Promise((resolve) => server.once('listening', resolve));
  url = `ws://127.0.0.1:${(server.address() as { port: number }).port}/client`;
});

afterEach(async () => {
  vi.unstubAllGlobals();
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

interface Heard extends SocketEvents {
  readonly messages: (Uint8Array | undefined)[];
  readonly closes: number[];
  heard(): Promise<void>;
}

function listener(): Heard {
  const messages: (Uint8Array | undefined)[] = [];
  const closes: number[] = [];
  let wake: (() => void) | undefined;
  return {
    messages,
    closes,
    message: (bytes) => {
      messages.push(bytes);
      wake?.();
    },
    closed: (code) => {
      closes.push(code);
      wake?.();
    },
    heard: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

test('binary messages come and go as bytes, text comes as nothing', async () => {
  server.on('connection', (peer) =>
    peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })),
  );
  const events = listener();
  const socket = await openPlatformSocket(url, events, 1000);
  const first = events.heard();
  socket.send(Uint8Array.of(1, 2, 3).subarray(1));
  await first;
  const second = events.heard();
  for (const peer of server.clients) peer.send('text');
  await second;
  expect(events.messages).toEqual([Uint8Array.of(2, 3), undefined]);
});

test('closing says so, and what is sent afterwards is dropped', async () => {
  const events = listener();
  const socket = await openPlatformSocket(url, events, 1000);
  const closed = events.heard();
  socket.close(1002, 'reason');
  socket.send(Uint8Array.of(1));
  await closed;
  expect(events.closes.length).toBe(1);
});

test('terminating says so at once and only once', async () => {
  const events = listener();
  const socket = await openPlatformSocket(url, events, 1000);
  const closed = events.heard();
  socket.terminate();
  await closed;
  expect(events.closes).toEqual([1006]);
});

test('a refused connection and a platform without WebSocket are told', async () => {
  const elsewhere = openPlatformSocket(url.replace('client', 'else'), listener(), 1000);
  await expect(elsewhere).rejects.toMatchObject({ code: 'connection-refused' });
  vi.stubGlobal('WebSocket', undefined);
  const nowhere = openPlatformSocket(url, listener(), 1000);
  await expect(nowhere).rejects.toMatchObject({ code: 'connection-refused', message: /no WebSocket/ });
});
