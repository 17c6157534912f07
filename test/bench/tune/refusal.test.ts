import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostSource } from '../../../bench/tune/host-facts.js';
import { parseTuneOptions } from '../../../bench/tune/options.js';
import { settingsOf, type TuneResult, tuneDisk, tunedNames } from '../../../bench/tune/tune-run.js';
import { tableLines, tablesOf } from '../../../bench/tune/tune-text.js';
import { makeChunk } from '../../../src/log/new-chunk.js';
import { openPlatform } from '../../../src/native/platform.js';
import { lockFolder } from '../../../src/node/folder-lock.js';
import { fakeHost } from './fake-host.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-tune-test-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A run that is interrupted at once: what is refused is refused before that. */
function tune(db: string, host: HostSource = fakeHost(), force = false): Promise<TuneResult> {
  const surroundings = {
    platform: openPlatform(),
    host,
    signal: AbortSignal.abort(),
    progress: () => undefined,
  };
  return tuneDisk(parseTuneOptions({ db }, force, '/'), surroundings);
}

describe('the tuner refuses', () => {
  test('a folder that is not there, or is a file', async () => {
    await expect(tune(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'invalid-configuration' });
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(tune(file)).rejects.toMatchObject({ code: 'invalid-configuration' });
  });

  test('a folder that can not be written to', async () => {
    // Not even by root.
    await expect(tune('/proc')).rejects.toMatchObject({ code: 'invalid-configuration' });
  });

  test('a folder that a node runs on; with force it goes on', async () => {
    const lock = lockFolder(folder);
    try {
      const { refusal, checks } = await tune(folder);
      expect(refusal).toMatchObject({ code: 'folder-locked', details: { pid: process.pid } });
      expect(checks[0]).toMatchObject({ condition: 'data folder', passed: false, severity: 'error' });
      expect((await tune(folder, fakeHost(), true)).refusal).toBeUndefined();
      expect(readdirSync(folder)).toEqual(['lock']);
    } finally {
      lock.release();
    }
  });

  test('a disk without space, with the code for that', async () => {
    const { refusal, sweep } = await tune(folder, fakeHost({}, { freeBytes: () => 1024 ** 2 }));
    expect(refusal).toMatchObject({ code: 'disk-full' });
    expect(sweep).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder in memory, and says that --force goes on', async () => {
    const host = fakeHost({ '/proc/self/mountinfo': '1 0 0:9 / / rw - tmpfs tmpfs rw\n' });
    const result = await tune(folder, host);
    expect(result.refusal).toMatchObject({ code: 'invalid-configuration' });
    expect(result.refusal?.message).toContain('--force');
    expect(settingsOf(result)).toBeUndefined();
    expect(tableLines(tablesOf(result)[0]!).join('\n')).toContain('tmpfs');
  });
});

test('interrupted at once it has no settings, and leaves nothing behind', async () => {
  const result = await tune(folder);
  expect(result.refusal).toBeUndefined();
  expect(result.verification).toBeUndefined();
  expect(settingsOf(result)).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
});

test('the chunks of a log that is there keep their size: it is not among what is written down', async () => {
  const { disk } = openPlatform();
  const ids = { logId: randomUUID(), chunkId: randomUUID() };
  makeChunk(disk, folder, { ...ids, chunkNumber: 0, chunkSize: 1024 ** 2, createdUs: 0 });
  const result = await tune(folder);
  expect(result.keptChunkSize).toBe(1024 ** 2);
  expect(tunedNames(result)).toEqual(['SyncMode', 'BatchBytesMax', 'PreparedChunks']);
});

test('a lock that was there before is there afterwards', async () => {
  lockFolder(folder).release();
  await tune(folder);
  expect(readdirSync(folder)).toEqual(['lock']);
  lockFolder(folder).release();
});
