/** `cairn backup`: its help and usage errors, whom it asks, and what it tells of what it did. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { tellCreated, tellRestored, tellVerified } from '../../../src/cli/backup/backup-outcome.js';
import { BackupProgress } from '../../../src/cli/backup/backup-progress.js';
import { nodesOfLog } from '../../../src/cli/backup/nodes-of-log.js';
import { idOf } from '../../cluster/ids.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function cairn(...args: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, 'backup', ...args], { encoding: 'utf8' });
}

/** A node that answers what a backup asks first; returns its address. */
async function fakeNode(logId: string | null, committed: number): Promise<string> {
  const server = createServer((request, response) => {
    const isOurs = request.headers['cairn-cluster'] === logId;
    if (request.url === '/gossip') response.end(JSON.stringify({ clusterId: logId }));
    else if (!isOurs) response.writeHead(409).end();
    else response.end(JSON.stringify({ logId, chunkSize: 65_536, committed, chunks: [] }));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the command line', () => {
  test('explains itself', () => {
    for (const words of [[], ['create'], ['verify'], ['restore']]) {
      const { status, stdout } = cairn(...words, '--help');
      expect(status).toBe(0);
      expect(stdout).toContain('Usage: cairn backup');
    }
  });

  test.each([
    [['create']],
    [['create', '--to', 'x', '--db', 'y', '--url', '127.0.0.1:1']],
    [['create', '--to', 'x', '--throttle', '0']],
    [['create', '--to', 'x', '--throttle', 'fast']],
    [['restore', '--from', 'x']],
    [['verify']],
    [['verify', 'x', '-o', 'xml']],
  ])('refuses %j with exit status 2', (words) => {
    const { status, stderr } = cairn(...words);
    expect(status).toBe(2);
    expect(stderr).toMatch(/\[invalid-configuration\]/);
  });

  test('says that a folder is none of backups with exit status 4, and that no node answers with 7', () => {
    expect(cairn('verify', '/nowhere/at/all')).toMatchObject({ status: 4 });
    expect(cairn('create', '--to', '/nowhere', '--url', '127.0.0.1:1')).toMatchObject({ status: 7 });
  });
});

describe('the nodes that a backup is made from', () => {
  test('are all that answer, who has committed most of the log first', async () => {
    const [behind, ahead] = [await fakeNode(idOf(1), 100), await fakeNode(idOf(1), 200)];
    const nodes = await nodesOfLog([behind, '127.0.0.1:1', ahead, behind]);
    expect(nodes).toEqual({ logId: idOf(1), chunkSize: 65_536, committed: 200, peers: [ahead, behind] });
  });

  test('are of one cluster, and have one', async () => {
    const [one, other] = [await fakeNode(idOf(1), 100), await fakeNode(idOf(2), 100)];
    await expect(nodesOfLog([one, other])).rejects.toThrow(/different clusters/);
    const none = await fakeNode(null, 0);
    await expect(nodesOfLog([none])).rejects.toThrow(expect.objectContaining({ code: 'no-cluster' }));
    const empty = await fakeNode(idOf(1), 0);
    await expect(nodesOfLog([empty])).rejects.toThrow(expect.objectContaining({ code: 'not-ready' }));
  });
});

describe('what is told', () => {
  const end = { position: 2_000_000, chain: 1, previousLength: 56, epoch: 3 };

  test('of a backup that was made, or was not needed', () => {
    const created = { name: 'backup-000002', logId: idOf(1), end, chunks: 3, chunksCopied: 2 };
    const facts = { ...created, bytesCopied: 1_500_000, records: 1_234 };
    expect(tellCreated({ kind: 'created', ...facts }, '/b', 1.5).lines).toEqual([
      'backup-000002 is complete: up to position 2000000, epoch 3, 1,234 records',
      '2 chunks of 3 copied, 1.5 MB in 1.5 s',
    ]);
    expect(tellCreated({ kind: 'unchanged', ...facts }, '/b', 1).lines).toEqual([
      'nothing new since backup-000002 (position 2000000, epoch 3)',
    ]);
    expect(tellCreated({ kind: 'created', ...facts }, '/b', 1).rows).toMatchObject([
      { kind: 'created', backup: 'backup-000002', folder: '/b', position: 2_000_000 },
    ]);
  });

  test('of backups that were verified: first what is wrong', () => {
    const one = { name: 'backup-000001', madeAt: '2026-01-01', logId: idOf(1), end, chunks: 1, records: 1 };
    const problem = { backup: one.name, file: '/b/f', offset: 4100, position: 4, reason: 'it is wrong' };
    const told = tellVerified(
      { backups: [{ ...one, isSound: false }], files: 1, bytes: 5, problems: [problem] },
      1,
    );
    expect(told.lines).toEqual([
      'backup-000001: /b/f (offset 4100, position 4): it is wrong',
      'backup-000001: DAMAGED; made 2026-01-01, up to position 2000000, epoch 3, 1 record',
      '1 file, 0 MB verified in 1.0 s: 1 problem',
    ]);
    expect(told.rows.map(({ kind }) => kind)).toEqual(['problem', 'backup', 'summary']);
    expect(told.rows.at(-1)).toMatchObject({ clean: false, problems: 1 });
  });

  test('of one that was restored: that it is another cluster now', () => {
    const facts = { name: 'backup-000001', folder: '/d', oldLogId: idOf(1), logId: idOf(2), end, chunks: 1 };
    const told = tellRestored({ ...facts, records: 2, bytes: 10 }, 1);
    expect(told.lines.join('\n')).toContain(`new cluster, ${idOf(2)}`);
    expect(told.rows).toMatchObject([{ kind: 'restored', oldLogId: idOf(1), logId: idOf(2) }]);
  });

  test('of its progress: a line that is written over on a terminal, and nothing at once elsewhere', () => {
    const terminal: string[] = [];
    const progress = new BackupProgress(
      { isTTY: true, columns: 40, write: (text) => terminal.push(text) },
      'copied',
    );
    progress.show(1_000_000, 4_000_000);
    expect(terminal[0]).toMatch(/^\r.*25 % {2}1 MB of 4 MB copied/);
    const file: string[] = [];
    new BackupProgress({ write: (text) => file.push(text) }, 'copied').show(1, 2);
    expect(file).toEqual([]);
  });
});
