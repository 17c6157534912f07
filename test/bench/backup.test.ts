import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBackupBench } from '../../bench/backup.js';
import { backupLine, parseBackupOptions } from '../../bench/backup-row.js';
import { openPlatform } from '../../src/native/platform.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('bench backup measures an open loop and one request at a time, without and with backups', async () => {
  const flags = { bytes: '1MiB', rate: '200', runs: '1', seconds: '1.5', warmup: '0', dir: directory };
  const rows = await runBackupBench(parseBackupOptions(flags), openPlatform().disk);
  expect(rows).toMatchObject([
    { bench: 'backup', rate: 0, inFlight: 1, runs: 1 },
    { bench: 'backup', rate: 200, runs: 1 },
  ]);
  for (const row of rows) {
    expect(Math.min(row.withoutP50Us, row.p50Us)).toBeGreaterThan(0);
    expect(row.withoutP99Us).toBeGreaterThanOrEqual(row.withoutP50Us);
    expect(row.p99Us).toBeGreaterThanOrEqual(row.p50Us);
    expect(backupLine(row)).toContain('p99');
  }
  expect(readdirSync(directory)).toEqual([]);
});
