/**
 * Nodes of a real cluster whose files are damaged while they are down: they mend themselves with the help of the others, or refuse to start where
 * nobody can help, and nothing that was acknowledged is lost. One cluster, damaged again and again.
 */
import { closeSync, openSync, readdirSync, readSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { loadManifest } from '../../src/index/manifest.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import type { LoggedEvent } from '../../src/sim/checks/logged-event.js';
import { longTest } from '../long-test.js';
import { checkCluster } from './cluster/cluster-check.js';
import { ClusterLoad } from './cluster/cluster-load.js';
import type { ClusterMember } from './cluster/cluster-member.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { findDifference, inspectFolders, readLog, untilCaughtUp } from './cluster/final-log.js';
import { removeFolder, temporaryFolder } from './node-process.js';
import { until, within } from './within.js';

const CHUNK_BYTES = 65_536;
const INDEX_FOLDER = 'index';
const HEADER_BYTES = 4096;
const FOOTER_AT = HEADER_BYTES + CHUNK_BYTES;
const FLAGS = ['--chunk-size', '64KiB', '--repair-timeout-sec', '10'];
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
  await until(DEADLINE_MS, 'all sealed chunks have segments', () => cluster.members.every(isIndexed));
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

function indexFolder({ folder }: ClusterMember): string {
  return join(folder, INDEX_FOLDER);
}

/** Whether the member's index has segments of all sealed chunks: then a start reads none of them. */
function isIndexed(of: ClusterMember): boolean {
  const disk = new JavascriptDisk();
  if (!disk.list(of.folder).includes(INDEX_FOLDER)) return false;
  const manifest = loadManifest(disk, indexFolder(of));
  return typeof manifest !== 'string' && (manifest.segments.at(-1)?.lastChunk ?? -1) >= sealed - 1;
}

/** Turns bytes of a chunk's file round, in place; twice is not at all. */
function damage(index: number, number: number, offset: number, length = 64): void {
  const file = openSync(chunkPath(index, number), 'r+');
  const bytes = new Uint8Array(length);
  readSync(file, bytes, 0, length, offset);
  for (let i = 0; i < length; i++) bytes[i]! ^= 0xff;
  writeSync(file, bytes, 0, length, offset);
  closeSync(file);
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
  expect(inspectFolders(cluster.members, last).problems).toEqual([]);
  for (const { folder } of cluster.members) {
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }
}

/** What a node says of itself. */
async function infoOf(index: number): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${member(index).name}/info`);
  return (await response.json()) as Record<string, unknown>;
}

async function says(index: number, field: string, value: unknown): Promise<boolean> {
  const info = await infoOf(index);
  return info[field] === value;
}

function activeChunk(): number {
  return Math.floor(last / CHUNK_BYTES);
}

test('a node mends whatever was done to its chunks while it was down', async () => {
  damage(1, 0, 16);
  damage(1, 1, HEADER_BYTES + 20_000);
  truncateSync(chunkPath(1, 2), 50_000);
  rmSync(chunkPath(1, 3));
  damage(1, 4, FOOTER_AT + 16);
  damage(1, 5, HEADER_BYTES, 3_000);
  await expectMended([0, 1, 2, 3, 4, 5].map((number) => [1, number]));
});

longTest('two nodes with damage in different chunks are mended by the third, and by each other', async () => {
  rmSync(chunkPath(0, 0));
  damage(0, 2, HEADER_BYTES + 10_000);
  damage(0, 3, 16);
  damage(2, 1, HEADER_BYTES + 40_000);
  damage(2, 4, FOOTER_AT + 64);
  await expectMended([
    [0, 0],
    [0, 2],
    [0, 3],
    [2, 1],
    [2, 4],
  ]);
});

test('three nodes that are all damaged, each in another chunk, mend each other', async () => {
  damage(0, 1, 16);
  damage(1, 2, FOOTER_AT + 8);
  rmSync(chunkPath(2, 3));
  await expectMended([
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
});

test('damage in the last chunk with records is mended on two nodes, and what was acknowledged there stays', async () => {
  damage(0, activeChunk(), HEADER_BYTES + 200, 8);
  damage(1, activeChunk(), 100);
  await expectMended([
    [0, activeChunk()],
    [1, activeChunk()],
  ]);
});

longTest(
  'nodes that are all damaged in the same place serve the rest, and once one of them is restored all are mended',
  async () => {
    for (const index of [0, 1, 2]) damage(index, 3, HEADER_BYTES + 30_000);
    await cluster.start();
    await cluster.untilLed();
    for (const { process: node } of cluster.members)
      await until(
        DEADLINE_MS,
        'the damage is told',
        () => node.said('a part of the log is damaged').length > 0,
      );
    for (const index of cluster.members.keys()) expect(mendedBy(index)).toEqual([]);
    damage(1, 3, HEADER_BYTES + 30_000);
    await until(2 * DEADLINE_MS, 'the others are mended', () =>
      [0, 2].every((index) => mendedBy(index).includes(fileName(3))),
    );
    await expectWhole();
  },
);

longTest(
  'nodes that are all damaged in the same place, and without an index, refuse, nothing is lost, and once one of them is restored all are mended',
  async () => {
    for (const one of cluster.members) {
      damage(cluster.members.indexOf(one), 2, HEADER_BYTES + 30_000);
      rmSync(indexFolder(one), { recursive: true });
    }
    for (const one of cluster.members) {
      void one.start().catch(() => undefined);
      one.expectEnd();
    }
    for (const { process: node } of cluster.members) {
      expect(await within(2 * DEADLINE_MS, 'the node gives up', node.exit)).toMatchObject({ code: 4 });
      expect(node.death).toMatchObject({
        code: 'log-corrupt',
        message: expect.stringContaining('the other members were asked and could not help'),
      });
      expect(node.said('mended a damaged chunk')).toEqual([]);
    }
    damage(1, 2, HEADER_BYTES + 30_000);
    await expectMended([
      [0, 2],
      [2, 2],
    ]);
  },
);

test('a node that was wiped joins again, catches up, and votes in place of its former self', async () => {
  await cluster.start();
  await cluster.untilLed();
  const { memberId: before } = await infoOf(1);
  await member(1).stop();
  member(1).wipe();
  await member(1).start();
  await until(DEADLINE_MS, 'the wiped node votes', () => says(1, 'memberRole', 'voter'));
  const { memberId: after } = await infoOf(1);
  expect(after).not.toBe(before);
  await until(DEADLINE_MS, 'its former self is gone', async () => {
    const { configuration } = (await infoOf(1)) as {
      configuration: { members: { id: string; role: string }[] };
    };
    const voters = configuration.members.filter(({ role }) => role === 'voter').map(({ id }) => id);
    return voters.length === 3 && !voters.includes(String(before));
  });
  await expectWhole();
});

test('damage that comes while a node works is mended as soon as somebody reads it', async () => {
  await cluster.start();
  await cluster.untilLed();
  for (const { target } of cluster.members) await untilCaughtUp(target, last, DEADLINE_MS);
  damage(1, 2, HEADER_BYTES + 30_000);
  await expect(readLog(member(1).target.url)).rejects.toThrow('log-corrupt');
  await until(DEADLINE_MS, 'the node is mended', () => says(1, 'repairs', 1));
  expect(await infoOf(1)).toMatchObject({ damagedChunks: 0 });
  await expectWhole();
});

longTest(
  'a leader that meets damage as it sends old records to a new member mends it, and the member gets them',
  async () => {
    await cluster.start();
    const leader = await cluster.untilLed();
    const wiped = (leader + 1) % 3;
    await member(wiped).stop();
    member(wiped).wipe();
    damage(leader, 1, HEADER_BYTES + 30_000);
    await member(wiped).start();
    await untilCaughtUp(member(wiped).target, last, DEADLINE_MS);
    expect(mendedBy(leader)).toEqual([fileName(1)]);
    await until(DEADLINE_MS, 'the wiped node votes', () => says(wiped, 'memberRole', 'voter'));
    await expectWhole();
  },
);
