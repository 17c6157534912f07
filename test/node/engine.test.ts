import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHistory } from '../../src/cluster/log-history.js';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { COMMIT_LENGTH } from '../../src/log/record.js';
import { openPlatform } from '../../src/native/platform.js';
import type { Engine } from '../../src/node/engine.js';
import { append, openLone } from './engine-rig.js';

let folder: string;
let keepAlive: NodeJS.Timeout;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-engine-'));
  // Atomics.waitAsync alone does not keep the event loop alive; a node has its server for that.
  keepAlive = setInterval(() => undefined, 1000);
});
afterEach(() => {
  clearInterval(keepAlive);
  rmSync(folder, { recursive: true });
});

function open(): Promise<Engine> {
  return openLone(join(folder, 'made', 'on the way'));
}

test('what was answered before a stop is known after it: revisions go on, retries are recognised, over chunks', async () => {
  const first = await open();
  const revisions = await Promise.all(
    Array.from({ length: 60 }, (_, i) => append(first, i, { bytes: 5000 })),
  );
  expect(revisions).toEqual(Array.from({ length: 60 }, (_, i) => i));
  await first.stop();
  const second = await open();
  expect(await append(second, 59, { bytes: 5000 })).toBe(59);
  expect(await append(second, 60)).toBe(60);
  expect((await second.store!.reader.streamInfo(new TextEncoder().encode('s'))).revision).toBe(60);
  await second.stop();
  expect(readdirSync(join(folder, 'made', 'on the way')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('stopping answers what was accepted, refuses what comes later, and is the same stop however often it is asked for', async () => {
  const engine = await open();
  const accepted = Array.from({ length: 20 }, (_, i) => append(engine, i));
  const [first, second] = [engine.stop(), engine.stop()];
  expect(second).toBe(first);
  expect(await append(engine, 99)).toBe('shutting-down');
  expect(await Promise.all(accepted)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  await first;
});

test('a log that was stopped in order ends with a Commit record of all that was answered', async () => {
  const engine = await open();
  for (let i = 0; i < 5; i++) await append(engine, i);
  await engine.stop();
  const { disk, kernel } = openPlatform();
  const log = recoverFolder(disk, kernel, join(folder, 'made', 'on the way'))!;
  expect(log.end.previousLength).toBe(COMMIT_LENGTH);
  expect(readHistory(disk, kernel, log).committed).toBe(log.end.position - COMMIT_LENGTH);
});

test('a second engine on the folder is refused while the first is open', async () => {
  const engine = await open();
  await expect(open()).rejects.toMatchObject({ code: 'folder-locked' });
  await engine.stop();
  await (await open()).stop();
});
