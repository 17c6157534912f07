/** Threads that die of a bug: the node must not outlive any of them, and what it acknowledged must be there. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';

const PRELOAD = fileURLToPath(new URL('dying-thread.mjs', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

const DEATHS = [
  { thread: 'writer', end: 'throw', says: /a planted bug/ },
  { thread: 'indexer', end: 'throw', says: /a planted bug/ },
  { thread: 'preparer', end: 'throw', says: /a planted bug/ },
  { thread: 'indexer', end: 'exit', says: /ended unexpectedly/ },
] as const;

test.each(DEATHS)(
  'when the $thread dies ($end) the node ends at once, and loses nothing',
  async ({ thread, end, says }) => {
    const load = new Load({ seed: 41 });
    const environment = {
      NODE_OPTIONS: `--import ${PRELOAD}`,
      DYING_THREAD_NAME: thread,
      DYING_THREAD_PARKS: '10',
      DYING_THREAD_END: end,
    };
    const node = await NodeProcess.start({ folder, environment });
    load.start(node.url);
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    expect(node.death).toMatchObject({ code: 'thread-died', message: expect.stringMatching(says) });
    expect(node.log.at(-1)).toMatchObject({ level: 60, thread });
    await load.ended();
    const next = await NodeProcess.start({ folder });
    await checkHistory(load.history, next.url);
  },
);

test('when a thread dies before the node listens, it ends with the reason too', async () => {
  const environment = {
    NODE_OPTIONS: `--import ${PRELOAD}`,
    DYING_THREAD_NAME: 'writer',
    DYING_THREAD_PARKS: '0',
  };
  const node = new NodeProcess({ folder, environment });
  expect(await node.ended()).toEqual({ code: 1, signal: null });
  expect(node.death).toMatchObject({ code: 'thread-died' });
});

test('when a thread ends without a word before the node listens, it ends with the reason too', async () => {
  const environment = {
    NODE_OPTIONS: `--import ${PRELOAD}`,
    DYING_THREAD_NAME: 'writer',
    DYING_THREAD_PARKS: '0',
    DYING_THREAD_END: 'exit',
  };
  const node = new NodeProcess({ folder, environment });
  expect(await node.ended()).toEqual({ code: 1, signal: null });
  expect(node.death).toMatchObject({ code: 'thread-died' });
});
