import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MemoryDisk } from '../../log/memory-disk.js';
import { flip, sampleLog } from './damaged-logs.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-inspect-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(disk: MemoryDisk): void {
  for (const [path, bytes] of disk.files) writeFileSync(join(folder, basename(path)), bytes);
}

function inspect(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'inspect', ...args], {
    encoding: 'utf8',
  });
  const rows = stdout.split('\n').filter((line) => line.startsWith('{'));
  return { status, stdout, stderr, rows: rows.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('cairn inspect', () => {
  test('lists chunks and records of a folder and verifies it, each chunk on a worker', () => {
    const log = sampleLog();
    write(log.disk());
    expect(inspect('chunks', folder, '-o', 'json').rows.map(({ state }) => state)).toEqual([
      'sealed',
      'sealed',
      'active',
      'prepared',
    ]);
    const from = String(log.records.at(-1)!.position);
    expect(inspect('records', folder, '--from', from, '-o', 'json').rows).toMatchObject([{ type: 'commit' }]);
    const { status, stdout } = inspect('records', folder, '--count', '2');
    expect(status).toBe(0);
    expect(stdout.split('\n').length).toBe(4);
    expect(stdout).toContain('orders-1');
    const verified = inspect('verify', folder, '-o', 'json');
    expect(verified.status).toBe(0);
    expect(verified.rows).toMatchObject([{ kind: 'summary', clean: true, records: log.records.length }]);
  });

  test('ends with status 9 if verify finds damage, says where, and leaves everything as it was', () => {
    const log = sampleLog();
    const disk = log.disk();
    flip(disk, 130);
    write(disk);
    const { status, stdout } = inspect('verify', folder);
    expect(status).toBe(9);
    expect(stdout).toContain(`${join(folder, 'chunk-000000.000000')} (offset 4160, position 64)`);
    expect(inspect('records', folder).status).toBe(0);
    expect(inspect('chunks', folder).status).toBe(0);
    for (const name of readdirSync(folder)) {
      const was = disk.files.get(`/data/${name}`)!;
      expect(Buffer.compare(readFileSync(join(folder, name)), was)).toBe(0);
    }
  });

  test('refuses what it cannot use, with a code', () => {
    expect(inspect('chunks', join(folder, 'nothing'))).toMatchObject({ status: 2 });
    const empty = inspect('verify', folder);
    expect(empty.status).toBe(4);
    expect(empty.stderr).toContain('[bad-data-folder]');
    expect(inspect('records', folder, '--from', '-3').status).toBe(2);
    expect(inspect('records', folder, '--type', 'event').status).toBe(2);
  });
});
