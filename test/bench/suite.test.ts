import { expect, test } from 'vitest';
import { SINGLE_NODE_SUITE, type SuiteRun } from '../../bench/floors.js';
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
  expect(results[0]!.row.eventsPerSecond).toBe(850_000);
  expect(floors[0]).toMatchObject({ isReached: false, reached: '850 k events/s' });
});

test('of two runs the worse one counts', async () => {
  const run: SuiteRun = {
    bench: 'append',
    flags: {},
    floors: [SINGLE_NODE_SUITE[1]!.floors[0]!],
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

function row(eventsPerSecond: number): BenchRow {
  const probe = { diskKind: 'native', syncMode: 'fdatasync', probe4kP50Us: 50, probe1mMBps: 2000 } as const;
  const latency = new LatencyHistogram();
  const measured = { events: eventsPerSecond, errors: 0, seconds: 1, latency };
  const bytes = { recordBytes: 352, diskBytesPerRecordByte: 1 };
  return makeRow({ bench: 'append', rate: 0 }, parseAppendOptions({}), probe, { ...measured, ...bytes });
}
