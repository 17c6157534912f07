/**
 * Nodes of a real cluster whose files are damaged while they are down: they mend themselves with the help of the others, or refuse to start where
 * nobody can help, and nothing that was acknowledged is lost. One cluster, damaged again and again.
 */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LoggedEvent } from '../../src/sim/checks/logged-event.js';
import { checkCluster } from './cluster/cluster-check.js';
import { ClusterLoad } from './cluster/cluster-load.js';
import type { ClusterMember } from './cluster/cluster-member.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { findDifference, inspectFolders, readLog, untilCaughtUp } from './cluster/final-log.js';
import { removeFolder, temporaryFolder } from './node-process.js';
import { until } from './within.js';

const CHUNK_BYTES = 65_536;
const FILE_BYTES = 4096 + CHUNK_BYTES + 4096;
const FLAGS = ['--chunk-size', '64KiB', '--repair-timeout-sec', '20'];
const DEADLINE_MS = 30_000;

let scratch: string;
let cluster: ClusterProcess;
let load: ClusterLoad;
/** Position of the last event that was acknowledged. */
let last = 0;
/** Chunks that are sealed and committed on all nodes. */
let sealed = 0;

beforeAll(async () => {
  scratch = temporaryFolder();
  cluster = await ClusterProcess.create({ size: 3, scratch, flags: FLAGS });
  load = new ClusterLoad({ seed: 11, targets: cluster.targets });
  await cluster.start();
  await cluster.untilLed();
  load.start();
  await load.untilAcknowledged(1500, 60_000);
  [, last] = await Promise.all([load.stop(), load.mark(20_000)]);
  for (const member of cluster.members) await untilCaughtUp(member.target, last, DEADLINE_MS);
  sealed = Math.floor(last / CHUNK_BYTES);
  expect(sealed).toBeGreaterThan(5);
  await cluster.stop();
}, 180_000);

afterEach(async () => {
  await cluster.stop();
  for (const { unexpectedEnds } of cluster.members) expect(unexpectedEnds).toEqual([]);
});

afterAll(async () => {
  await cluster.remove();
  removeFolder(scratch);
});

function member(index: number): ClusterMember {
  return cluster.members[index]!;
}

function chunkPath(index: number, number: number): string {
  return join(member(index).folder, fileName(number));
}

/** Changes bytes of a chunk's file. */
function damage(index: number, number: number, offset: number, length = 64): void {
  const bytes = readFileSync(chunkPath(index, number));
  for (let i = 0; i < length; i++) bytes[offset + i]! ^= 0xff;
  writeFileSync(chunkPath(index, number), bytes);
}

function fileName(number: number): string {
  return `chunk-${String(number).padStart(6, '0')}.000000`;
}

/** Which chunks a node says to have mended since it started. */
function mendedBy(index: number): string[] {
  return member(index)
    .process.said('mended a damaged chunk')
    .map(({ file }) => String(file));
}

/** Starts all nodes, of which some have damaged chunks (by their indexes): those are mended, and no others. */
async function expectMended(damaged: readonly (readonly [number, number])[]): Promise<void> {
  await cluster.start();
  await until(DEADLINE_MS, 'all damage is mended', () =>
    damaged.every(([index, number]) => mendedBy(index).includes(fileName(number))),
  );
  await expectWhole();
  for (const index of cluster.members.keys()) {
    const own = damaged.filter(([other]) => other === index);
    expect(mendedBy(index).sort()).toEqual(own.map(([, number]) => fileName(number)).sort());
  }
}

/** All nodes show the same events, which is all that was acknowledged; and have, once they are stopped, the same bytes, without damage. */
async function expectWhole(): Promise<void> {
  await cluster.untilLed();
  const logs: (readonly LoggedEvent[])[] = [];
  for (const { target } of cluster.members) {
    await untilCaughtUp(target, last, DEADLINE_MS);
    logs.push(await readLog(target.url));
  }
  expect(findDifference(logs[0]!, logs[1]!)).toBeUndefined();
  expect(findDifference(logs[0]!, logs[2]!)).toBeUndefined();
  expect(checkCluster(load.history, logs[0]!)).toEqual([]);
  await cluster.stop();
  expect(inspectFolders(cluster.members, last, CHUNK_BYTES)).toEqual([]);
  for (const { folder } of cluster.members) {
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }
}

const HURTS: readonly [string, (index: number) => void, number][] = [
  ['bytes of a sealed chunk', (index) => damage(index, 2, 30_000), 2],
  ['the first bytes of a sealed chunk', (index) => damage(index, 3, 4096), 3],
  ['the header of a chunk', (index) => damage(index, 1, 16), 1],
  ['the header of the first chunk', (index) => damage(index, 0, 16), 0],
  ['the footer of a chunk', (index) => damage(index, 1, 4096 + CHUNK_BYTES + 16), 1],
  ['a chunk that was cut short', (index) => truncateSync(chunkPath(index, 2), 50_000), 2],
  ['a chunk that is missing', (index) => rmSync(chunkPath(index, 3)), 3],
  ['the first chunk, which is missing', (index) => rmSync(chunkPath(index, 0)), 0],
];

test.each(HURTS)('a node mends %s with the help of the others', async (_name, hurt, number) => {
  hurt(1);
  await expectMended([[1, number]]);
  expect(readFileSync(chunkPath(1, number))).toHaveLength(FILE_BYTES);
});

test('damage in the last chunk with records is mended, and what was acknowledged there stays', async () => {
  const active = Math.floor(last / CHUNK_BYTES);
  damage(2, active, 4096 + 64, 8);
  await expectMended([[2, active]]);
});
