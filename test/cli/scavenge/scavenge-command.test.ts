/** `cairn scavenge` as its users run it, on a real node. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../../process/node-process.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

async function scavenge(
  ...words: string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, 'scavenge', ...words]);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

test('starts, shows and stops', { timeout: 60_000 }, async () => {
  const node = await NodeProcess.start({ folder });
  const url = ['--url', node.url.replace(/\/client$/, '')];
  const started = await scavenge('start', '--throttle', '20', '--watch', ...url);
  expect(started.stdout).toMatch(
    /^the scavenge point is written, at \d+: every node removes what was hidden then\n/,
  );
  expect(started.stdout).toMatch(/idle +\d+ +0\/0/);
  expect(started).toMatchObject({ status: 0, stderr: '' });

  const shown = await scavenge('status', '-o', 'json', ...url);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    isOver: true,
    nodes: [{ scavenge: { state: 'idle', point: { throttlePercent: 20 } } }],
  });
  const stopped = await scavenge('stop', '-o', 'json', ...url);
  expect(JSON.parse(stopped.stdout)).toEqual({ position: expect.any(Number) });
  const again = await scavenge('status', '--watch', ...url);
  expect(again.stdout).toMatch(/stopped/);
});

test('without a node that answers: exit 7; with a pace that is none: exit 2', async () => {
  const unheard = await scavenge('status', '--url', '127.0.0.1:1');
  expect(unheard.stderr).toMatch(/\[connection-refused\]/);
  expect(unheard.status).toBe(7);
  expect((await scavenge('start', '--throttle', '101', '--url', '127.0.0.1:1')).status).toBe(2);
});
