/** Measurements with known numbers, for tests of what is made of them. */

import { LatencyHistogram } from '../../../bench/latency-histogram.js';
import { makeRow } from '../../../bench/row.js';
import type { StageTime } from '../../../bench/statistics/write-stages.js';
import { BASE, type Configuration, optionsOf } from '../../../bench/sweep/configuration.js';
import { type Measurement, measurementOf } from '../../../bench/sweep/measurement.js';
import type { Machine } from '../../../bench/sweep/results-file.js';
import { NOTHING_WRITTEN } from '../../../src/ring/writer-statistics.js';

export const MACHINE: Machine = {
  kind: 'machine',
  format: 2,
  cairn: '0.1.0',
  startedAt: '2026-01-02T03:04:05.678Z',
  processor: 'a processor',
  processors: 2,
  memoryBytes: 2 ** 34,
  system: 'Linux',
  nodeJs: 'v20',
  sweeps: ['in-process'],
  seconds: 1,
  warmupSeconds: 0,
  repetitions: 3,
};

const SETTINGS = { seconds: 1, warmupSeconds: 0, urls: [], directory: '.' };

/** A measurement of a point that differs from the base in `point`, with so many events a second and such a latency. */
export function sample(
  point: Partial<Configuration>,
  { repetition = 1, eventsPerSecond = 100_000, p50Us = 200, probe4kP50Us = 80 } = {},
): Measurement {
  const whole = { ...BASE, ...point };
  const latency = new LatencyHistogram();
  for (let percent = 1; percent <= 100; percent++) latency.record(percent <= 98 ? p50Us : p50Us * 10);
  const probe = { diskKind: 'native', syncMode: whole.syncMode, probe4kP50Us, probe1mMBps: 2000 } as const;
  const row = makeRow({ bench: 'append', rate: whole.rate }, optionsOf(whole, SETTINGS), probe, {
    events: eventsPerSecond,
    errors: 0,
    seconds: 1,
    latency,
    recordBytes: 352,
    diskBytesPerRecordByte: 1.1,
  });
  const after = {
    batches: 1000,
    recordBytes: 35_200_000,
    diskBytes: 38_720_000,
    writeMs: 50,
    syncMs: 60,
    chunks: 0,
    batchSizes: NOTHING_WRITTEN.batchSizes.map((_, index) => (index === 8 ? 400 : index === 9 ? 600 : 0)),
  };
  const isWatched = whole.mode === 'engine';
  const { syncMode } = whole;
  const fixed = syncMode === 'none' ? 40 : syncMode === 'dsync' ? 90 : 100;
  return {
    ...measurementOf(whole, repetition, {
      row,
      latency,
      writer: { before: NOTHING_WRITTEN, after },
      batches: undefined,
      stages: whole.mode === 'engine' ? [] : stagesOf(whole.nodes),
    }),
    times: isWatched
      ? [4096, 16_384, 65_536, 1_048_576].map((diskBytes) => ({
          diskBytes,
          batches: 100,
          p50Us: fixed + diskBytes / 1000,
          syncP50Us: fixed / 2,
        }))
      : [],
  };
}

/** Three repetitions with the given rates. */
export function repeated(point: Partial<Configuration>, rates: readonly number[]): Measurement[] {
  return rates.map((eventsPerSecond, index) => sample(point, { repetition: index + 1, eventsPerSecond }));
}

/** A leader's write took 500 µs; of several nodes each follower's part 300. */
function stagesOf(nodes: number): StageTime[] {
  const own = { sequence: 20, wait: 30, write: 60, sync: 80, notice: 30, quorum: 450, reply: 30, total: 500 };
  const followers = Array.from({ length: nodes - 1 }, (_, index) => `127.0.0.1:${2000 + index}`);
  return [
    ...Object.entries(own).map(([stage, p50Us]) => ({ stage, writes: 100, meanUs: p50Us, p50Us })),
    ...followers.flatMap((member) => [
      { stage: 'ship', member, writes: 100, meanUs: 40, p50Us: 40 },
      { stage: 'follower', member, writes: 100, meanUs: 300, p50Us: 300 },
    ]),
  ];
}
