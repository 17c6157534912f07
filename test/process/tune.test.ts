/** `cairn tune disk` as a user has it: a real measurement, real engines, real files. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockFolder } from '../../src/node/folder-lock.js';
import { chromium, openedInChromium } from '../plot/chromium.js';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const CONFIGURATION = '# our node\nDb: data   # the fast disk\nSyncMode: fdatasync # until tuned\n';
const TUNED = ['SyncMode', 'BatchBytesMax', 'ChunkSize', 'PreparedChunks'];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-tune-test-'));
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'cairn.yaml'), CONFIGURATION);
});

afterAll(() => rmSync(folder, { recursive: true }));

function cairn(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: folder });
}

interface Printed {
  readonly checks: readonly Record<string, unknown>[];
  readonly sweep: { readonly points: readonly Record<string, unknown>[] };
  readonly predictions: readonly { readonly run: { readonly load: string }; readonly predicted?: unknown }[];
  readonly tuned: Record<string, unknown>;
}

// --force: what the machine that runs the tests is like must not matter.
describe('a short run', () => {
  let printed: Printed;
  let errors: string;

  beforeAll(() => {
    const files = ['--apply', 'cairn.yaml', '--out', 'tuned.yaml', '--report', 'report.html'];
    const run = cairn(
      'tune',
      'disk',
      '--seconds',
      '5',
      '--goal',
      'latency',
      '--force',
      ...files,
      '-o',
      'json',
    );
    expect(run.status, run.stderr).toBe(0);
    printed = JSON.parse(run.stdout) as Printed;
    errors = run.stderr;
  }, 120_000);

  test('prints one object with the checks, all measurements, what was predicted and verified, and the settings', () => {
    expect(printed.checks.length).toBeGreaterThan(15);
    const of = (kind: object) => expect.arrayContaining([expect.objectContaining(kind)]) as unknown;
    for (const mode of ['fdatasync', 'dsync']) {
      expect(printed.sweep.points).toEqual(of({ mode, path: 'javascript', blocks: 'prewritten', depth: 1 }));
      expect(printed.sweep.points).toEqual(of({ mode, blocks: 'prewritten', depth: 2 }));
    }
    expect(new Set(printed.predictions.map(({ run }) => run.load))).toEqual(
      new Set(['lone', 'steady', 'flood']),
    );
    for (const { predicted } of printed.predictions) expect(predicted).toBeDefined();
    expect(Object.keys(printed.tuned)).toEqual(TUNED);
  });

  test('tells its progress on standard error', () => {
    expect(errors).toContain('measuring the disk');
    expect(errors).toContain('running the engine');
  });

  test('leaves nothing in the data folder', () => {
    expect(readdirSync(join(folder, 'data'))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['cairn.yaml', 'data', 'report.html', 'tuned.yaml']);
  });

  test.each(['cairn.yaml', 'tuned.yaml'])('%s is taken by cairn node, with the tuned values', (file) => {
    const { status, stdout } = cairn('node', '--config', file, '--what-if', '-o', 'json');
    expect(status).toBe(0);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { option: string; value: unknown; source: string });
    for (const name of TUNED) {
      expect(rows.find(({ option }) => option === name)).toMatchObject({
        value: printed.tuned[name],
        source: 'yaml',
      });
    }
  });

  test('keeps the comments of the file that it changed, and its other lines', () => {
    const text = readFileSync(join(folder, 'cairn.yaml'), 'utf8');
    expect(text).toContain('# our node\nDb: data   # the fast disk\n');
    expect(text).toMatch(/^SyncMode: \w+ # until tuned$/m);
  });

  test.skipIf(chromium === undefined)(
    'writes a report whose plots a browser shows (skipped where Chromium is not installed)',
    () => {
      const { dom, complaints } = openedInChromium(readFileSync(join(folder, 'report.html'), 'utf8'));
      expect(complaints).toBe('');
      expect(dom.match(/<svg/g)?.length).toBeGreaterThanOrEqual(3);
      expect(dom).toContain('Time until a write is durable');
      expect(dom).toContain('Time of a batch in the engine');
    },
  );
});

test('interrupted it says what it has, writes no settings, and leaves nothing behind', async () => {
  const args = ['tune', 'disk', '--force', '--out', 'never.yaml'];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const ended = once(child, 'close');
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(output).toContain('Condition');
  expect(readdirSync(folder)).not.toContain('never.yaml');
  expect(readdirSync(join(folder, 'data'))).toEqual([]);
});

describe('refused', () => {
  test('a folder in use, with the exit status for that', () => {
    const lock = lockFolder(join(folder, 'data'));
    try {
      const { status, stderr } = cairn('tune', 'disk');
      expect(status).toBe(3);
      expect(stderr).toContain('[folder-locked]');
    } finally {
      lock.release();
    }
  });

  test.each([
    [['--db', 'nowhere'], 'does not exist'],
    [['--goal', 'speed'], '--goal'],
    [['--apply', 'nowhere.yaml'], '--out writes a new one'],
    [['--out', 'cairn.yaml'], '--force replaces it'],
  ])('%j, with exit status 2', (args, part) => {
    const { status, stderr } = cairn('tune', 'disk', ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(part);
    expect(stderr).toContain('[invalid-configuration]');
  });
});
