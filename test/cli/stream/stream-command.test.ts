/** `cairn stream` as its users run it: a process of its own, against a node. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../src/client/client.js';
import { MAIN } from '../../process/command-process.js';
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

/** Runs `cairn stream …` on the node. */
function runStream(words: readonly string[], input?: string): Promise<StreamOutcome> {
  return runStreamOn(node, words, input);
}

/** Runs a command that must succeed; returns its output as objects. */
async function rows(...words: string[]): Promise<Record<string, unknown>[]> {
  const { status, stdout, stderr } = await runStream([...words, '-o', 'json']);
  expect(`${stderr}${status}`).toBe('0');
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('of several nodes the first that answers is talked to, and the wishes about acks and freshness go with the request', async () => {
  const nowhere = 'ws://127.0.0.1:1';
  const wishes = ['--url', `${nowhere}, ${nowhere}`, '--url', node.url];
  const event = ['--type', 'T', '--data', '1'];
  await rows('append', 'wishes', ...event, '--ack', 'leader', ...wishes);
  const read = await rows('read', 'wishes', '--consistency', 'linearizable', ...wishes);
  expect(read.map(({ revision }) => revision)).toEqual([0]);
  expect(await rows('info', 'wishes', '--consistency', 'leader', ...wishes)).toMatchObject([{ revision: 0 }]);
  const { status, stderr } = await runStream(['append', 'wishes', ...event, '--ack', 'most']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('quorum-and-zone')]);
});

test('what is appended can be read in both directions, and in the whole log', async () => {
  const id = '0b5b9a4e-1f5e-4a3d-9c58-7a1c7be2d001';
  const first = ['append', 'orders-1', '--type', 'Placed', '--data', '{"total":12.50}', '--expected', 'none'];
  const [appended] = await rows(...first, '--id', id, '--metadata', '{"by":"ada"}');
  expect(appended).toEqual({
    stream: 'orders-1',
    revision: 0,
    position: expect.any(Number),
    duplicate: false,
  });
  const [again] = await rows(...first, '--id', id, '--metadata', '{"by":"ada"}');
  expect(again).toEqual({ ...appended, duplicate: true });
  const piped = await runStream(
    ['append', 'orders-1', '--type', 'Scanned', '--data-file', '-', '--expected', '0'],
    'raw',
  );
  expect(piped.status).toBe(0);
  expect(piped.stdout).toMatch(/^STREAM +REVISION +POSITION +DUPLICATE\norders-1 +1 +\d+ +false\n$/);
  const events = await rows('read', 'orders-1');
  expect(events).toEqual([
    {
      stream: 'orders-1',
      revision: 0,
      position: appended!['position'],
      id,
      type: 'Placed',
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      data: { total: 12.5 },
      metadata: { by: 'ada' },
    },
    expect.objectContaining({ revision: 1, type: 'Scanned', data: { base64: 'cmF3' }, metadata: null }),
  ]);
  expect(await rows('read', 'orders-1', '--backwards', '--count', '1')).toEqual([events[1]]);
  expect(await rows('read', 'orders-1', '--from', '1')).toEqual([events[1]]);
  const all = await rows('read', '$all');
  expect(all.filter((event) => event['stream'] === 'orders-1')).toEqual(events);
  expect(await rows('info', 'orders-1')).toEqual([
    {
      ...{ stream: 'orders-1', revision: 1, position: events[1]!['position'] },
      ...{ firstRevision: 0, state: 'live', metadata: {} },
    },
  ]);
  const table = await runStream(['read', 'orders-1']);
  expect(table.stdout).toMatch(
    /^STREAM .*\norders-1 .* Placed +\{"total":12\.50\}\norders-1 .* Scanned +raw\n$/,
  );
});

test.each<[string, number, RegExp, string[]]>([
  [
    'a revision that is not the last',
    8,
    /\[wrong-expected-revision\]\n {2}stream: t/,
    ['append', 't', '--type', 'T', '--data', '1', '--expected', '7'],
  ],
  ['a stream to read that is not there', 8, /\[stream-not-found\]/, ['read', 'nowhere']],
  ['a stream to ask about that is not there', 8, /\[stream-not-found\]/, ['info', 'nowhere']],
  ['a position that is none', 8, /\[bad-position\]/, ['read', '$all', '--from', '13']],
  [
    'an id that is no UUID',
    8,
    /\[invalid-request\]/,
    ['append', 't', '--type', 'T', '--data', '1', '--id', 'x'],
  ],
  ['data that is not JSON', 2, /--data is not JSON/, ['append', 't', '--type', 'T', '--data', '{']],
  ['no data', 2, /either --data or --data-file/, ['append', 't', '--type', 'T']],
  ['no type', 2, /--type/, ['append', 't', '--data', '1']],
  ['the whole log to append to', 2, /whole log/, ['append', '$all', '--type', 'T', '--data', '1']],
  ['a count of 0', 2, /1 or more/, ['read', 't', '--count', '0']],
  ['a node that is not there', 7, /\[connection-refused\]/, ['info', 't', '--url', 'ws://127.0.0.1:1']],
])('a clear line and the right status: %s', async (_, status, message, words) => {
  const outcome = await runStream(words);
  expect([outcome.status, outcome.stdout]).toEqual([status, '']);
  expect(outcome.stderr).toMatch(/^cairn: /);
  expect(outcome.stderr).toMatch(message);
});

test('a reader that has enough, such as head, ends the command quietly', async () => {
  const client = await connect(node.url);
  const data = 'x'.repeat(1000);
  const appends = Array.from({ length: 20 }, () =>
    client.append(
      'long',
      Array.from({ length: 100 }, () => ({ type: 'T', data })),
    ),
  );
  await Promise.all(appends);
  await client.close();
  const child = spawn(process.execPath, [MAIN, 'stream', 'read', 'long', '-o', 'json', '--url', node.url]);
  child.stdout.once('data', () => child.stdout.destroy());
  const status = new Promise((resolve) => child.once('close', resolve));
  expect(await text(child.stderr)).toBe('');
  expect(await status).toBe(0);
});

test('filters show only what fits, forwards and backwards, and are refused for a stream or if they make no sense', async () => {
  for (const stream of ['filter-a', 'filter-b', 'other-filter'])
    await rows('append', stream, '--type', `T-${stream}`, '--data', '1');
  const prefix = ['--filter-stream-prefix', 'filter-'];
  const streams = async (...words: string[]) =>
    (await rows('read', '$all', ...words)).map(({ stream }) => stream);
  expect(await streams(...prefix)).toEqual(['filter-a', 'filter-b']);
  expect(await streams(...prefix, '--backwards', '--count', '1')).toEqual(['filter-b']);
  expect(await streams(...prefix, '--filter-type-regex', 'a$')).toEqual(['filter-a']);
  expect(await streams('--filter-stream-prefix', 'filter-a', '--filter-stream-prefix', 'other-f')).toEqual([
    'filter-a',
    'other-filter',
  ]);
  const ofStream = await runStream(['read', 'filter-a', ...prefix]);
  expect([ofStream.status, ofStream.stderr]).toEqual([2, expect.stringContaining('$all')]);
  const wrong = await runStream(['read', '$all', '--filter-type-regex', '(a']);
  expect([wrong.status, wrong.stderr]).toEqual([8, expect.stringContaining('[invalid-filter]')]);
});

test('tail shows what comes, until Ctrl-C ends it in order', async () => {
  const [appended] = await rows('append', 'tailed', '--type', 'T', '--data', '1');
  const tail = (...words: string[]) =>
    spawn(process.execPath, [MAIN, 'stream', 'tail', ...words, '-o', 'json'], {
      env: { ...process.env, CAIRN_URL: node.url },
    });
  const all = tail('$all', '--filter-stream-prefix', 'tailed', '--after', String(appended!['position']));
  const stream = tail('tailed', '--from', 'start', '--count', '2');
  const children = [all, stream];
  const outputs = children.map((child) => text(child.stdout));
  const ends = children.map((child) => new Promise((resolve) => child.once('close', resolve)));
  // It says so when it has caught up.
  await Promise.all(children.map(({ stderr }) => new Promise((resolve) => stderr.once('data', resolve))));
  const shown = new Promise((resolve) => all.stdout.once('data', resolve));
  await rows('append', 'tailed', '--type', 'T', '--data', '2');
  await shown;
  all.kill('SIGINT');
  expect(await Promise.all(ends)).toEqual([0, 0]);
  const revisions = (await Promise.all(outputs)).map((output) =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { revision: number }).revision),
  );
  expect(revisions).toEqual([[1], [0, 1]]);
  const wrong = await runStream(['tail', 'tailed', '--from', 'middle']);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('start, end')]);
});
