/** What is not a client of the protocol: people with curl, probes, pages in browsers, and who only pretends to upgrade. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../process/node-process.js';
import { RawClient } from './raw-client.js';

let folder: string;
let node: NodeProcess;

beforeAll(async () => {
  folder = temporaryFolder();
  node = await NodeProcess.start({ folder });
});

afterAll(async () => {
  await endAllNodes();
  removeFolder(folder);
});

test('/health/live says that the node lives', async () => {
  const response = await fetch(`${node.httpUrl}/health/live`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({ status: 'live' });
});

test('/info says what the node is and how far it has got', async () => {
  const response = await fetch(`${node.httpUrl}/info`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    name: 'cairn',
    chunkSize: 1 << 20,
    logId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    committed: expect.any(Number),
    pendingAppends: expect.any(Number),
    streamsWithMetadata: { streams: 0, bytes: expect.any(Number) },
    streamHeads: { streams: expect.any(Number), bytes: expect.any(Number), lookups: 0 },
  });
});

test('HEAD is answered without a body', async () => {
  const response = await fetch(`${node.httpUrl}/info`, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('');
});

test('any other path is 404, with a hint', async () => {
  const response = await fetch(`${node.httpUrl}/streams/x`);
  expect(response.status).toBe(404);
  const message = expect.stringContaining('/client');
  expect(await response.json()).toEqual({ code: 'invalid-request', message, details: {} });
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is 405', async (method) => {
  const response = await fetch(`${node.httpUrl}/info`, { method });
  expect(response.status).toBe(405);
});

test('the path of the clients is no page', async () => {
  expect((await fetch(`${node.httpUrl}/client`)).status).toBe(404);
});

const FOREIGN = [
  'https://example.com',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
  'null',
  'file://',
  'nonsense',
];

test.each(FOREIGN)('a page from %s may not connect', async (origin) => {
  await expect(RawClient.open(node.url, { origin })).rejects.toThrow('403');
});

const LOCAL = ['http://localhost:3000', 'http://127.0.0.1', 'https://127.8.9.1:8443', 'http://[::1]:5173'];

test.each(LOCAL)('a page from %s may connect', async (origin) => {
  const client = await RawClient.open(node.url, { origin });
  await client.close();
});

const UPGRADE = [
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Sends lines as they are; resolves to all that came back when the server has closed its end. */
function converse(lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(node.httpUrl);
  return new Promise((resolve, reject) => {
    let answer = '';
    // Half open: this side never closes of its own will.
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.on('data', (data) => {
      answer += data;
    });
    socket.once('error', reject);
    socket.once('end', () => {
      socket.destroy();
      resolve(answer);
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

test('an upgrade at another path is 404, and the connection is closed at once', async () => {
  expect(await converse(['GET /elsewhere HTTP/1.1', ...UPGRADE])).toMatch(/^HTTP\/1\.1 404 /);
});

test('an upgrade that is no WebSocket is refused, and the connection is closed at once', async () => {
  const lines = UPGRADE.filter((line) => !line.startsWith('Sec-WebSocket-Key'));
  expect(await converse(['GET /client HTTP/1.1', ...lines])).toMatch(/^HTTP\/1\.1 400 /);
});

test('what is not HTTP is answered with 400, and the connection is closed at once', async () => {
  expect(await converse(['\u0000\u0001\u0002 what?'])).toMatch(/^HTTP\/1\.1 400 /);
});

test('headers without end are refused', async () => {
  const headers = Array.from({ length: 200 }, (_, index) => `X-Header-${index}: ${'x'.repeat(100)}`);
  expect(await converse(['GET /info HTTP/1.1', ...headers])).toMatch(/^HTTP\/1\.1 431 /);
});
