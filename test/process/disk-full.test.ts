/**
 * Disks without room: appends are refused with a code of their own while reads go on, and all goes on by itself when there is room
 * again. On file systems of a few megabytes, made for the purpose; and under a limit on file size.
 */
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shortly } from '../long-test.js';
import { RawClient } from '../net/raw-client.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import {
  DISK_PATHS,
  type DiskPath,
  endAllNodes,
  NodeProcess,
  removeFolder,
  temporaryFolder,
} from './node-process.js';
import { readEvents } from './reading.js';
import { mountSmallDisk, type SmallDisk, type SmallDiskKind, withoutPrlimit } from './tools.js';

let scratch: string;
let disk: SmallDisk | undefined;

beforeEach(() => {
  scratch = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  disk?.remove();
  disk = undefined;
  removeFolder(scratch);
});

const DISK_MIB = 20;
/** Room for a few chunks. */
const LEFT_MIB = 5;
const IN_ORDER = { code: 0, signal: null };

/** Takes up the disk; what it takes can be given back. */
class Ballast {
  readonly #path: string;

  constructor(mountPoint: string, leaveMiB: number) {
    this.#path = join(mountPoint, 'ballast');
    const { bavail, bsize } = statfsSync(mountPoint);
    writeFileSync(this.#path, new Uint8Array(bavail * bsize - leaveMiB * 1024 * 1024));
  }

  /** Makes room. */
  drop(): void {
    rmSync(this.#path);
  }
}

/** Takes the last block that can be had. */
function takeTheRest(mountPoint: string): void {
  for (let bytes = 1 << 20; bytes >= 4096; bytes >>= 1) {
    const path = join(mountPoint, `rest-${bytes}`);
    try {
      writeFileSync(path, new Uint8Array(bytes));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
  }
}

async function countEvents(url: string): Promise<number> {
  const { client } = await RawClient.greeted(url);
  let events = 0;
  await readEvents(client, {}, () => {
    events++;
  });
  await client.close();
  return events;
}

const PLACES: readonly (readonly [SmallDiskKind, DiskPath])[] = [
  ['ext4', 'native'],
  ['ext4', 'javascript'],
  ['tmpfs', 'native'],
];

const isQuick = ([kind, path]: (typeof PLACES)[number]) => kind === 'ext4' && path === DISK_PATHS[0];

test.for(shortly(PLACES, isQuick).filter(([, path]) => DISK_PATHS.includes(path)))(
  'on a full disk (%s, disk: %s) appends are refused, reads go on, and appends too when there is room again',
  async ([kind, diskPath], { skip }) => {
    const mounted = mountSmallDisk(kind, scratch, DISK_MIB);
    if (typeof mounted === 'string') return skip(mounted);
    disk = mounted;
    const folder = join(disk.folder, 'data');
    const ballast = new Ballast(disk.folder, LEFT_MIB);
    const load = new Load({ seed: 51, largestBytes: 20_000 });
    const node = await NodeProcess.start({ folder, disk: diskPath });
    load.start(node.url);
    await load.untilRefusedForSpace(100);
    const acknowledged = load.history.acknowledged;
    expect(await countEvents(node.url)).toBeGreaterThanOrEqual(acknowledged);
    ballast.drop();
    await load.untilAcknowledged(200);
    await load.stop();
    await checkHistory(load.history, node.url);
    expect(await node.stop()).toEqual(IN_ORDER);
    const next = await NodeProcess.start({ folder, disk: diskPath });
    await checkHistory(load.history, next.url);
  },
);

test('a node starts on a full disk, is read from, stops in order, and writes again when there is room', async ({
  skip,
}) => {
  const mounted = mountSmallDisk('ext4', scratch, DISK_MIB);
  if (typeof mounted === 'string') return skip(mounted);
  disk = mounted;
  const folder = join(disk.folder, 'data');
  const ballast = new Ballast(disk.folder, LEFT_MIB);
  const load = new Load({ seed: 52, largestBytes: 20_000 });
  const first = await NodeProcess.start({ folder });
  load.start(first.url);
  await load.untilRefusedForSpace(1);
  takeTheRest(disk.folder);
  await first.kill();
  await load.ended();
  for (let life = 0; life < 2; life++) {
    const node = await NodeProcess.start({ folder });
    expect(await countEvents(node.url)).toBeGreaterThanOrEqual(load.history.acknowledged);
    load.start(node.url);
    await load.untilRefusedForSpace(10);
    expect(await node.stop()).toEqual(IN_ORDER);
    await load.ended();
  }
  const last = await NodeProcess.start({ folder });
  load.start(last.url);
  await load.untilRefusedForSpace(1);
  ballast.drop();
  await load.untilAcknowledged(100);
  await load.stop();
  await checkHistory(load.history, last.url);
});

test('a new log on a full disk: exit code 5, and one sentence that says why', async ({ skip }) => {
  const mounted = mountSmallDisk('ext4', scratch, DISK_MIB);
  if (typeof mounted === 'string') return skip(mounted);
  disk = mounted;
  new Ballast(disk.folder, 0.5);
  const node = new NodeProcess({ folder: join(disk.folder, 'data') });
  expect(await node.ended()).toEqual({ code: 5, signal: null });
  expect(node.death).toMatchObject({ code: 'disk-full', message: expect.stringContaining('no room') });
  expect(node.stray).not.toMatch(/\n +at /);
});

const LIMITED = ['prlimit', '--fsize=524288'];

test.for(DISK_PATHS)(
  'a limit on file size below that of a chunk: exit code 5, a sentence that names it, and no part of a log is left (disk: %s)',
  async (diskPath, { skip }) => {
    skip(withoutPrlimit !== undefined, withoutPrlimit);
    const folder = join(scratch, 'data');
    const node = new NodeProcess({ folder, disk: diskPath, under: LIMITED });
    expect(await node.ended()).toEqual({ code: 5, signal: null });
    expect(node.death).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('limit on file size'),
    });
    expect(node.stray).toMatch(/^cairn: .*limit on file size.*\[disk-full\]\n {2}errno: EFBIG\n$/);
    expect(readdirSync(folder).sort()).toEqual(['lock', 'node-state']);
    const next = await NodeProcess.start({ folder, disk: diskPath });
    expect(await next.stop()).toEqual(IN_ORDER);
  },
);

test.for(DISK_PATHS)(
  'the same limit on a log that is beyond it: exit code 5 with the call that failed, and nothing is lost (disk: %s)',
  async (diskPath, { skip }) => {
    skip(withoutPrlimit !== undefined, withoutPrlimit);
    const folder = join(scratch, 'data');
    const load = new Load({ seed: 53, largestBytes: 20_000 });
    const first = await NodeProcess.start({ folder, disk: diskPath });
    load.start(first.url);
    await load.untilAcknowledged(100);
    await first.kill();
    await load.ended();
    const limited = new NodeProcess({ folder, disk: diskPath, under: LIMITED });
    await limited.listening().then(
      () => load.start(limited.url),
      () => undefined,
    );
    expect(await limited.ended()).toEqual({ code: 5, signal: null });
    expect(limited.death).toMatchObject({ code: 'disk-failure', message: expect.stringContaining('EFBIG') });
    await load.ended();
    const next = await NodeProcess.start({ folder, disk: diskPath });
    await checkHistory(load.history, next.url);
  },
);
