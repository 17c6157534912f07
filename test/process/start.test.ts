/** What keeps a node from starting, and that it says so in one sentence and with its own exit code. */
import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { appendFrame, randomEvent } from '../net/frames.js';
import { RawClient } from '../net/raw-client.js';
import { DISK_PATHS, endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

test.each(DISK_PATHS)('a second node on a folder refuses, and the first goes on (disk: %s)', async (disk) => {
  const first = await NodeProcess.start({ folder, disk });
  const second = new NodeProcess({ folder, disk });
  expect(await second.ended()).toEqual({ code: 3, signal: null });
  expect(second.death).toMatchObject({
    code: 'folder-locked',
    message: expect.stringContaining(`process ${first.pid} `),
  });
  const { client } = await RawClient.greeted(first.url);
  client.send(appendFrame({ requestId: 1, stream: 's', events: [randomEvent(1)] }));
  expect(await client.next()).toMatchObject({ requestId: 1, opcode: 0x82 });
  await client.close();
  expect(await first.stop()).toEqual({ code: 0, signal: null });
});

test.each(DISK_PATHS)(
  'a killed node leaves nothing that keeps the next from starting (disk: %s)',
  async (disk) => {
    const first = await NodeProcess.start({ folder, disk });
    await first.kill();
    const second = await NodeProcess.start({ folder, disk });
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  },
);

test('a port that is taken: exit code 6, and the folder can be used at once', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    other.close();
  });
  const { port } = other.address() as { port: number };
  const node = new NodeProcess({ folder, flags: ['--node-port', `${port}`] });
  expect(await node.ended()).toEqual({ code: 6, signal: null });
  expect(node.death).toMatchObject({
    code: 'listen-failed',
    message: expect.stringContaining('EADDRINUSE'),
  });
  const next = await NodeProcess.start({ folder });
  expect(await next.stop()).toEqual({ code: 0, signal: null });
});

test('an address that others can reach needs to be asked for aloud: exit code 2', async () => {
  const node = new NodeProcess({ folder, flags: ['--node-ip', '0.0.0.0'] });
  expect(await node.ended()).toEqual({ code: 2, signal: null });
  expect(node.stray).toMatch(/0\.0\.0\.0.*--insecure/);
});
