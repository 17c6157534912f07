import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseReadOptions } from '../../bench/options.js';
import { runRead } from '../../bench/read.js';
import { openPlatform } from '../../src/native/platform.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test.each(['stream', 'all'])(
  'bench read (%s) reads every event that it filled the node with',
  async (source) => {
    // Not a multiple of the events of a request. A pass that misses one fails by an assertion.
    const flags = { source, events: '5003', inFlight: '2', seconds: '1', warmup: '0', dir: directory };
    const row = await runRead(parseReadOptions(flags), openPlatform().disk);
    expect(row).toMatchObject({ bench: 'read', mode: 'ws', source, inFlight: 2, errors: 0, rate: 0 });
    expect(row.eventsPerSecond).toBeGreaterThan(0);
    expect(row.p50Us).toBeGreaterThan(0);
    expect(row.diskBytesPerRecordByte).toBeGreaterThan(0.5);
    expect(readdirSync(directory)).toEqual([]);
  },
);
