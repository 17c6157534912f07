import { describe, expect, test } from 'vitest';
import { failedErrors } from '../../../bench/tune/check-row.js';
import { readHostFacts } from '../../../bench/tune/host-facts.js';
import { plausibilityChecks } from '../../../bench/tune/plausibility.js';
import { propose } from '../../../bench/tune/proposal.js';
import { fakeHost, MUTE_HOST } from './fake-host.js';
import { madeUpSweep } from './made-up-sweep.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** 80 µs a sync, 2 GB/s: half of the rate at 160,000 bytes. */
const LINE = { perSyncUs: 80, perByteUs: 1 / 2000 };
const DISK = { fdatasync: LINE, dsync: LINE, freshFactor: 2 };

describe('what is proposed', () => {
  test('the cap is the power of two from which the share of the goal is reached', () => {
    const capFor = (goal: 'latency' | 'balanced' | 'throughput') =>
      propose(madeUpSweep(DISK), goal, undefined)!.settings.BatchBytesMax;
    expect(capFor('latency')).toBe(256 * KIB);
    expect(capFor('balanced')).toBe(MIB);
    expect(capFor('throughput')).toBe(4 * MIB);
  });

  test('a cap stays within what the option takes', () => {
    const slow = {
      fdatasync: { perSyncUs: 10_000, perByteUs: 1 / 200 },
      dsync: { perSyncUs: 10_000, perByteUs: 1 / 200 },
    };
    expect(propose(madeUpSweep(slow), 'throughput', undefined)!.settings.BatchBytesMax).toBe(16 * MIB);
    const quick = {
      fdatasync: { perSyncUs: 5, perByteUs: 1 / 500 },
      dsync: { perSyncUs: 5, perByteUs: 1 / 500 },
    };
    expect(propose(madeUpSweep(quick), 'latency', undefined)!.settings.BatchBytesMax).toBe(64 * KIB);
  });

  test('dsync where it is faster beyond doubt at what the goal looks at, else the default', () => {
    const smallFaster = { ...DISK, dsync: { perSyncUs: 50, perByteUs: 1.2 / 2000 } };
    const modeFor = (goal: 'latency' | 'throughput') =>
      propose(madeUpSweep(smallFaster), goal, undefined)!.settings.SyncMode;
    expect(modeFor('latency')).toBe('dsync');
    expect(modeFor('throughput')).toBe('fdatasync');
    const hardly = { ...DISK, dsync: { perSyncUs: 78, perByteUs: 1 / 2000 } };
    expect(propose(madeUpSweep(hardly), 'latency', undefined)!.settings.SyncMode).toBe('fdatasync');
  });

  test('chunks of the default size, smaller ones where space or reading is scarce, larger ones where making them takes long', () => {
    const chunkFor = (others: Parameters<typeof madeUpSweep>[1], freeBytes?: number) =>
      propose(madeUpSweep(DISK, others), 'throughput', freeBytes)!.settings.ChunkSize;
    expect(chunkFor({})).toBe(256 * MIB);
    expect(chunkFor({}, 3 * GIB)).toBe(128 * MIB);
    expect(chunkFor({ readMegabytesPerSecond: 40 })).toBe(128 * MIB);
    const slowToMake = [
      { bytes: 64 * MIB, us: 20_000 },
      { bytes: 256 * MIB, us: 20_000 },
    ];
    expect(chunkFor({ chunkTimes: slowToMake })).toBe(GIB);
    const allWritten = [
      { bytes: 16 * MIB, us: 20_000 },
      { bytes: 64 * MIB, us: 80_000 },
    ];
    expect(chunkFor({ chunkTimes: allWritten })).toBe(256 * MIB);
  });

  test('a second prepared chunk for latency, where prewriting gains something and there is room', () => {
    const preparedFor = (
      disk: Parameters<typeof madeUpSweep>[0],
      goal: 'latency' | 'throughput',
      freeBytes?: number,
    ) => propose(madeUpSweep(disk), goal, freeBytes)!.settings.PreparedChunks;
    expect(preparedFor(DISK, 'latency')).toBe(2);
    expect(preparedFor(DISK, 'throughput')).toBe(1);
    expect(preparedFor({ ...DISK, freshFactor: 1.05 }, 'latency')).toBe(1);
    expect(preparedFor(DISK, 'latency', 7 * GIB)).toBe(1);
  });

  test('nothing, from a measurement that was interrupted before it had both modes', () => {
    const { points, ...rest } = madeUpSweep(DISK);
    expect(
      propose({ ...rest, points: points.filter(({ mode }) => mode !== 'dsync') }, 'latency', undefined),
    ).toBeUndefined();
    expect(propose({ ...rest, points: [] }, 'latency', undefined)).toBeUndefined();
  });
});

describe('figures that can not be true', () => {
  const facts = readHostFacts(fakeHost(), '/srv/fast disk');
  const failed = (sweep: ReturnType<typeof madeUpSweep>, of = facts) =>
    failedErrors(plausibilityChecks(sweep, of)).map(({ condition }) => condition);

  test('those of an ordinary disk can', () => {
    expect(plausibilityChecks(madeUpSweep(DISK), facts).filter(({ passed }) => passed !== true)).toEqual([]);
  });

  test('a durable block within 3 µs is memory', () => {
    const memory = { perSyncUs: 2, perByteUs: 1 / 5000 };
    expect(failed(madeUpSweep({ fdatasync: memory, dsync: memory, plainUs: 2 }))).toContain(
      'durable write of 4 KiB',
    );
  });

  test('a sync that adds nothing to a disk with a volatile cache lies; without such a cache there is nothing to flush', () => {
    const sweep = madeUpSweep({ ...DISK, plainUs: 81 });
    expect(failed(sweep)).toEqual(['what a sync adds to it']);
    expect(failed(sweep, { ...facts, hasVolatileCache: false })).toEqual([]);
    expect(failed(sweep, readHostFacts(MUTE_HOST, '/x'))).toEqual([]);
  });

  test('twenty gigabytes a second are no disk', () => {
    const wide = { perSyncUs: 20, perByteUs: 1 / 50_000 };
    expect(failed(madeUpSweep({ fdatasync: wide, dsync: wide, plainUs: 10 }))).toEqual([
      'durable megabytes a second',
    ]);
  });

  test('a file system that refuses O_DIRECT, and a machine without the addon, are warned of', () => {
    const conditionsOf = (others: Parameters<typeof madeUpSweep>[1]) =>
      plausibilityChecks(madeUpSweep(DISK, others), facts)
        .filter(({ passed, severity }) => passed === false && severity === 'warning')
        .map(({ condition }) => condition);
    expect(conditionsOf({ takesDirect: false })).toEqual(['O_DIRECT']);
    expect(conditionsOf({ path: 'javascript', takesDirect: undefined })).toContain('native addon');
  });
});
