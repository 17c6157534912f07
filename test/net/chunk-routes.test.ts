/** Chunks of the log over HTTP: who gets them, how much of them, and what the other side makes of all that can go wrong. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChunkCaller } from '../../src/net/chunk-caller.js';
import { BACKUP_CALLER, ChunkRoutes, type ChunkSource } from '../../src/net/chunk-routes.js';
import { idOf } from '../cluster/ids.js';

const CHUNK_BYTES = 1_048_576;
const LOG_ID = idOf(7);
const LOG = Uint8Array.from({ length: 2.5 * CHUNK_BYTES }, (_, i) => (i * 31) % 251);

let server: Server;
let source: ChunkSource | undefined;
let blocked: string;
/** Positions behind this one can't be read. */
let readableEnd: number;
/** When somebody has read so far another file comes into each chunk's place. */
let replacedAt: number;
let fileVersion: number;
/** Reads wait for it. */
let gate: Promise<void> | undefined;

beforeEach(async () => {
  blocked = '';
  readableEnd = LOG.length;
  gate = undefined;
  replacedAt = Number.POSITIVE_INFINITY;
  fileVersion = 0;
  source = {
    logId: LOG_ID,
    chunkSize: CHUNK_BYTES,
    committed: LOG.length,
    read: async (position, target) => {
      await gate;
      if (position + target.length > readableEnd) throw new Error('it can not be read');
      target.set(LOG.subarray(position, position + target.length));
      if (position + target.length > replacedAt) fileVersion = 1;
    },
    fileVersionOf: () => fileVersion,
  };
  const routes = new ChunkRoutes({ source: () => source, isBlocked: (name) => name === blocked });
  await listen((request, response) => {
    if (!routes.answer(request, response)) response.writeHead(418).end();
  });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function listen(answer: RequestListener): Promise<void> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
}

function address(): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ask(path: string, headers: Record<string, string> = { 'cairn-cluster': LOG_ID }) {
  const response = await fetch(`http://${address()}${path}`, { headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
}

/** What a caller gets: how it went, and the bytes. */
async function fetchChunk(number: number, options: { logId?: string; chunkSize?: number } = {}) {
  const caller = new ChunkCaller({ name: 'me:1', logId: LOG_ID, chunkSize: CHUNK_BYTES, ...options });
  const pieces: Uint8Array[] = [];
  const outcome = await caller.fetch(address(), number, (piece) => pieces.push(piece));
  return { outcome, bytes: Buffer.concat(pieces) };
}

test('the list says of each chunk where it ends, and up to where all is committed', async () => {
  const { status, body } = await ask('/log/chunks');
  expect(status).toBe(200);
  expect(body).toEqual({
    logId: LOG_ID,
    chunkSize: CHUNK_BYTES,
    committed: LOG.length,
    chunks: [
      { number: 0, sealed: true, end: CHUNK_BYTES },
      { number: 1, sealed: true, end: 2 * CHUNK_BYTES },
      { number: 2, sealed: false, end: LOG.length },
    ],
  });
  expect((await ask('/log/chunks?from=2')).body).toMatchObject({ chunks: [{ number: 2 }] });
  expect((await ask('/log/chunks?from=9')).body).toMatchObject({ chunks: [] });
  source = { ...source!, committed: 5000 * CHUNK_BYTES };
  expect(((await ask('/log/chunks?from=1')).body as { chunks: unknown[] }).chunks).toHaveLength(1000);
});

test('a chunk is its data, as far as that is committed', async () => {
  for (const number of [0, 1, 2]) {
    const { outcome, bytes } = await fetchChunk(number);
    const expected = LOG.subarray(number * CHUNK_BYTES, (number + 1) * CHUNK_BYTES);
    expect(outcome).toEqual({ kind: 'fetched', bytes: expected.length, committed: LOG.length });
    expect(Buffer.compare(bytes, expected)).toBe(0);
  }
  expect((await fetchChunk(3)).outcome).toEqual({ kind: 'failed', reason: 'nothing is committed there yet' });
});

test('only who names the cluster gets anything', async () => {
  for (const path of ['/log/chunks', '/log/chunks/0']) {
    expect((await ask(path, {})).status).toBe(409);
    expect((await ask(path, { 'cairn-cluster': idOf(8) })).status).toBe(409);
  }
  const { outcome } = await fetchChunk(0, { logId: idOf(8) });
  expect(outcome).toEqual({ kind: 'failed', reason: 'another cluster, or none named' });
});

test('whoever asks for what is no chunk is told so, and other paths are left to others', async () => {
  for (const path of [
    '/log/chunks/',
    '/log/chunks/x',
    '/log/chunks/-1',
    '/log/chunks/1234567',
    '/log/chunks/0/1',
  ])
    expect((await ask(path)).status, path).toBe(404);
  expect((await ask('/log')).status).toBe(418);
  expect((await ask('/log/chunksx')).status).toBe(418);
  const posted = await fetch(`http://${address()}/log/chunks`, { method: 'POST' });
  expect(posted.status).toBe(405);
});

test('a node without a log, or one that is cut off from the other, gives nothing', async () => {
  blocked = 'me:1';
  expect((await fetchChunk(0)).outcome.kind).toBe('failed');
  blocked = '';
  source = undefined;
  expect((await fetchChunk(0)).outcome).toEqual({
    kind: 'failed',
    reason: 'this node has no log at the moment',
  });
});

test('two transfers run at a time, and a third one may come when one of them is done', async () => {
  let open: () => void = () => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const underWay = [fetchChunk(0), fetchChunk(1)];
  await expect.poll(async () => (await ask('/log/chunks/2')).status).toBe(503);
  open();
  for (const { outcome } of await Promise.all(underWay)) expect(outcome.kind).toBe('fetched');
  await expect.poll(async () => (await fetchChunk(2)).outcome.kind).toBe('fetched');
});

test('backups run one at a time, so that there is always room for a member that mends itself', async () => {
  let open: () => void = () => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const backup = new ChunkCaller({ name: BACKUP_CALLER, logId: LOG_ID, chunkSize: CHUNK_BYTES });
  const take = () => undefined;
  const first = backup.fetch(address(), 0, take);
  const headers = { 'cairn-cluster': LOG_ID, 'cairn-name': BACKUP_CALLER };
  await expect.poll(async () => (await ask('/log/chunks/1', headers)).status).toBe(503);
  const member = fetchChunk(1);
  open();
  expect((await first).kind).toBe('fetched');
  // Who has the last byte of a chunk may ask for the next one at once.
  for (const number of [1, 2, 0]) expect((await backup.fetch(address(), number, take)).kind).toBe('fetched');
  expect((await member).outcome.kind).toBe('fetched');
});

test('who wants only the beginning of a chunk gets that, as slowly as it is taken', async () => {
  const pieces: Uint8Array[] = [];
  let isTaking = false;
  const caller = new ChunkCaller({ name: 'me:1', logId: LOG_ID, chunkSize: CHUNK_BYTES });
  const take = async (piece: Uint8Array): Promise<void> => {
    expect(isTaking).toBe(false);
    isTaking = true;
    await new Promise((resolve) => setImmediate(resolve));
    isTaking = false;
    pieces.push(piece);
  };
  const wanted = 700_001;
  expect(await caller.fetch(address(), 1, take, wanted)).toEqual({
    kind: 'fetched',
    bytes: wanted,
    committed: LOG.length,
  });
  const expected = LOG.subarray(CHUNK_BYTES, CHUNK_BYTES + wanted);
  expect(Buffer.compare(Buffer.concat(pieces), expected)).toBe(0);
  const more = await caller.fetch(address(), 2, take, CHUNK_BYTES);
  expect(more).toEqual({ kind: 'fetched', bytes: LOG.length - 2 * CHUNK_BYTES, committed: LOG.length });
});

test('a chunk that can not be read to its end breaks off, and the other side notices', async () => {
  readableEnd = CHUNK_BYTES + 600_000;
  const { outcome } = await fetchChunk(1);
  expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('it broke off') });
  await expect.poll(async () => (await fetchChunk(0)).outcome.kind).toBe('fetched');
});

test('a chunk that gets another file while it is sent breaks off: two halves make no whole', async () => {
  replacedAt = CHUNK_BYTES / 2;
  const { outcome, bytes } = await fetchChunk(0);
  expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/broke off/) });
  expect(bytes.length).toBeLessThan(CHUNK_BYTES);
  expect((await fetchChunk(0)).outcome.kind).toBe('fetched');
});

test('an answer that is no chunk of this log, or comes from something else, is none', async () => {
  expect((await fetchChunk(0, { chunkSize: 2 * CHUNK_BYTES })).outcome).toMatchObject({ kind: 'failed' });
  server.close();
  await listen((_request, response) => response.writeHead(500).end('<html>'));
  expect((await fetchChunk(0)).outcome).toEqual({ kind: 'failed', reason: 'status 500' });
  server.close();
  await listen((_request, response) => response.end('hello'));
  expect((await fetchChunk(0)).outcome).toEqual({
    kind: 'failed',
    reason: 'its answer is no chunk of this log',
  });
  const gone = address();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const caller = new ChunkCaller({ name: 'me:1', logId: LOG_ID, chunkSize: CHUNK_BYTES });
  expect(await caller.fetch(gone, 0, () => undefined)).toEqual({
    kind: 'failed',
    reason: 'nobody listens there',
  });
});

test('what goes wrong while the bytes are taken is not blamed on the other side', async () => {
  const caller = new ChunkCaller({ name: 'me:1', logId: LOG_ID, chunkSize: CHUNK_BYTES });
  const full = new Error('no space');
  const taking = caller.fetch(address(), 0, () => {
    throw full;
  });
  await expect(taking).rejects.toBe(full);
});
