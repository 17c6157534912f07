/**
 * Backups and restores that end in the middle: killed at one system call after the other that makes something durable, or without room on the
 * disk. What was complete stays so, what isn't passes for nothing, and the same command goes on.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shortly } from '../../long-test.js';
import { endAllCommands, MAIN } from '../command-process.js';
import { checkHistory } from '../history-check.js';
import { Load } from '../load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../node-process.js';
import { mountSmallDisk, type SmallDisk, tampering, withoutStrace } from '../tools.js';
import { until } from '../within.js';
import { backup, runBackup, startBackup } from './backup-process.js';

let scratch: string;
let disk: SmallDisk | undefined;

beforeEach(() => {
  scratch = temporaryFolder();
});

afterEach(async () => {
  await endAllCommands();
  await endAllNodes();
  disk?.remove();
  disk = undefined;
  removeFolder(scratch);
});

const DEADLINE_MS = 30_000;
/** So small that a second of load fills many. */
const SMALL = ['--chunk-size', '256KiB'];

function place(name: string): string {
  return join(scratch, name);
}

/** A stopped node's folder, and what is in it. */
async function madeFolder(seed: number, requests: number): Promise<Load> {
  const load = new Load({ seed, appenders: 2, inFlight: 8, largestBytes: 15_000 });
  const node = await NodeProcess.start({ folder: place('data'), flags: SMALL });
  load.start(node.url);
  await load.untilAcknowledged(requests);
  await load.stop();
  await node.stop();
  return load;
}

function completeBackups(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^backup-\d+$/.test(name));
}

/** Far more than one run makes. */
const CALLS_MAX = 60;
/** Each is one instant, between two calls that change the disk. */
const CALLS = ['fsync', 'rename', 'pwrite64'] as const;

test.for(shortly(CALLS, (call) => call === 'fsync'))(
  'create, killed at each %s in turn, leaves what was complete and nothing that passes for more',
  async (call, { skip }) => {
    skip(withoutStrace !== undefined, withoutStrace);
    const load = await madeFolder(71, 100);
    const before = place('before');
    await backup('create', '--db', place('data'), '--to', before);
    const node = await NodeProcess.start({ folder: place('data'), flags: SMALL });
    load.start(node.url);
    await load.untilAcknowledged(100);
    await load.stop();
    await node.stop();
    let kills = 0;
    for (; kills < CALLS_MAX; kills++) {
      const to = place(`after-${kills}`);
      cpSync(before, to, { recursive: true });
      const words = ['create', '--db', place('data'), '--to', to];
      const exit = await runBackup(words, tampering(`${call}:signal=KILL:when=${kills + 1}`));
      if (exit.code === 0) break;
      // Only the last calls of all come after it is complete.
      const complete = completeBackups(to);
      expect(complete[0]).toBe('backup-000001');
      expect(await backup('verify', to)).toMatchObject({ clean: true, backups: complete.length });
      const next = await backup(...words);
      expect(next).toMatchObject({ backup: 'backup-000002' });
      expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 2 });
    }
    expect(kills).toBeGreaterThan(1);
    expect(kills).toBeLessThan(CALLS_MAX);
  },
);

test.for(shortly(CALLS, (call) => call === 'rename'))(
  'restore, killed at each %s in turn, leaves no folder that a node starts on, and the next run goes on',
  async (call, { skip }) => {
    skip(withoutStrace !== undefined, withoutStrace);
    await madeFolder(75, 120);
    const to = place('backups');
    await backup('create', '--db', place('data'), '--to', to);
    let kills = 0;
    for (; kills < CALLS_MAX; kills++) {
      const db = place(`restored-${kills}`);
      const words = ['restore', '--from', to, '--db', db];
      const exit = await runBackup(words, tampering(`${call}:signal=KILL:when=${kills + 1}`));
      if (exit.code === 0) break;
      // Before the first chunk there may be nothing yet that a node could mistake for a log.
      const names = readdirSync(scratch).includes(`restored-${kills}`) ? readdirSync(db) : [];
      const hasChunks = names.some((name) => name.startsWith('chunk-'));
      if (hasChunks) expect(names.includes('restoring') !== names.includes('restored')).toBe(true);
      if (!names.includes('restored')) await backup(...words);
      expect(readdirSync(db)).toContain('restored');
      const verified = spawnSync(process.execPath, [MAIN, 'inspect', 'verify', db], { encoding: 'utf8' });
      expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining('no damage') });
    }
    expect(kills).toBeGreaterThan(1);
    expect(kills).toBeLessThan(CALLS_MAX);
  },
);

test('create and restore, killed again and again, come to their end, each from where the last one was', async ({
  skip,
}) => {
  skip(withoutStrace !== undefined, withoutStrace);
  const load = await madeFolder(72, 200);
  const to = place('backups');
  await endWithKills(['create', '--db', place('data'), '--to', to], () =>
    expect(completeBackups(to).length).toBeLessThanOrEqual(1),
  );
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 1 });
  await endWithKills(['restore', '--from', to, '--db', place('restored')], async () => {
    if (readdirSync(place('restored')).includes('restored')) return;
    const node = new NodeProcess({ folder: place('restored') });
    const { code } = await node.ended();
    expect({ code, death: node.death }).toMatchObject({ code: 4, death: { code: 'bad-data-folder' } });
  });
  const node = await NodeProcess.start({ folder: place('restored') });
  await checkHistory(load.history, node.url);
});

/** Runs the command until it ends by itself, killed at the third, fourth or fifth rename; the first two are locks. `between`: after each kill. */
async function endWithKills(words: readonly string[], between: () => unknown): Promise<void> {
  for (let kills = 0; kills < CALLS_MAX; kills++) {
    const exit = await runBackup(words, tampering(`rename:signal=KILL:when=${3 + (kills % 3)}`));
    if (exit.code === 0) {
      expect(kills).toBeGreaterThan(1);
      return;
    }
    expect(exit.signal ?? exit.code).toBeTruthy();
    await between();
  }
  throw new Error(`${words[0]} comes to no end`);
}

test('create from a node under load, killed when it has copied a part: the part is kept, and is no backup', async () => {
  const load = new Load({ seed: 73, appenders: 2, inFlight: 8, largestBytes: 15_000 });
  const node = await NodeProcess.start({ folder: place('data'), flags: SMALL });
  load.start(node.url);
  await load.untilAcknowledged(400);
  const to = place('backups');
  const chunks = join(to, 'chunks');
  const words = ['create', '--url', node.url, '--to', to];
  const slow = startBackup([...words, '--throttle', '4']);
  await until(DEADLINE_MS, 'a chunk is copied', () => {
    const [first] =
      readdirSync(scratch).includes('backups') && readdirSync(to).includes('chunks')
        ? readdirSync(chunks)
        : [];
    return first === 'chunk-000000.000000';
  });
  slow.kill();
  expect((await slow.exit).signal).toBe('SIGKILL');
  expect(completeBackups(to)).toEqual([]);
  expect((await runBackup(['verify', to])).code).toBe(4);
  expect((await runBackup(['restore', '--from', to, '--db', place('restored')])).code).toBe(4);
  const made = await backup(...words);
  expect(Number(made['chunksCopied'])).toBeLessThan(Number(made['chunks']));
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 1 });
  await load.stop();
});

const DISK_MIB = 24;
/** What is left on a disk that is called full here. */
const ROOM_MIB = 1.5;
/** Of 256 KiB, by which the log grows between two backups: twice as much as the room that is left. */
const MORE_CHUNKS = 12;

test('a full disk: no backup and no data folder is made, what was complete stays, and with room it goes on', async ({
  skip,
}) => {
  const mounted = mountSmallDisk('ext4', scratch, DISK_MIB);
  if (typeof mounted === 'string') return skip(mounted);
  disk = mounted;
  const to = join(disk.folder, 'backups');
  const load = new Load({ seed: 74, appenders: 2, inFlight: 8, largestBytes: 15_000 });
  const node = await NodeProcess.start({ folder: place('data'), flags: SMALL });
  load.start(node.url);
  await load.untilAcknowledged(100);
  await backup('create', '--url', node.url, '--to', to);
  const chunkFiles = () => readdirSync(place('data')).filter((name) => name.startsWith('chunk-')).length;
  const enough = chunkFiles() + MORE_CHUNKS;
  await until(DEADLINE_MS, 'the log has grown beyond the room', () => chunkFiles() >= enough);
  await load.stop();
  const fill = (): string => {
    const ballast = join(mounted.folder, 'ballast');
    const { bavail, bsize } = statfsSync(mounted.folder);
    writeFileSync(ballast, new Uint8Array(bavail * bsize - ROOM_MIB * 1024 * 1024));
    return ballast;
  };
  let ballast = fill();
  const full = await runBackup(['create', '--url', node.url, '--to', to]);
  expect(full).toMatchObject({ code: 5, errors: expect.stringContaining('[disk-full]') });
  expect(completeBackups(to)).toEqual(['backup-000001']);
  expect(readdirSync(to).sort()).toEqual(['backup-000001', 'chunks', 'lock']);
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 1 });
  rmSync(ballast);
  await backup('create', '--url', node.url, '--to', to);
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 2 });
  ballast = fill();
  const db = join(disk.folder, 'restored');
  const words = ['restore', '--from', to, '--db', db];
  expect(await runBackup(words)).toMatchObject({ code: 5, errors: expect.stringContaining('[disk-full]') });
  const start = new NodeProcess({ folder: db });
  expect(await start.ended()).toEqual({ code: 4, signal: null });
  rmSync(ballast);
  await backup(...words);
  const restored = await NodeProcess.start({ folder: db });
  await checkHistory(load.history, restored.url);
  await restored.stop();
});
