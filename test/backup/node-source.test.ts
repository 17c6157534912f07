/** A backup from nodes over HTTP: each chunk whole and in order, from whichever of them gives it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { NodeSource } from '../../src/backup/node-source.js';
import { ChunkRoutes } from '../../src/net/chunk-routes.js';
import { idOf } from '../cluster/ids.js';

const CHUNK_BYTES = 1_048_576;
const LOG_ID = idOf(7);
const LOG = Uint8Array.from({ length: 2.5 * CHUNK_BYTES }, (_, i) => (i * 31) % 251);

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface FakeNode {
  readonly peer: string;
  /** How many chunks it was asked for. */
  asked: number;
}

/** A node that has committed so much, and can read only so much of it. */
async function node(committed = LOG.length, readableEnd = LOG.length): Promise<FakeNode> {
  const source = {
    ...{ logId: LOG_ID, chunkSize: CHUNK_BYTES, committed },
    read: async (position: number, target: Uint8Array) => {
      if (position + target.length > readableEnd) throw new Error('it can not be read');
      target.set(LOG.subarray(position, position + target.length));
    },
    fileVersionOf: () => 0,
  };
  const routes = new ChunkRoutes({ source: () => source, isBlocked: () => false });
  const fake: FakeNode = { peer: '', asked: 0 };
  const server = createServer((request, response) => {
    fake.asked++;
    routes.answer(request, response);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return Object.assign(fake, { peer: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function readAll(source: NodeSource, committed: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let number = 0; number * CHUNK_BYTES < committed; number++) {
    let pieces: Uint8Array[] = [];
    const restart = () => {
      pieces = [];
    };
    const take = async (piece: Uint8Array) => {
      pieces.push(piece);
    };
    const length = Math.min(CHUNK_BYTES, committed - number * CHUNK_BYTES);
    await source.read(number, length, { restart, take });
    chunks.push(Buffer.concat(pieces));
  }
  return Buffer.concat(chunks);
}

function sourceOf(nodes: readonly FakeNode[], committed: number): NodeSource {
  const peers = nodes.map(({ peer }) => peer);
  return new NodeSource({ logId: LOG_ID, chunkSize: CHUNK_BYTES, committed, peers });
}

test('one node gives all, up to where the backup ends, and no chunk is asked for twice', async () => {
  const one = await node();
  for (const committed of [LOG.length, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 8]) {
    one.asked = 0;
    const bytes = await readAll(sourceOf([one], committed), committed);
    expect(Buffer.compare(bytes, LOG.subarray(0, committed))).toBe(0);
    expect(one.asked).toBe(Math.ceil(committed / CHUNK_BYTES));
  }
});

test('where a node breaks off, is gone, or has less, the next one goes on', async () => {
  const breaking = await node(LOG.length, CHUNK_BYTES + 600_000);
  const behind = await node(2 * CHUNK_BYTES + 100);
  const gone = { peer: '127.0.0.1:1', asked: 0 };
  const whole = await node();
  const source = sourceOf([breaking, gone, behind, whole], LOG.length);
  expect(Buffer.compare(await readAll(source, LOG.length), LOG)).toBe(0);
  expect(source.fileOf(2)).toBe(`chunk-000002.000000 of ${whole.peer}`);
});
