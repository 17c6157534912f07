/** A real node removes what was deleted, and keeps all else, over stops and restarts. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import type { ScavengeStatus } from '../../src/net/node-port.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { until } from './within.js';

const DEADLINE_MS = 60_000;
const DATA = 'x'.repeat(3_000);
const EVENTS = 60;

let folder: string;
let client: Client | undefined;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await client?.close();
  client = undefined;
  await endAllNodes();
  removeFolder(folder);
});

async function ask(node: NodeProcess, path: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(`${node.url.replace(/^ws/, 'http').replace(/\/client$/, '')}${path}`, {
    method,
  });
  expect(response.status).toBe(200);
  return await response.json();
}

const statusOf = async (node: NodeProcess) => (await ask(node, '/admin/scavenge')) as ScavengeStatus;

async function untilThrough(node: NodeProcess, position: number): Promise<ScavengeStatus> {
  let status: ScavengeStatus | undefined;
  await until(DEADLINE_MS, 'the scavenge is through', async () => {
    status = await statusOf(node);
    return status.state === 'idle' && status.point?.position === position;
  });
  return status!;
}

const chunkBytes = () =>
  readdirSync(folder)
    .filter((name) => name.startsWith('chunk-'))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

async function revisionsOf(stream: string): Promise<number[] | string> {
  const revisions: number[] = [];
  try {
    for await (const { revision } of client!.readStream(stream)) revisions.push(revision);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return revisions;
}

async function everything(from = 0): Promise<string[]> {
  const seen: string[] = [];
  for await (const { stream, revision } of client!.readAll({ from })) {
    if (!stream.startsWith('$')) seen.push(`${stream} ${revision}`);
  }
  return seen;
}

/** Streams in turn, so that every chunk has some of each. */
async function write(streams: readonly string[]): Promise<void> {
  for (let i = 0; i < EVENTS; i++) {
    await Promise.all(
      streams.map((stream) => client!.append(stream, { type: 'Written', data: { i, DATA } })),
    );
  }
}

test('a scavenge removes what is hidden, on the disk, and nothing else', { timeout: 120_000 }, async () => {
  const node = await NodeProcess.start({ folder });
  client = await connect(node.url);
  const streams = ['kept-1', 'kept-2', 'deleted-1', 'deleted-2', 'gone-1', 'gone-2', 'counted'];
  await write(streams);
  for (const i of [1, 2]) await client.deleteStream(`deleted-${i}`);
  for (const i of [1, 2]) await client.tombstoneStream(`gone-${i}`);
  await client.setMetadata('counted', { $maxCount: 3 });
  await write(['after']);
  // Nothing of what a point removes is in a chunk that is not full yet.
  const expected = await everything();
  const before = chunkBytes();

  const started = (await ask(node, '/admin/scavenge/start?throttlePercent=100', 'POST')) as {
    position: number;
  };
  const status = await untilThrough(node, started.position);
  expect(status).toMatchObject({ chunksDone: status.chunksTotal, point: { throttlePercent: 100 } });
  expect(status.rewrittenChunks).toBeGreaterThan(0);
  expect(status.bytesBefore - status.bytesAfter).toBe(status.freedBytes);
  expect(chunkBytes()).toBeLessThan(before - status.freedBytes / 2);

  const check = async () => {
    expect(await everything()).toEqual(expected);
    const all = Array.from({ length: EVENTS }, (_, i) => i);
    for (const stream of ['kept-1', 'kept-2', 'after']) expect(await revisionsOf(stream)).toEqual(all);
    expect(await revisionsOf('counted')).toEqual(all.slice(-3));
    for (const stream of ['gone-1', 'gone-2']) expect(await revisionsOf(stream)).toBe('stream-deleted');
  };
  await check();
  // Its numbering goes on.
  expect((await client.append('deleted-1', { type: 'Again', data: {} })).revision).toBe(EVENTS);
  expect(await revisionsOf('deleted-1')).toEqual([EVENTS]);
  expected.push(`deleted-1 ${EVENTS}`);

  await client.close();
  const { code } = await node.stop();
  expect(code).toBe(0);
  const again = await NodeProcess.start({ folder });
  client = await connect(again.url);
  await check();
  expect(await untilThrough(again, started.position)).toMatchObject({ rewrittenChunks: 0, chunks: 0 });
});

test('what had a tombstone does not come back, though it is in memory still', {
  timeout: 120_000,
}, async () => {
  const node = await NodeProcess.start({ folder, flags: ['--ring-size', '16MiB'] });
  client = await connect(node.url);
  const { position } = await client.append('gone', { type: 'Written', data: {} });
  await write(['gone']);
  await client.tombstoneStream('gone');
  for (let i = 0; i < 6; i++) await write(['after']);
  const expected = await everything();
  expect(expected.some((event) => event.startsWith('gone'))).toBe(false);
  const started = (await ask(node, '/admin/scavenge/start?throttlePercent=100', 'POST')) as {
    position: number;
  };
  expect((await untilThrough(node, started.position)).rewrittenChunks).toBeGreaterThan(0);
  // The index is made anew some time behind it.
  const infoOfGone = async () => await client!.streamInfo('gone');
  await until(DEADLINE_MS, 'the index has nothing of it', async () => (await infoOfGone())?.revision === -1);
  expect(await infoOfGone()).toMatchObject({ state: 'tombstoned', firstRevision: 0 });
  expect(await everything()).toEqual(expected);
  expect(await everything(position)).toEqual(expected);
  expect(await revisionsOf('gone')).toBe('stream-deleted');
});

test('a stop holds over a restart, and the next start goes on', { timeout: 120_000 }, async () => {
  const node = await NodeProcess.start({ folder });
  client = await connect(node.url);
  await write(['kept', 'deleted']);
  await client.deleteStream('deleted');
  await write(['kept']);
  await ask(node, '/admin/scavenge/start?throttlePercent=1', 'POST');
  await ask(node, '/admin/scavenge/stop', 'POST');
  await until(DEADLINE_MS, 'it has stopped', async () => (await statusOf(node)).state === 'stopped');
  await client.close();
  await node.stop();

  const again = await NodeProcess.start({ folder });
  client = await connect(again.url);
  await until(DEADLINE_MS, 'it stays so', async () => (await statusOf(again)).state === 'stopped');
  const started = (await ask(again, '/admin/scavenge/start?throttlePercent=100', 'POST')) as {
    position: number;
  };
  const { chunksDone, chunksTotal } = await untilThrough(again, started.position);
  expect(chunksDone).toBe(chunksTotal);
  expect(await revisionsOf('kept')).toHaveLength(2 * EVENTS);
});
