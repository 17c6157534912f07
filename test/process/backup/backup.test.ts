/**
 * Backups of nodes that are real processes: made while they are written to, one on top of the other, verified, restored, and started from;
 * with every event compared. And what is left where they are damaged, or another one is in the way.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endAllCommands } from '../command-process.js';
import { checkHistory } from '../history-check.js';
import { Load } from '../load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../node-process.js';
import { until } from '../within.js';
import { allEvents, positionOf } from './all-events.js';
import { backup, runBackup } from './backup-process.js';

let scratch: string;

beforeEach(() => {
  scratch = temporaryFolder();
});

afterEach(async () => {
  await endAllCommands();
  await endAllNodes();
  removeFolder(scratch);
});

const IN_ORDER = { code: 0, signal: null };
/** So small that a second of load fills many. */
const CHUNK_BYTES = 262_144;
const SMALL = ['--chunk-size', '256KiB'];
const DEADLINE_MS = 30_000;

function place(name: string): string {
  return join(scratch, name);
}

/** A node that was written to, and goes on. */
async function loadedNode(seed: number, requests = 600): Promise<{ node: NodeProcess; load: Load }> {
  const load = new Load({ seed, appenders: 2, inFlight: 8, largestBytes: 15_000 });
  const node = await NodeProcess.start({ folder: place('data'), flags: SMALL });
  load.start(node.url);
  await load.untilAcknowledged(requests);
  return { node, load };
}

/** Changes one byte of a file. */
function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 0x10;
  writeFileSync(path, bytes);
}

test('backups of a node under load are prefixes of its log; restored, every event is in its place', async () => {
  const { node, load } = await loadedNode(61);
  const to = place('backups');
  const first = await backup('create', '--url', node.url, '--to', to);
  await load.untilAcknowledged(600);
  const second = await backup('create', '--url', node.url, '--to', to);
  await load.stop();
  const third = await backup('create', '--url', node.url, '--to', to);
  expect([first, second, third]).toMatchObject([
    { kind: 'created', backup: 'backup-000001' },
    { kind: 'created', backup: 'backup-000002' },
    { kind: 'created', backup: 'backup-000003' },
  ]);
  // What was there is not copied again, but for the last chunk, which was not full.
  const full = Math.floor(Number(first['position']) / CHUNK_BYTES);
  expect(full).toBeGreaterThan(0);
  expect(second['chunksCopied']).toBe(Number(second['chunks']) - full);
  expect(await backup('create', '--url', node.url, '--to', to)).toMatchObject({
    kind: 'unchanged',
    backup: 'backup-000003',
  });
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 3 });
  const original = await allEvents(node.url);
  for (const [name, made] of [
    ['backup-000001', first],
    ['backup-000003', third],
  ] as const) {
    const folder = place(`of-${name}`);
    await backup('restore', '--from', to, '--backup', name, '--db', folder);
    const restored = await NodeProcess.start({ folder });
    const prefix = original.filter((event) => positionOf(event) < Number(made['position']));
    expect(prefix.length).toBeGreaterThan(0);
    expect(await allEvents(restored.url)).toEqual(prefix);
    expect(await restored.stop()).toEqual(IN_ORDER);
  }
  // The store that was restored from the last one takes up where the other one was.
  await node.stop();
  const restored = await NodeProcess.start({ folder: place('of-backup-000003') });
  await checkHistory(load.history, restored.url);
  load.start(restored.url);
  await load.untilAcknowledged(100);
  await load.stop();
  await checkHistory(load.history, restored.url);
});

test('a stopped node is backed up from its folder, into the same backups; a running one refuses that', async () => {
  const { node, load } = await loadedNode(62);
  const to = place('backups');
  await load.stop();
  await backup('create', '--url', node.url, '--to', to);
  const refused = await runBackup(['create', '--db', place('data'), '--to', to]);
  expect(refused).toMatchObject({ code: 3, errors: expect.stringContaining('[folder-locked]') });
  load.start(node.url);
  await load.untilAcknowledged(100);
  await load.stop();
  const events = await allEvents(node.url);
  await node.stop();
  const made = await backup('create', '--db', place('data'), '--to', to);
  expect(made).toMatchObject({ kind: 'created', backup: 'backup-000002' });
  await backup('restore', '--from', to, '--db', place('restored'));
  const restored = await NodeProcess.start({ folder: place('restored') });
  expect(await allEvents(restored.url)).toEqual(events);
});

test('a restored node is the founder of another cluster, and grows to three nodes', async () => {
  const { node, load } = await loadedNode(64);
  await load.stop();
  await backup('create', '--url', node.url, '--to', place('backups'));
  const events = await allEvents(node.url);
  for (const name of ['once', 'twice'])
    await backup('restore', '--from', place('backups'), '--db', place(name));
  const once = await NodeProcess.start({ folder: place('once') });
  const twice = await NodeProcess.start({ folder: place('twice') });
  const ids = await Promise.all([node, once, twice].map(async ({ httpUrl }) => idsOf(httpUrl)));
  expect(new Set(ids.map(({ clusterId }) => clusterId)).size).toBe(3);
  expect(new Set(ids.map(({ memberId }) => memberId)).size).toBe(3);
  // Its clusters' nodes never listen to each other.
  const seed = once.url.replace('ws://', '');
  const joining = ['--cluster-size', '3', '--gossip-seed', seed];
  const others = [
    await NodeProcess.start({ folder: place('second'), flags: joining }),
    await NodeProcess.start({ folder: place('third'), flags: joining }),
  ];
  await until(DEADLINE_MS, 'the cluster is told its size', async () => {
    const answer = await fetch(`${once.httpUrl}/admin/cluster/size/3`, { method: 'POST' });
    return answer.ok;
  });
  await until(DEADLINE_MS, 'there are three voters', async () => {
    const { members } = (await (await fetch(`${once.httpUrl}/gossip`)).json()) as {
      members: { memberRole: string; lagBytes: number | null }[];
    };
    return (
      members.filter(({ memberRole, lagBytes }) => memberRole === 'voter' && lagBytes === 0).length === 3
    );
  });
  expect(await idsOf(node.httpUrl)).toEqual(ids[0]);
  for (const other of others) {
    const has = await until(DEADLINE_MS, 'the new node has every event', async () => {
      const its = await allEvents(other.url);
      return its.length >= events.length ? its : undefined;
    });
    expect(has).toEqual(events);
  }
});

async function idsOf(httpUrl: string): Promise<{ clusterId: string; memberId: string }> {
  const { clusterId, memberId } = (await (await fetch(`${httpUrl}/info`)).json()) as {
    clusterId: string;
    memberId: string;
  };
  return { clusterId, memberId };
}

test('a damaged byte in a backup is found and named; restoring it stops there, and no node starts on what came of it', async () => {
  const { node, load } = await loadedNode(65);
  await load.stop();
  const to = place('backups');
  await backup('create', '--url', node.url, '--to', to);
  const events = await allEvents(node.url);
  const file = join(to, 'chunks', 'chunk-000001.000000');
  const whole = readFileSync(file);
  flip(file, 4096 + 200_000);
  const verified = await runBackup(['verify', to]);
  expect(verified.code).toBe(9);
  expect(verified.rows[0]).toMatchObject({ kind: 'problem', backup: 'backup-000001', file });
  const { offset, position } = verified.rows[0] as { offset: number; position: number };
  expect(offset).toBeLessThanOrEqual(4096 + 200_000);
  expect(position).toBe(CHUNK_BYTES + offset - 4096);
  const restored = await runBackup(['restore', '--from', to, '--db', place('restored')]);
  expect(restored).toMatchObject({ code: 4, errors: expect.stringContaining('[log-corrupt]') });
  const start = new NodeProcess({ folder: place('restored') });
  expect(await start.ended()).toEqual({ code: 4, signal: null });
  expect(start.death).toMatchObject({ code: 'bad-data-folder' });
  // A chunk that is damaged goes, is copied anew, and is the same to the last byte: the backup is sound again, and the restore goes on.
  rmSync(file);
  expect((await runBackup(['verify', to])).code).toBe(9);
  load.start(node.url);
  await load.untilAcknowledged(10);
  await load.stop();
  await backup('create', '--url', node.url, '--to', to);
  expect(readFileSync(file).equals(whole)).toBe(true);
  expect(await backup('verify', to)).toMatchObject({ clean: true, backups: 2 });
  await backup('restore', '--from', to, '--backup', 'backup-000001', '--db', place('restored'));
  const after = await NodeProcess.start({ folder: place('restored') });
  expect(await allEvents(after.url)).toEqual(events);
});

test('a damaged source is named, and is no backup', async () => {
  const { node, load } = await loadedNode(67, 2500);
  await load.stop();
  const file = join(place('data'), 'chunk-000001.000000');
  flip(file, 4096 + 100_000);
  const live = await runBackup(['create', '--url', node.url, '--to', place('backups')]);
  expect(live).toMatchObject({ code: 4, errors: expect.stringContaining('[log-corrupt]') });
  expect(live.errors).toMatch(
    /file: chunk-000001\.000000 of 127\.0\.0\.1:\d+\n {2}offset: \d+\n {2}position: \d+/,
  );
  expect(readdirSync(place('backups')).sort()).toEqual(['chunks', 'lock']);
  await node.stop();
  const offline = await runBackup(['create', '--db', place('data'), '--to', place('backups')]);
  expect(offline.code).toBe(4);
  expect(offline.errors).toContain(`file: ${file}`);
  expect(readdirSync(place('backups')).sort()).toEqual(['chunks', 'lock']);
});

test('nothing is written over: a folder with something in it, or backups of another log', async () => {
  const { node, load } = await loadedNode(68);
  await load.stop();
  await backup('create', '--url', node.url, '--to', place('backups'));
  mkdirSync(place('taken'));
  writeFileSync(join(place('taken'), 'precious'), 'x');
  for (const words of [
    ['restore', '--from', place('backups'), '--db', place('taken')],
    ['restore', '--from', place('backups'), '--db', place('data')],
    ['create', '--url', node.url, '--to', place('taken')],
    ['create', '--url', node.url, '--to', place('data')],
  ]) {
    const refused = await runBackup(words);
    expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining('[invalid-configuration]') });
  }
  expect(readdirSync(place('taken'))).toEqual(['precious']);
  // The backup itself is no data folder.
  const start = new NodeProcess({ folder: join(place('backups'), 'chunks') });
  expect(await start.ended()).toEqual({ code: 4, signal: null });
  expect(start.death).toMatchObject({ code: 'bad-data-folder' });
  const other = await NodeProcess.start({ folder: place('other') });
  const refused = await runBackup(['create', '--url', other.url, '--to', place('backups')]);
  expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining('backups of the log') });
  expect(await backup('verify', place('backups'))).toMatchObject({ clean: true, backups: 1 });
});
