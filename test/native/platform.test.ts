/** Which way is taken, and how one is told; and the lock on a folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isUpToDate } from '../../native/stamp.mjs';
import { CairnError } from '../../src/base/errors.js';
import { loadAddon } from '../../src/native/load.js';
import { openPlatform } from '../../src/native/platform.js';
import { failureOf, isAddonSkipped, skipNote, temporaryFolder } from './disks.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof CairnError ? error.code : String(error);
  }
  return 'no error';
}

test('CAIRN_DISK=javascript takes plain JavaScript, and says why', () => {
  vi.stubEnv('CAIRN_DISK', 'javascript');
  const { disk, kernel, describe: description, tryLock } = openPlatform();
  expect(disk.kind).toBe('javascript');
  expect(kernel.crc32c(new Uint8Array(32), 0, 32, 0)).toBe(0x8a9136aa);
  expect(description).toEqual({ disk: 'javascript', crc32c: 'javascript', reason: 'CAIRN_DISK=javascript' });
  expect(tryLock(join(temporaryFolder(), 'lock'))).toBe('unsupported');
});

test('CAIRN_DISK says nothing but native and javascript', () => {
  expect(codeOf(() => loadAddon('fast'))).toBe('invalid-configuration');
});

test('without an addon plain JavaScript runs, but CAIRN_DISK=native insists', () => {
  const empty = temporaryFolder();
  vi.stubEnv('CAIRNDB_PREBUILD', empty);
  const loaded = loadAddon('');
  expect(loaded.kind).toBe('javascript');
  expect(loaded.reason).toContain('No native build was found');
  expect(codeOf(() => loadAddon('native'))).toBe('invalid-configuration');
});

test('an addon that does not load is as good as none, and the reason says so', () => {
  const folder = temporaryFolder();
  const { disk } = openPlatform();
  disk.makeDirectory(join(folder, 'build', 'Release'));
  writeFileSync(join(folder, 'build', 'Release', 'cairn.node'), 'not a library');
  vi.stubEnv('CAIRNDB_PREBUILD', folder);
  const loaded = loadAddon('');
  expect(loaded.kind).toBe('javascript');
  expect(loaded.reason).toContain('cairn.node');
});

describe.skipIf(isAddonSkipped)(`with the addon${skipNote}`, () => {
  test('the addon is built from the present sources', () => {
    // What CAIRNDB_PREBUILD points to is another build of them, such as the one with sanitizers.
    const isElsewhere = process.env['CAIRNDB_PREBUILD'] !== undefined;
    expect(isElsewhere || isUpToDate(), 'build it: npm run install').toBe(true);
  });

  test('the native disk and the fastest CRC-32C are taken, and the reason names the file', () => {
    const { disk, kernel, describe: description } = openPlatform();
    expect(disk.kind).toBe('native');
    expect(description.disk).toBe('native');
    expect(description.crc32c).toMatch(/^(wide|sse42|arm|table)$/);
    expect(description.reason).toMatch(/cairn\.node$/);
    expect(kernel.crc32c(new Uint8Array(32), 0, 32, 0)).toBe(0x8a9136aa);
  });

  test('every thread can have it, at the same time, and one after the other', async () => {
    const folder = temporaryFolder();
    const platform = pathToFileURL(resolve('dist/src/native/platform.js')).href;
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      import('${platform}').then(({ openPlatform }) => {
        const { disk, kernel } = openPlatform();
        const file = disk.open(workerData, { access: 'create-new', direct: true });
        disk.allocate(file, 8192);
        disk.close(file);
        parentPort.postMessage([disk.kind, kernel.crc32c(new Uint8Array(32), 0, 32, 0)]);
      });
    `;
    for (const round of ['a', 'b']) {
      const answers = [1, 2, 3].map((number) => {
        const path = join(folder, `${round}${number}`);
        const worker = new Worker(script, { eval: true, workerData: path });
        return Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      });
      for (const [[message], [status]] of await Promise.all(answers)) {
        expect(message).toEqual(['native', 0x8a9136aa]);
        expect(status).toBe(0);
      }
    }
  });

  test('a lock that is held is held against all others, until it is released', () => {
    const path = join(temporaryFolder(), 'lock');
    const { tryLock } = openPlatform();
    writeFileSync(path, 'what it says stays');
    const lock = tryLock(path);
    expect(tryLock(path)).toBeUndefined();
    expect(typeof lock).toBe('object');
    if (typeof lock !== 'object') return;
    lock.release();
    lock.release();
    const again = tryLock(path);
    expect(typeof again).toBe('object');
    if (typeof again === 'object') again.release();
    expect(readFileSync(path, 'utf8')).toBe('what it says stays');
    expect(failureOf(() => tryLock(join(path, 'below')))).toMatch(/^ENOTDIR open /);
  });

  test('a lock ends with the process that held it, however it dies', async () => {
    const path = join(temporaryFolder(), 'lock');
    const platform = pathToFileURL(resolve('dist/src/native/platform.js')).href;
    const script = `
      import { openPlatform } from '${platform}';
      const lock = openPlatform().tryLock(process.argv[1]);
      console.log(typeof lock);
      setInterval(() => lock, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    expect(String(line).trim()).toBe('object');
    const { tryLock } = openPlatform();
    expect(tryLock(path)).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = tryLock(path);
    expect(typeof lock).toBe('object');
    if (typeof lock === 'object') lock.release();
  });
});
