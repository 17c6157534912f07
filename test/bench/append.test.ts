import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measureAppend, runAppend } from '../../bench/append.js';
import { openEngineTarget } from '../../bench/engine-target.js';
import type { FlagValues } from '../../bench/flags.js';
import { parseAppendOptions } from '../../bench/options.js';
import type { BenchRow } from '../../bench/row.js';
import { amplification, type OpenTarget } from '../../bench/target.js';
import { openWsTarget } from '../../bench/ws-target.js';
import { CairnError } from '../../src/base/errors.js';
import { openPlatform } from '../../src/native/platform.js';
import { NOTHING_WRITTEN } from '../../src/ring/writer-statistics.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('bench append', () => {
  test('in process: appends events, without errors, and leaves nothing behind', async () => {
    const row = await run({ inFlight: '16' }, openEngineTarget);
    expect(row).toMatchObject({ bench: 'append', mode: 'engine', inFlight: 16, errors: 0 });
    expect(row.eventsPerSecond).toBeGreaterThan(0);
    expect(row.p50Us).toBeGreaterThan(0);
    expect(row.p999Us).toBeGreaterThanOrEqual(row.p50Us);
    expect(row.diskBytesPerRecordByte).toBeGreaterThan(0.5);
    expect(row.seconds).toBeGreaterThanOrEqual(0.2);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('in process: on fresh blocks, with another cap and no sync at all, and batches one by one', async () => {
    const folder = mkdtempSync(join(directory, 'measured-'));
    const flags = { seconds: '0.2', warmup: '0', inFlight: '4', syncMode: 'none' };
    const engine = { batchBytesMax: 4096, chunkSize: 16 * 2 ** 20, chunks: 'fresh' } as const;
    const options = { ...parseAppendOptions(flags), engine };
    const { row, writer, batches } = await measureAppend(
      options,
      openPlatform().disk,
      openEngineTarget,
      folder,
    );
    rmSync(folder, { recursive: true });
    expect(row).toMatchObject({ syncMode: 'none', errors: 0 });
    expect(writer.after.batches).toBeGreaterThan(writer.before.batches);
    // A cap of one block: no batch has more, and each takes one write.
    expect(writer.after.batchSizes.slice(6)).toEqual(writer.before.batchSizes.slice(6));
    expect(new Set(batches!.times.map(({ diskBytes }) => diskBytes))).toEqual(new Set([4096]));
  });

  test('in process: many events a request, at a given rate', async () => {
    const row = await run({ inFlight: '50', eventsPerRequest: '10', rate: '2000' }, openEngineTarget);
    expect(row).toMatchObject({ rate: 2000, eventsPerRequest: 10, errors: 0 });
    // 200 requests a second for 0.2 s.
    expect(Math.round(row.eventsPerSecond * row.seconds)).toBeGreaterThanOrEqual(390);
    expect(Math.round(row.eventsPerSecond * row.seconds)).toBeLessThanOrEqual(410);
  });

  test('over ws: starts a node, appends events through the client, and ends the node', async () => {
    const row = await run({ mode: 'ws', inFlight: '16', connections: '2' }, openWsTarget);
    expect(row).toMatchObject({ bench: 'append', mode: 'ws', connections: 2, errors: 0 });
    expect(row.eventsPerSecond).toBeGreaterThan(0);
    expect(row.diskBytesPerRecordByte).toBeGreaterThan(0.5);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('over ws on three nodes: counts what all of them write, and ends them all', async () => {
    const row = await run({ nodes: '3', inFlight: '16' }, openWsTarget);
    expect(row).toMatchObject({ bench: 'append', mode: 'ws', nodes: 3, errors: 0 });
    expect(row.eventsPerSecond).toBeGreaterThan(0);
    expect(row.diskBytesPerRecordByte).toBeGreaterThan(0.5);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('over ws: an address where nobody listens is an error with a code', async () => {
    // Port 1 is reserved, and no test environment serves it.
    const attempt = run({ url: 'ws://127.0.0.1:1' }, openWsTarget);
    await expect(attempt).rejects.toMatchObject({ code: 'connection-refused' });
  });

  test('fails with the first error if every request fails, and leaves nothing behind', async () => {
    const failure = new CairnError('disk-full', 'no space');
    let closed = 0;
    const open: OpenTarget = () => {
      const target = {
        recordBytes: 352,
        firstError: failure,
        completed: (_slot: number, _succeeded: boolean): void => undefined,
        submit: (slot: number) => {
          setImmediate(() => target.completed(slot, false));
        },
        writerTotals: () => Promise.resolve(NOTHING_WRITTEN),
        close: async () => {
          closed++;
        },
      };
      return Promise.resolve(target);
    };
    await expect(run({ inFlight: '2' }, open)).rejects.toBe(failure);
    expect(closed).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('what was just started runs in with many requests in flight before a row with one', async () => {
    let [open, most] = [0, 0];
    const peaks: number[] = [];
    const openTarget: OpenTarget = ({ inFlight }) => {
      expect(inFlight).toBe(64);
      const target = {
        recordBytes: 352,
        firstError: undefined,
        completed: (_slot: number, _succeeded: boolean): void => undefined,
        submit: (slot: number) => {
          most = Math.max(most, ++open);
          setImmediate(() => {
            open--;
            target.completed(slot, true);
          });
        },
        writerTotals: () => {
          peaks.push(most);
          most = 0;
          return Promise.resolve(NOTHING_WRITTEN);
        },
        close: () => Promise.resolve(),
      };
      return Promise.resolve(target);
    };
    expect(await run({ inFlight: '1' }, openTarget)).toMatchObject({ inFlight: 1, errors: 0 });
    expect(peaks).toEqual([64, 1]);
  });

  test('a folder that is not there is refused before anything starts', async () => {
    const options = parseAppendOptions({ dir: join(directory, 'nowhere') });
    await expect(runAppend(options, openPlatform().disk, openEngineTarget)).rejects.toMatchObject({
      code: 'invalid-configuration',
    });
  });
});

test('amplification compares two readings, and is 0 if nothing was written', () => {
  const before = { recordBytes: 1000, diskBytes: 4096 };
  expect(amplification(before, { recordBytes: 5000, diskBytes: 12_096 })).toBe(2);
  expect(amplification(before, before)).toBe(0);
});

function run(flags: FlagValues, open: OpenTarget): Promise<BenchRow> {
  const options = parseAppendOptions({ seconds: '0.2', warmup: '0.05', dir: directory, ...flags });
  return runAppend(options, openPlatform().disk, open);
}
