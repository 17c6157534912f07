/**
 * Damage that comes under a node that has nobody to ask: it is found though nobody reads there, that place answers with an error that names it,
 * and everything else goes on; nothing is cut off or changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadManifest } from '../../src/index/manifest.js';
import { chunkFileName, fileOffsetOf } from '../../src/log/chunk.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { RawClient } from '../net/raw-client.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { type Reading, readEvents } from './reading.js';
import { until } from './within.js';

const CHUNK_BYTES = 1024 * 1024;
const DAMAGED_CHUNK = 1;
const DEADLINE_MS = 30_000;

let scratch: string;
let folder: string;

beforeEach(() => {
  scratch = temporaryFolder();
  folder = join(scratch, 'data');
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(scratch);
});

interface Seen {
  readonly position: number;
  readonly stream: string;
}

/** What a read shows, and what it ends with. */
async function read(url: string, reading: Reading): Promise<{ seen: Seen[]; error: string | undefined }> {
  const { client } = await RawClient.greeted(url);
  const seen: Seen[] = [];
  const take = ({ header, body }: Parameters<Parameters<typeof readEvents>[2]>[0]) => {
    seen.push({ position: header.position, stream: body.stream });
  };
  const error = await readEvents(client, reading, take).then(
    () => undefined,
    (failure: Error) => failure.message,
  );
  await client.close();
  return { seen, error };
}

/** A node on a log of some chunks, all but the last of which are in the index. */
async function prepare(load: Load): Promise<Seen[]> {
  const node = await NodeProcess.start({ folder });
  load.start(node.url);
  await until(DEADLINE_MS, 'there are four segments', () => {
    const manifest = loadManifest(new JavascriptDisk(), join(folder, 'index'));
    return typeof manifest !== 'string' && (manifest.segments.at(-1)?.lastChunk ?? 0) >= DAMAGED_CHUNK + 2;
  });
  await load.stop();
  const { seen, error } = await read(node.url, {});
  expect(error).toBeUndefined();
  expect(await node.stop()).toEqual({ code: 0, signal: null });
  return seen;
}

async function infoOf({
  httpUrl,
}: NodeProcess): Promise<Record<string, unknown> & { scrub: { damaged: number } }> {
  return (await (await fetch(`${httpUrl}/info`)).json()) as never;
}

test('damage under a node alone is found, told, and confined to its place', async () => {
  const load = new Load({ seed: 71, largestBytes: 20_000 });
  const events = await prepare(load);
  const middle = (DAMAGED_CHUNK + 0.5) * CHUNK_BYTES;
  const hit = events.findIndex(({ position }) => position > middle);
  const victim = events[hit]!;

  const node = await NodeProcess.start({ folder });
  const path = join(folder, chunkFileName(DAMAGED_CHUNK, 0));
  const bytes = readFileSync(path);
  bytes[fileOffsetOf(victim.position, CHUNK_BYTES) + 60]! ^= 0xff;
  writeFileSync(path, bytes);

  await until(DEADLINE_MS, 'the damage is found', async () => (await infoOf(node)).scrub.damaged > 0);
  expect(node.said('a part of the log is damaged')).toMatchObject([
    { file: path, position: victim.position },
  ]);
  expect(await infoOf(node)).toMatchObject({ damagedChunks: 1, repairs: 0, isReady: true });

  const whole = await read(node.url, {});
  expect(whole.seen).toEqual(events.slice(0, hit));
  expect(whole.error).toContain('log-corrupt');
  const there = await read(node.url, { from: victim.position });
  expect([there.seen, there.error]).toEqual([[], expect.stringContaining('log-corrupt')]);
  const behind = await read(node.url, { from: events[hit + 1]!.position });
  expect([behind.seen, behind.error]).toEqual([events.slice(hit + 1), undefined]);
  const backwards = await read(node.url, { isBackwards: true });
  expect(backwards.seen).toEqual(events.slice(hit + 1).reverse());
  expect(backwards.error).toContain('log-corrupt');
  for (const stream of new Set(events.map((event) => event.stream))) {
    const own = await read(node.url, { stream });
    const all = events.filter((event) => event.stream === stream);
    if (stream === victim.stream) expect(own.error).toContain('log-corrupt');
    else expect([own.seen, own.error]).toEqual([all, undefined]);
  }

  load.start(node.url);
  await load.untilAcknowledged(100);
  await load.stop();
  expect(await node.stop()).toEqual({ code: 0, signal: null });
  expect(readFileSync(path).equals(bytes)).toBe(true);

  // Restored by hand, it is whole again, and nothing was lost beside it.
  bytes[fileOffsetOf(victim.position, CHUNK_BYTES) + 60]! ^= 0xff;
  writeFileSync(path, bytes);
  const next = await NodeProcess.start({ folder });
  await checkHistory(load.history, next.url);
}, 90_000);
