import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCatchUp } from '../../bench/catchup.js';
import {
  parseCatchUpOptions,
  parseFailoverOptions,
  parseSlowFollowerOptions,
} from '../../bench/cluster-options.js';
import { runFailover } from '../../bench/failover.js';
import { whyNoSlowDisk } from '../../bench/slow-disk.js';
import { runSlowFollower } from '../../bench/slow-follower.js';
import { troubleLine } from '../../bench/trouble-rows.js';
import { openPlatform } from '../../src/native/platform.js';
import { isLong, shortly } from '../long-test.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const noSlowDisk = isLong ? whyNoSlowDisk() : 'it is long, npm run test:long';

describe('on three real nodes', () => {
  test.each(shortly(['kill', 'pause'], (how) => how === 'kill'))(
    'failover (%s) measures each loss of a leader, and the cluster comes back from it',
    async (how) => {
      const options = parseFailoverOptions({ how, runs: '1', dir: directory });
      const row = await runFailover(options, openPlatform().disk);
      expect(row).toMatchObject({ bench: 'failover', how, nodes: 3, runs: 1 });
      expect(row.samplesMs).toHaveLength(1);
      for (const ms of row.samplesMs) expect(ms).toBeGreaterThan(0);
      expect(row.medianMs).toBeLessThanOrEqual(row.maxMs);
      expect(row.maxMs).toBe(Math.max(...row.samplesMs));
      expect(row.acknowledged).toBeGreaterThan(0);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test('catchup measures how a follower takes in what it missed, all of it', async () => {
    const flags = { bytes: '2MiB', eventBytes: '1000', seconds: '0.2', rate: '100', dir: directory };
    const row = await runCatchUp(parseCatchUpOptions(flags), openPlatform().disk);
    expect(row).toMatchObject({ bench: 'catchup', nodes: 3, fillEventBytes: 1000 });
    expect(row.bytes).toBeGreaterThan(2 * 2 ** 20);
    expect(row.megabytesPerSecond).toBeGreaterThan(0);
    expect(row.beforeP99Us).toBeGreaterThan(0);
    expect(readdirSync(directory)).toEqual([]);
  });

  test.skipIf(noSlowDisk !== undefined)(
    `slow-follower compares a load without and with a slow disk${noSlowDisk === undefined ? '' : ` (skipped: ${noSlowDisk})`}`,
    async () => {
      const flags = { seconds: '0.2', warmup: '0', delayMs: '20', rate: '100', dir: directory };
      const row = await runSlowFollower(parseSlowFollowerOptions(flags), openPlatform().disk);
      expect(row).toMatchObject({ bench: 'slow-follower', nodes: 3, delayMs: 20 });
      if ('skipped' in row) return;
      expect(row.beforeP99Us).toBeGreaterThan(0);
      expect(row.p99Us).toBeGreaterThan(0);
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});

test('a run that can not be made says why in its row and in its line', async () => {
  const options = parseSlowFollowerOptions({ syncMode: 'dsync', dir: directory });
  const row = await runSlowFollower(options, openPlatform().disk);
  expect(row).toMatchObject({
    bench: 'slow-follower',
    skipped: expect.stringContaining('fdatasync') as string,
  });
  expect(troubleLine(row)).toContain('skipped');
});
