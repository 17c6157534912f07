import { describe, expect, test } from 'vitest';
import {
  parseCatchUpOptions,
  parseFailoverOptions,
  parseSlowFollowerOptions,
} from '../../bench/cluster-options.js';
import { CLUSTER_SUITE, type Floor, SINGLE_NODE_SUITE } from '../../bench/floors.js';
import { LatencyHistogram } from '../../bench/latency-histogram.js';
import { parseAppendOptions, parseReadOptions } from '../../bench/options.js';
import type { ProbeResult } from '../../bench/probe.js';
import {
  type BenchRow,
  makeRow,
  recordBytesOf,
  rowAsJson,
  rowAsTableLine,
  tableHeader,
} from '../../bench/row.js';

const PROBE: ProbeResult = {
  diskKind: 'native',
  syncMode: 'fdatasync',
  probe4kP50Us: 100,
  probe1mMBps: 2000,
};

describe('a row', () => {
  test('carries every field that scripts rely on, as numbers where they are numbers', () => {
    const row = JSON.parse(rowAsJson(sampleRow())) as Record<string, unknown>;
    expect(row).toMatchObject({ bench: 'append', mode: 'engine', disk: 'native', syncMode: 'fdatasync' });
    const numbers = [
      'nodes',
      'inFlight',
      'eventBytes',
      'eventsPerRequest',
      'eventsPerSecond',
      'p50Us',
      'p99Us',
      'p999Us',
      'probe4kP50Us',
      'probe1mMBps',
      'p50OverProbe',
      'diskBytesPerRecordByte',
      'seconds',
      'rate',
      'streams',
      'errors',
    ];
    for (const name of numbers) expect(typeof row[name], name).toBe('number');
  });

  test('is computed from what was measured', () => {
    expect(sampleRow()).toMatchObject({
      eventsPerSecond: 500_000,
      p50Us: 150,
      p50OverProbe: 1.5,
      recordMBps: 176,
      recordMBpsOverProbe: 0.088,
      diskBytesPerRecordByte: 1.046,
      seconds: 2,
      errors: 3,
    });
  });

  test('has no holes when nothing was measured', () => {
    const measured = {
      events: 0,
      errors: 0,
      seconds: 0,
      latency: new LatencyHistogram(),
      recordBytes: 352,
      diskBytesPerRecordByte: Number.NaN,
    };
    const row = makeRow({ bench: 'append', rate: 0 }, parseAppendOptions({}), PROBE, measured);
    for (const value of Object.values(row)) expect(value).not.toBeNaN();
    expect(JSON.parse(rowAsJson(row))).toEqual(row);
  });

  test('is one line of JSON', () => {
    expect(rowAsJson(sampleRow())).not.toContain('\n');
  });

  test('lines up with the header of the table', () => {
    expect(rowAsTableLine(sampleRow())).toHaveLength(tableHeader().length);
  });
});

test('a record is as long as docs/formats.md says', () => {
  expect(recordBytesOf(8, 8, 256)).toBe(352);
  expect(recordBytesOf(1, 1, 1)).toBe(88);
});

describe('the default suite', () => {
  test('has only runs that the flags allow', () => {
    const parsers = {
      append: parseAppendOptions,
      read: parseReadOptions,
      failover: parseFailoverOptions,
      catchup: parseCatchUpOptions,
      'slow-follower': parseSlowFollowerOptions,
    };
    for (const { bench, flags } of [...SINGLE_NODE_SUITE, ...CLUSTER_SUITE]) {
      expect(() => parsers[bench](flags)).not.toThrow();
    }
  });

  test('tells reached from missed', () => {
    const floors = SINGLE_NODE_SUITE.flatMap((run) => run.floors as readonly Floor<BenchRow>[]);
    expect(floors.map((floor) => floor.isReached(sampleRow()))).toEqual([
      true, // 1.5 probes in process
      false, // 500 k of 900 k
      true, // 1.046 of 1.3
      false, // neither 3 M nor 40 % of the disk
      true, // 1.5 probes over ws
      true, // 500 k of 250 k
      false, // 500 k of 1.2 M
      false, // 500 k of 2 M
      false,
    ]);
    const diskBound = { ...sampleRow(), recordMBpsOverProbe: 0.41 };
    expect(floors[3]!.isReached(diskBound)).toBe(true);
  });
});

function sampleRow() {
  const latency = new LatencyHistogram();
  for (let i = 0; i < 99; i++) latency.record(150);
  latency.record(900);
  const measured = {
    events: 1_000_000,
    errors: 3,
    seconds: 2,
    latency,
    recordBytes: 352,
    diskBytesPerRecordByte: 1.0456,
  };
  return makeRow({ bench: 'append', rate: 0 }, parseAppendOptions({}), PROBE, measured);
}
