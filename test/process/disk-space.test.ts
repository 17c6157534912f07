/**
 * Disks that fill up: a warning, then appends refused while there is still room for what was accepted, and all goes on by itself when there is
 * space again. On file systems of a few megabytes that something else fills. In a cluster the lead goes to who has space.
 */
import { mkdirSync, rmdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkCluster } from './cluster/cluster-check.js';
import { ClusterLoad } from './cluster/cluster-load.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { readLog, untilCaughtUp } from './cluster/final-log.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { mountSmallDisk, type SmallDisk } from './tools.js';
import { until } from './within.js';

const DISK_MIB = 24;
const MIB = 1024 * 1024;
const FLAGS = ['--disk-space-warning', '12MiB', '--disk-space-reserve', '4MiB'];
const DEADLINE_MS = 20_000;
const FULL =
  'the disk is almost full: appends are refused, or soon will be, until there is space; reads go on';

let scratch: string;
const disks: SmallDisk[] = [];
let cluster: ClusterProcess | undefined;

beforeEach(() => {
  scratch = temporaryFolder();
});

afterEach(async () => {
  await cluster?.remove();
  cluster = undefined;
  await endAllNodes();
  for (const disk of disks.splice(0)) disk.remove();
  removeFolder(scratch);
});

/** A disk in `folder`; or why there is none. */
function mount(folder: string): SmallDisk | string {
  mkdirSync(folder, { recursive: true });
  const disk = mountSmallDisk('tmpfs', folder, DISK_MIB);
  if (typeof disk !== 'string') disks.push(disk);
  return disk;
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Leaves so much free; gives the rest back when it is removed. */
function fill({ folder }: SmallDisk, leaveMiB: number): () => void {
  const path = join(folder, 'somebody-else');
  writeFileSync(path, new Uint8Array(freeBytes(folder) - leaveMiB * MIB));
  return () => rmSync(path);
}

async function spaceOf(url: string): Promise<Record<string, unknown>> {
  const info = (await (await fetch(`${url}/info`)).json()) as { diskSpace: Record<string, unknown> };
  return info.diskSpace;
}

async function untilLevel(url: string, level: string): Promise<void> {
  await until(
    DEADLINE_MS,
    `the disk's level is ${level}`,
    async () => (await spaceOf(url))['level'] === level,
  );
}

async function metrics(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

test('a disk that somebody else fills: a warning, appends refused above the reserve, reads go on, and all goes on by itself', async ({
  skip,
}) => {
  const disk = mount(scratch);
  if (typeof disk === 'string') return skip(disk);
  const node = await NodeProcess.start({ folder: join(disk.folder, 'data'), flags: FLAGS });
  const { httpUrl } = node;
  const load = new Load({ seed: 61, largestBytes: 500, inFlight: 4 });
  load.start(node.url);
  await load.untilAcknowledged(20);
  await untilLevel(httpUrl, 'ok');

  const less = fill(disk, 8);
  await untilLevel(httpUrl, 'low');
  await load.untilAcknowledged(20);
  less();
  await untilLevel(httpUrl, 'ok');
  const [filling, over] = [
    'the disk is filling up: make room before appends are refused',
    'the disk is not filling up any more',
  ];
  expect([node.said(filling).length, node.said(over).length]).toEqual([1, 1]);

  const most = fill(disk, 3);
  await load.untilRefusedForSpace(50);
  await until(DEADLINE_MS, 'it is said once', () => node.said(FULL).length === 1);
  expect(await spaceOf(httpUrl)).toMatchObject({
    level: 'short',
    reserveBytes: 4 * MIB,
    warningBytes: 12 * MIB,
  });
  expect(await metrics(httpUrl)).toMatch(/^cairn_disk_space\{level="short"\} 1$/m);
  const ready = await fetch(`${httpUrl}/health/ready`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: 'ready', state: 'Leader', diskSpace: 'short' },
  ]);
  // What is kept is not touched.
  expect(freeBytes(disk.folder)).toBeGreaterThan(2 * MIB);
  most();
  await load.untilAcknowledged(50);
  await load.stop();
  await checkHistory(load.history, node.url);
  expect(node.said(FULL)).toHaveLength(1);
  expect(node.said('the disk has space again: appends are taken')).toHaveLength(1);
  expect(await node.stop()).toEqual({ code: 0, signal: null });
});

test('a log that fills its disk by itself stops before the reserve, and starts again as it is', async ({
  skip,
}) => {
  const disk = mount(scratch);
  if (typeof disk === 'string') return skip(disk);
  const folder = join(disk.folder, 'data');
  const node = await NodeProcess.start({ folder, flags: FLAGS });
  const ballast = fill(disk, 10);
  const load = new Load({ seed: 62, largestBytes: 20_000 });
  load.start(node.url);
  await load.untilRefusedForSpace(50);
  // Index files may take some of it, chunks none.
  expect(freeBytes(disk.folder)).toBeGreaterThan(3 * MIB);
  expect((await spaceOf(node.httpUrl))['level']).toBe('short');
  await until(DEADLINE_MS, 'it is said', () => node.said(FULL).length === 1);
  await node.kill();
  await load.ended();
  const next = await NodeProcess.start({ folder, flags: FLAGS });
  load.start(next.url);
  await load.untilRefusedForSpace(10);
  ballast();
  await load.untilAcknowledged(50);
  await load.stop();
  await checkHistory(load.history, next.url);
});

test('a leader that is short of space hands over to a member that is not; nothing is lost, and it follows again', async ({
  skip,
}) => {
  cluster = await ClusterProcess.create({ size: 3, scratch, flags: FLAGS });
  for (const [i, { folder }] of cluster.members.entries()) {
    const disk = mount(join(scratch, `disk-${i}`));
    if (typeof disk === 'string') return skip(disk);
    rmdirSync(folder);
    symlinkSync(disk.folder, folder);
  }
  await cluster.start();
  const first = await cluster.untilLed();
  const load = new ClusterLoad({ seed: 63, targets: cluster.targets });
  load.start();
  await load.untilAcknowledged(50, DEADLINE_MS);
  const give = fill(disks[first]!, 2);
  await until(DEADLINE_MS, 'another one leads', async () => {
    const leader = await cluster!.leader();
    return leader !== undefined && leader !== first;
  });
  await load.untilAcknowledged(50, DEADLINE_MS);
  const handedOver = 'this leader is short of disk space: a member that is not shall lead';
  expect(cluster.members[first]!.process.said(handedOver).length).toBeGreaterThan(0);
  give();
  const [, last] = await Promise.all([load.stop(), load.mark(DEADLINE_MS)]);
  for (const { target } of cluster.members) await untilCaughtUp(target, last, DEADLINE_MS);
  const { target } = cluster.members[first]!;
  expect(checkCluster(load.history, await readLog(target.url))).toEqual([]);
}, 90_000);
