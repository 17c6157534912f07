import { expect, test } from 'vitest';
import { CLUSTER_SUITE, SINGLE_NODE_SUITE, type SuiteRun, type SuiteRunOf } from '../../bench/floors.js';
import { LatencyHistogram } from '../../bench/latency-histogram.js';
import { parseAppendOptions } from '../../bench/options.js';
import { type BenchRow, makeRow } from '../../bench/row.js';
import { runSuite, type SuiteResult } from '../../bench/suite.js';

const FAST_FLOOR = 900_000;

test('a floor is judged by the median of the runs, not by the best or the last', async () => {
  const run = SINGLE_NODE_SUITE.find(
    ({ flags }) => flags['inFlight'] === '256' && flags['mode'] === 'engine',
  )!;
  const rates = [2_000_000, 100_000, 850_000];
  const results: SuiteResult[] = [];
  const next = () => Promise.resolve(row(rates.shift()!));
  const floors = await runSuite([run], 3, next, (result) => results.push(result));
  expect(results).toHaveLength(1);
  expect(results[0]!.row).toMatchObject({ eventsPerSecond: 850_000 });
  expect(floors[0]).toMatchObject({ isReached: false, reached: '850 k events/s' });
});

test('of two runs the worse one counts', async () => {
  const run: SuiteRun = {
    bench: 'append',
    flags: {},
    floors: [(SINGLE_NODE_SUITE[1] as SuiteRunOf<'append'>).floors[0]],
  };
  const rates = [FAST_FLOOR + 1, FAST_FLOOR - 1];
  const floors = await runSuite(
    [run],
    2,
    () => Promise.resolve(row(rates.shift()!)),
    () => undefined,
  );
  expect(floors[0]!.isReached).toBe(false);
});

test('a run that can not be made here says why, is not repeated, and neither reaches nor misses a floor', async () => {
  const run = CLUSTER_SUITE.find(({ bench }) => bench === 'slow-follower')!;
  const results: SuiteResult[] = [];
  let runs = 0;
  const next = () => {
    runs++;
    return Promise.resolve({ bench: 'slow-follower', skipped: 'no strace' } as const);
  };
  expect(await runSuite([run], 3, next, (result) => results.push(result))).toEqual([]);
  expect(results).toEqual([{ row: { bench: 'slow-follower', skipped: 'no strace' }, floors: [] }]);
  expect(runs).toBe(1);
});

function row(eventsPerSecond: number): BenchRow {
  const probe = { diskKind: 'native', syncMode: 'fdatasync', probe4kP50Us: 50, probe1mMBps: 2000 } as const;
  const latency = new LatencyHistogram();
  const measured = { events: eventsPerSecond, errors: 0, seconds: 1, latency };
  const bytes = { recordBytes: 352, diskBytesPerRecordByte: 1 };
  return makeRow({ bench: 'append', rate: 0 }, parseAppendOptions({}), probe, { ...measured, ...bytes });
}
