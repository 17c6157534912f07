/** A node that can't open its log: whom it asks, how long, and what it says when nobody helps. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CairnError } from '../../../src/base/errors.js';
import { freshNodeState, type NodeState } from '../../../src/cluster/node-state.js';
import { NodeStateFile } from '../../../src/cluster/node-state-file.js';
import { type RecoveredLog, recoverLog } from '../../../src/log/recovery.js';
import { openPlatform } from '../../../src/native/platform.js';
import { ChunkRoutes, type ChunkSource } from '../../../src/net/chunk-routes.js';
import { StartRepair } from '../../../src/node/repair/start-repair.js';
import { idOf, memberOf } from '../../cluster/ids.js';
import { CHUNK_SIZE, LOG_ID, SampleLog } from '../../log/sample-log.js';

const LOG = new SampleLog().epoch().fillChunk().event().fillChunk().event().sync();

const STATE: NodeState = {
  ...freshNodeState(idOf(1), 1),
  clusterId: LOG_ID,
  promisedEpoch: 1,
  founded: true,
  ackedPosition: CHUNK_SIZE,
};

let folder: string;
let server: Server;
let warnings: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-start-repair-'));
  for (const [path, bytes] of LOG.disk().files) writeFileSync(join(folder, path.split('/').at(-1)!), bytes);
  warnings = [];
  const source: ChunkSource = {
    ...{ logId: LOG_ID, chunkSize: CHUNK_SIZE, committed: LOG.end },
    read: async (position, target) => target.set(LOG.bytes.subarray(position, position + target.length)),
    fileVersionOf: () => 0,
  };
  const routes = new ChunkRoutes({ source: () => source, isBlocked: () => false });
  server = createServer((request, response) => void routes.answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

function peer(): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function remember(changes: Partial<NodeState> = {}): void {
  NodeStateFile.create(openPlatform().disk, folder, { ...STATE, ...changes }).close();
}

function repair(seeds: readonly string[], patienceMs = 0): StartRepair {
  return new StartRepair({
    ...{ platform: openPlatform(), folder, name: 'me:1', seeds: () => seeds, patienceMs },
    isBlocked: (name) => name === 'blocked:1',
    warn: (message) => warnings.push(message),
  });
}

function damage(number: number): void {
  const path = join(folder, `chunk-00000${number}.000000`);
  const bytes = readFileSync(path);
  bytes[100]! ^= 1;
  writeFileSync(path, bytes);
}

function recover(): RecoveredLog {
  const { disk, kernel } = openPlatform();
  const log = recoverLog({ disk, kernel, folder });
  if (log.kind === 'empty') throw new Error('there is a log');
  return log;
}

test('the log is mended, chunk after chunk, until it can be opened', async () => {
  remember();
  damage(0);
  damage(1);
  const mending = repair(['me:1', peer()]);
  expect((await mending.open(recover)).end.position).toBe(LOG.end);
  expect(mending.repairs).toBe(2);
  expect(mending.source).toBeUndefined();
  expect(warnings.filter((message) => message === 'mended a damaged chunk')).toHaveLength(2);
});

test('members that only the founding names are asked as well', async () => {
  const foundation = { clusterId: LOG_ID, founder: idOf(1), chunkSize: CHUNK_SIZE };
  const members = [memberOf(1), { ...memberOf(2), name: peer() }];
  remember({ foundation: { ...foundation, members } });
  damage(1);
  expect((await repair([]).open(recover)).end.position).toBe(LOG.end);
});

test('while it waits for help it gives others what it has itself, as far as that is certainly committed', async () => {
  remember();
  damage(1);
  const mending = repair(['127.0.0.1:1'], 1_500);
  const outcome = mending.open(recover).catch((error: unknown) => error);
  await expect.poll(() => mending.source?.committed).toBe(CHUNK_SIZE);
  const bytes = new Uint8Array(64);
  await mending.source!.read(0, bytes);
  expect(Buffer.compare(bytes, LOG.bytes.subarray(0, 64))).toBe(0);
  expect(await outcome).toMatchObject({ code: 'log-corrupt' });
  expect(mending.source).toBeUndefined();
});

test('if nobody can help the error is the one that it was, and says who was asked and what they said', async () => {
  remember();
  damage(1);
  const error = await repair(['127.0.0.1:1'])
    .open(recover)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'log-corrupt',
    message: expect.stringMatching(/the chunk header is damaged.*127\.0\.0\.1:1: nobody listens there/),
    details: { position: CHUNK_SIZE, asked: expect.stringContaining('127.0.0.1:1') },
  });
});

const HELPLESS: readonly [string, Partial<NodeState> | undefined, string | undefined][] = [
  ['that has no other members', {}, 'me:1'],
  ['that is cut off from the others', {}, 'blocked:1'],
  ['that is fenced', { fenced: true }, undefined],
  ['that belongs to no cluster', { clusterId: undefined }, undefined],
  ['that remembers nothing', undefined, undefined],
];

test.each(HELPLESS)('a node %s asks nobody', async (_what, state, seed) => {
  if (state !== undefined) remember(state);
  damage(1);
  const opening = repair([seed ?? peer()]).open(recover);
  await expect(opening).rejects.toMatchObject({ details: { position: CHUNK_SIZE } });
  expect(warnings).toEqual([]);
});

test('errors that are about something else, and bugs, pass as they are', async () => {
  remember();
  for (const error of [new CairnError('folder-locked', 'no'), new TypeError('a bug')]) {
    const opening = repair([peer()]).open(() => {
      throw error;
    });
    await expect(opening).rejects.toBe(error);
  }
});

test('a disk that does not keep what it is given is noticed', async () => {
  remember();
  const mending = repair([peer()]);
  const opening = mending.open(() => {
    damage(1);
    recover();
  });
  await expect(opening).rejects.toMatchObject({ code: 'log-corrupt' });
  expect(mending.repairs).toBe(2);
});
