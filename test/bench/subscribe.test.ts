import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSubscribe } from '../../bench/subscribe.js';
import { parseSubscribeOptions, subscribeLine } from '../../bench/subscribe-row.js';
import { openPlatform } from '../../src/native/platform.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test.each(['stream', 'all'] as const)(
  'bench subscribe (%s) counts what reaches its subscribers',
  async (source) => {
    const few = { subscribers: '20', connections: '2', streams: '4', rate: '200', inFlight: '8' };
    const flags = { ...few, source, seconds: '0.5', warmup: '0', dir: directory };
    const row = await runSubscribe(parseSubscribeOptions(flags), openPlatform().disk);
    expect(row).toMatchObject({
      bench: 'subscribe',
      source,
      subscribers: 20,
      connections: 2,
      streams: 4,
      rate: 200,
    });
    expect(row.deliveriesPerSecond).toBeGreaterThan(0);
    expect(row.appendsPerSecondAlone).toBeGreaterThan(0);
    expect(row.appendsPerSecondIdle).toBeGreaterThan(0);
    expect(row.maxUs).toBeGreaterThanOrEqual(row.p50Us);
    expect(subscribeLine(row)).toContain('20 subscribers');
    expect(readdirSync(directory)).toEqual([]);
  },
);
