/** Strangers may take all connections that there are, and never the files that the log needs. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RawClient } from '../net/raw-client.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { readEvents } from './reading.js';
import { withoutPrlimit } from './tools.js';

let folder: string;

beforeEach(({ skip }) => {
  skip(withoutPrlimit !== undefined, withoutPrlimit);
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

/** As many as the node takes: the rest is closed at once, or waits in vain. */
async function takeAllConnections(url: string, attempts: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < attempts; i++) {
    const greeted = await RawClient.greeted(url).catch(() => undefined);
    if (greeted === undefined) break;
    clients.push(greeted.client);
  }
  return clients;
}

test('with all connections taken and many chunks read, the log still finds files to open', async () => {
  // Small chunks: more of them than the reader keeps open.
  const flags = ['--chunk-size', '64KiB', '--max-append-size', '16KiB', '--max-append-event-size', '8KiB'];
  const load = new Load({ seed: 81, appenders: 2, largestBytes: 100 });
  const node = await NodeProcess.start({ folder, flags, under: ['prlimit', '--nofile=284'] });
  const { client: reader } = await RawClient.greeted(node.url);
  load.start(node.url);
  await load.untilAcknowledged(1);
  const strangers = await takeAllConnections(node.url, 284);
  expect(strangers.length).toBeGreaterThan(20);
  for (let round = 0; round < 3; round++) {
    await load.untilAcknowledged(1_800);
    await readEvents(reader, { isBackwards: round % 2 === 1 }, () => undefined);
  }
  expect(node.hasEnded, node.transcript()).toBe(false);
  for (const stranger of strangers) stranger.socket.terminate();
  await load.stop();
  await checkHistory(load.history, node.url);
});
