/** `cairn stream meta|delete|info` as their users run them: processes of their own, against a node. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../../process/node-process.js';
import { runStreamOn, type StreamOutcome } from './run-stream.js';

let folder: string;
let node: NodeProcess;

beforeAll(async () => {
  folder = temporaryFolder();
  node = await NodeProcess.start({ folder });
});

afterAll(async () => {
  await endAllNodes();
  removeFolder(folder);
});

function runStream(...words: string[]): Promise<StreamOutcome> {
  return runStreamOn(node, words);
}

/** Runs a command that must succeed; returns what it says. */
async function said(...words: string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await runStream(...words, '-o', 'json');
  expect(`${stderr}${status}`).toBe('0');
  return JSON.parse(stdout) as Record<string, unknown>;
}

const append = (stream: string) => said('append', stream, '--type', 'T', '--data', '1');

test('what is said about a stream is changed key by key, and shown', async () => {
  for (let i = 0; i < 3; i++) await append('orders');
  expect(await said('meta', 'orders')).toEqual({
    ...{ stream: 'orders', revision: -1, isTombstoned: false, metadata: {} },
  });
  await said('meta', 'orders', '--max-count', '2', '--set', 'owner={"name":"me"}', '--set', '$maxAge=60');
  const { revision, metadata } = await said('meta', 'orders', '--unset', '$maxAge', '--truncate-before', '1');
  expect({ revision, metadata }).toEqual({
    ...{ revision: 1, metadata: { owner: { name: 'me' }, $maxCount: 2, $tb: 1 } },
  });
  expect(await said('info', 'orders')).toMatchObject({
    revision: 2,
    firstRevision: 1,
    state: 'live',
    metadata,
  });
  const table = await runStream('meta', 'orders');
  expect(table.stdout).toMatch(/^KEY .*\nowner +\{"name":"me"\}\n\$maxCount +2\n\$tb +1\n$/);
});

test('a stream is deleted, written again, and ended for good', async () => {
  for (let i = 0; i < 2; i++) await append('carts');
  expect(await said('delete', 'carts', '--expected', '1')).toEqual({
    ...{ stream: 'carts', lastRevision: 1, tombstone: false },
  });
  expect(await said('info', 'carts')).toMatchObject({ revision: 1, firstRevision: 2, state: 'deleted' });
  await append('carts');
  expect(await said('info', 'carts')).toMatchObject({ revision: 2, firstRevision: 2, state: 'live' });
  expect(await said('delete', 'carts', '--tombstone')).toMatchObject({ lastRevision: 2, tombstone: true });
  expect(await said('info', 'carts')).toMatchObject({ revision: 2, state: 'tombstoned' });
  expect(await said('meta', 'carts')).toMatchObject({ isTombstoned: true });
});

test.each<[string, number, RegExp, string[]]>([
  ['a stream that there is not', 8, /\[stream-not-found\]/, ['delete', 'nowhere']],
  ['the whole log', 2, /\[invalid-configuration\]/, ['delete', '$all']],
  ['metadata of the whole log', 2, /\[invalid-configuration\]/, ['meta', '$all']],
  ['a value that is no JSON', 2, /must be JSON/, ['meta', 's', '--set', 'a=b']],
  ['a key without a value', 2, /a key, =/, ['meta', 's', '--set', 'a']],
  ['a key that is not known', 8, /\[invalid-metadata\]/, ['meta', 's', '--set', '$a=1']],
  [
    'a revision that it is not at',
    8,
    /\[wrong-expected-revision\]/,
    ['delete', 'nowhere', '--expected', '3'],
  ],
])('%s is refused', async (_what, status, message, words) => {
  const outcome = await runStream(...words);
  expect([outcome.status, outcome.stdout]).toEqual([status, '']);
  expect(outcome.stderr).toMatch(message);
});
