/** A node that is a cluster of its own: what it makes of the folders that it is given. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readHistory } from '../../src/cluster/log-history.js';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { openPlatform } from '../../src/native/platform.js';
import { SampleLog } from '../log/sample-log.js';
import { append, openLone } from './engine-rig.js';

let folder: string;
let keepAlive: NodeJS.Timeout;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-lone-'));
  keepAlive = setInterval(() => undefined, 1_000);
});
afterEach(() => {
  clearInterval(keepAlive);
  rmSync(folder, { recursive: true });
});

function writeLog(log: SampleLog): void {
  for (const [path, bytes] of log.disk().files) writeFileSync(join(folder, path.split('/').at(-1)!), bytes);
}

function history() {
  const { disk, kernel } = openPlatform();
  return readHistory(disk, kernel, recoverFolder(disk, kernel, folder)!);
}

describe('a folder from before there were clusters', () => {
  test('goes on in an epoch that is newer than any of its log, with all that was in it', async () => {
    const log = new SampleLog();
    for (const epoch of [1, 2, 5]) {
      log.epochNumber = epoch;
      log.epoch();
      for (let i = 0; i < 30; i++) log.event(3_000);
      log.commit();
    }
    writeLog(log);
    const first = await openLone(folder);
    expect(first.store!.logId).toBe(first.view.state.clusterId);
    expect(first.view.epoch).toBeGreaterThan(5);
    expect(await append(first, 1)).toBe(90);
    expect(await append(first, 2, { expected: 90 })).toBe(91);
    await first.stop();
    const second = await openLone(folder);
    expect(second.memberId).toBe(first.memberId);
    expect(await append(second, 2, { expected: 90 })).toBe(91);
    await second.stop();
    const { epochs, configurations } = history();
    expect(epochs.map(({ epoch }) => epoch).slice(0, 3)).toEqual([1, 2, 5]);
    expect(configurations).toMatchObject([
      { configuration: { members: [{ id: first.memberId, role: 'voter' }] } },
    ]);
  });

  test('may have an empty log', async () => {
    writeLog(new SampleLog().epoch());
    const chunk = join(folder, 'chunk-000000.000000');
    writeFileSync(chunk, readFileSync(chunk).fill(0, 4_096, 4_096 + 64));
    const engine = await openLone(folder);
    expect(await append(engine, 1)).toBe(0);
    await engine.stop();
  });

  test('keeps the size of its chunks', async () => {
    writeLog(new SampleLog().epoch().event().commit());
    const engine = await openLone(folder, { chunkSize: 1024 * 1024 });
    expect(engine.store!.chunkSize).toBe(64 * 1024);
    await engine.stop();
  });
});

describe('a folder that is not as it should be', () => {
  test('is refused, is left as it is, and can be opened once it is put right', async () => {
    const engine = await openLone(folder);
    await append(engine, 1);
    await engine.stop();
    const path = join(folder, 'node-state');
    const [state, damaged] = [readFileSync(path), readFileSync(path).fill(0xff)];
    writeFileSync(path, damaged);
    await expect(openLone(folder)).rejects.toMatchObject({ code: 'bad-data-folder' });
    expect(Buffer.compare(readFileSync(path), damaged)).toBe(0);
    writeFileSync(path, state);
    const again = await openLone(folder);
    expect(await append(again, 1)).toBe(0);
    await again.stop();
  });

  test('is refused if it has what no node has written', async () => {
    mkdirSync(join(folder, 'inner'));
    writeFileSync(join(folder, 'chunk-000000.000000'), 'hello');
    await expect(openLone(folder)).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-data-folder|log-corrupt)$/),
    });
    expect(readdirSync(folder)).toContain('chunk-000000.000000');
  });

  test('is refused if a record of its log is damaged where the index has to read it; and nothing is made in it', async () => {
    const engine = await openLone(folder);
    for (let i = 0; i < 60; i++) await append(engine, i, { bytes: 3_000 });
    await engine.stop();
    const path = join(folder, 'chunk-000000.000000');
    const bytes = readFileSync(path);
    bytes[4_096 + 20_000]! ^= 0xff;
    writeFileSync(path, bytes);
    // With a segment of that chunk it would start, and find the damage later.
    rmSync(join(folder, 'index'), { recursive: true });
    const before = readdirSync(folder).filter((name) => name.startsWith('chunk-'));
    await expect(openLone(folder).then((opened) => opened.stop())).rejects.toMatchObject({
      code: 'log-corrupt',
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('chunk-'))).toEqual(before);
  });
});

test('an engine that is opened and stopped over and over starts a reign each time, and answers the same', async () => {
  const epochs: number[] = [];
  for (let life = 0; life < 5; life++) {
    const engine = await openLone(folder);
    epochs.push(engine.view.epoch);
    expect(await append(engine, life, { expected: life - 1 })).toBe(life);
    await engine.stop();
  }
  expect([...epochs].sort((a, b) => a - b)).toEqual(epochs);
  expect(new Set(epochs).size).toBe(5);
  expect(history().epochs.map(({ epoch }) => epoch)).toEqual(epochs);
});

test('appends of all sizes, far more than the ring holds, all get their place, each one of its own', async () => {
  const engine = await openLone(folder, { chunkSize: 1024 * 1024 });
  const outcomes = await Promise.all(
    Array.from({ length: 3_000 }, (_, i) =>
      append(engine, i, { bytes: (i * 977) % 2_000, stream: `s${i % 5}` }),
    ),
  );
  for (let stream = 0; stream < 5; stream++) {
    const revisions = outcomes.filter((_, i) => i % 5 === stream).map(Number);
    expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i));
  }
  expect(engine.store!.producer.published).toBeGreaterThan(2 * engine.store!.ringBytes);
  await engine.stop();
});
