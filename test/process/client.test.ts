/** The client library against nodes that go away under its feet and come back at the same address. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { within } from './within.js';

let folder: string;
let client: Client | undefined;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  await client?.close();
  client = undefined;
  removeFolder(folder);
});

const APPENDS = 1_500;
/** Most appends without an answer. */
const AHEAD = 100;

/** Appends number after number to a stream, each expecting the one before, and calls back as they are answered. */
async function count(client: Client, stream: string, answered: (answers: number) => void): Promise<void> {
  const open = new Set<Promise<void>>();
  let answers = 0;
  for (let i = 0; i < APPENDS; i++) {
    if (open.size === AHEAD) await Promise.race(open);
    const expected = i === 0 ? 'none' : i - 1;
    const append = client.append(stream, { type: 'Counted', data: { i } }, { expected }).then((result) => {
      if (result.revision !== i) throw new Error(`append ${i} was answered with revision ${result.revision}`);
      open.delete(append);
      answered(++answers);
    });
    open.add(append);
  }
  await Promise.all(open);
}

test('appends go on over kills and restarts: each takes effect once, in the order of the calls', async () => {
  let node = await NodeProcess.start({ folder });
  const flags = ['--node-port', new URL(node.url).port];
  client = await connect(node.url, { requestTimeoutMs: 30_000 });
  let restarts: Promise<void> = Promise.resolve();
  const restart = async (end: () => Promise<unknown>) => {
    await end();
    node = await NodeProcess.start({ folder, flags });
  };
  const counting = count(client, 'counted', (answers) => {
    if (answers === 300 || answers === 700) restarts = restart(() => node.kill());
    if (answers === 1_100) restarts = restart(() => node.stop());
  });
  await within(50_000, 'all appends are answered', counting);
  await restarts;
  let next = 0;
  for await (const event of client.readStream('counted')) {
    expect(event.json()).toEqual({ i: event.revision });
    expect(event.revision).toBe(next++);
  }
  expect(next).toBe(APPENDS);
  let total = 0;
  for await (const event of client.readAll({ backwards: true })) total += event.type === 'Counted' ? 1 : 0;
  expect(total).toBe(APPENDS);
});
