/**
 * A chunk that is damaged on a node of a cluster after all of them have started is found by a later round of scrubbing, though nobody reads there, and
 * mended with the help of another member. The nodes are in this process, as an hour is the shortest time between rounds that can be said to a node.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../src/client/client.js';
import type { NodeOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { CHUNK_HEADER_BYTES, chunkFileName } from '../../src/log/chunk.js';
import { type RunningNode, startNode } from '../../src/node/node.js';
import { freePorts } from '../process/cluster/cluster-process.js';

const CHUNK_BYTES = 65_536;
const ROUND_MS = 20;
const HOUR_MS = 3_600_000;
const WAIT = { timeout: 60_000, interval: 20 };

let scratch: string;
let nodes: RunningNode[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'cairn-scrub-repair-'));
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  rmSync(scratch, { recursive: true });
});

function folderOf(index: number): string {
  return join(scratch, `node-${index}`);
}

function optionsOf(index: number, ports: readonly number[]): NodeOptions {
  const seeds = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const words = [
    ...['--db', folderOf(index), '--node-port', `${ports[index]}`, '--node-ip', '127.0.0.1'],
    ...['--cluster-size', `${ports.length}`, '--gossip-seed', seeds],
    ...['--chunk-size', '64KiB', '--ring-size', '1MiB', '--scrub-interval-hours', '1'],
  ];
  const resolved = resolveOptions({
    ...{ argv: words, environment: {}, workingFolder: scratch, readFile: () => '' },
  });
  if (resolved.kind !== 'ok') throw new Error(JSON.stringify(resolved));
  return { ...resolved.options, scrubIntervalHours: ROUND_MS / HOUR_MS };
}

interface Info {
  readonly repairs: number;
  readonly damagedChunks: number;
  readonly scrub: { readonly rounds: number; readonly damaged: number };
}

async function infoOf(index: number): Promise<Info> {
  return (await (await fetch(`${nodes[index]!.addresses.http}/info`)).json()) as Info;
}

/** One that begins after this was called has ended. */
async function anotherRound(index: number): Promise<void> {
  const { rounds } = (await infoOf(index)).scrub;
  await expect.poll(async () => (await infoOf(index)).scrub.rounds, WAIT).toBeGreaterThan(rounds + 1);
}

test('a chunk that is damaged between two rounds, where nobody reads, is found by the next one and mended from another member', async () => {
  const ports = await freePorts(3);
  const logger = pino({ level: 'silent' });
  nodes = await Promise.all(ports.map((_, index) => startNode(optionsOf(index, ports), logger, 'test')));
  for (const { addresses } of nodes)
    await expect.poll(async () => (await fetch(`${addresses.http}/health/ready`)).ok, WAIT).toBe(true);
  const client = await connect(nodes.map(({ addresses }) => addresses.client));
  const data = Buffer.alloc(2_000, 7);
  for (let i = 0; i < 150; i++) await client.append(`stream-${i % 5}`, { type: 'Filled', data });
  // On each of them the chunks of the log so far have been read once, and found sound.
  for (const index of nodes.keys()) await anotherRound(index);
  for (const damaged of [1, 2]) {
    const path = join(folderOf(damaged), chunkFileName(1, 0));
    const whole = readFileSync(path);
    const bytes = Buffer.from(whole);
    bytes[CHUNK_HEADER_BYTES + CHUNK_BYTES / 2]! ^= 1;
    expect(await infoOf(damaged)).toMatchObject({ repairs: 0, damagedChunks: 0, scrub: { damaged: 0 } });
    writeFileSync(path, bytes);
    await expect.poll(async () => (await infoOf(damaged)).repairs, WAIT).toBe(1);
    await expect.poll(async () => (await infoOf(damaged)).damagedChunks, WAIT).toBe(0);
    const records = (file: Buffer) => file.subarray(CHUNK_HEADER_BYTES, CHUNK_HEADER_BYTES + CHUNK_BYTES);
    expect(records(readFileSync(path)).equals(records(whole))).toBe(true);
    // The mended chunk is what the rounds read from now on.
    await anotherRound(damaged);
    const { scrub } = await infoOf(damaged);
    await anotherRound(damaged);
    expect(await infoOf(damaged)).toMatchObject({ repairs: 1, scrub: { damaged: scrub.damaged } });
  }
  expect(await infoOf(0)).toMatchObject({ repairs: 0, scrub: { damaged: 0 } });
  expect(await client.readAll().toArray()).toHaveLength(150);
  await client.close();
}, 120_000);
