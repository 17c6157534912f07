import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchForShare, batchRate, batchUs, fitCost, predictLoop } from '../../../bench/tune/cost-model.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
/** 80 µs a sync, and 2 GB/s. */
const COST = { perSyncUs: 80, perByteUs: 1 / 2000, errorMax: 0 };

describe('the line through the points', () => {
  test('is found again where there is one, whatever its costs', () => {
    const costs = [
      fc.double({ min: 1, max: 1e5, noNaN: true }),
      fc.double({ min: 1e-5, max: 1, noNaN: true }),
    ] as const;
    fc.assert(
      fc.property(...costs, (perSyncUs, perByteUs) => {
        const fitted = fitCost(SIZES.map((bytes) => ({ bytes, us: perSyncUs + bytes * perByteUs })));
        for (const bytes of SIZES) {
          expect(batchUs(fitted, bytes) / (perSyncUs + bytes * perByteUs)).toBeCloseTo(1, 6);
        }
        expect(fitted.errorMax).toBeLessThan(1e-6);
      }),
    );
  });

  test('goes by relative errors: two points at 4 KiB, one 10 % above and one 10 % below, leave it where it was', () => {
    const exact = SIZES.map((bytes) => ({ bytes, us: batchUs(COST, bytes) }));
    const first = exact[0]!;
    const noisy = [...exact.slice(1), { ...first, us: first.us * 1.1 }, { ...first, us: first.us / 1.1 }];
    const fitted = fitCost(noisy);
    expect(fitted.perSyncUs).toBeGreaterThan(76);
    expect(fitted.perSyncUs).toBeLessThan(84);
    expect(fitted.errorMax).toBeGreaterThan(0.08);
    expect(fitted.errorMax).toBeLessThan(0.15);
  });

  test('has no negative cost: times that fall with the size are a cost per sync alone', () => {
    const fitted = fitCost([
      { bytes: 4 * KIB, us: 100 },
      { bytes: MIB, us: 80 },
    ]);
    expect(fitted.perByteUs).toBe(0);
    expect(fitted.perSyncUs).toBeGreaterThan(80);
    expect(fitted.perSyncUs).toBeLessThan(100);
  });

  test('nor one per sync, where small writes are as fast a byte as large ones, or faster', () => {
    const fitted = fitCost([
      { bytes: 4 * KIB, us: 1 },
      { bytes: MIB, us: 512 },
    ]);
    expect(fitted.perSyncUs).toBe(0);
    expect(fitted.perByteUs).toBeGreaterThan(0);
  });
});

describe('a batch', () => {
  test('costs its sync and its bytes, a block at least', () => {
    expect(batchUs(COST, MIB)).toBeCloseTo(80 + MIB / 2000, 9);
    expect(batchUs(COST, 1)).toBe(batchUs(COST, 4096));
  });

  test('of the size for a share of the rate reaches that share', () => {
    for (const share of [0.5, 0.8, 0.95]) {
      expect(batchRate(COST, batchForShare(COST, share))).toBeCloseTo(share * 2000, 6);
    }
    // Half of the rate is where the bytes cost as much as the sync.
    expect(batchForShare(COST, 0.5)).toBeCloseTo(160_000, 6);
    expect(batchForShare({ perSyncUs: 80, perByteUs: 0, errorMax: 0 }, 0.5)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a closed loop', () => {
  const load = { inFlight: 1, recordBytes: 352, batchBytesMax: MIB, mainUsPerEvent: 1, wakeUs: 30 };

  test('of one request takes the disk, the main thread and the waking in turn', () => {
    const { latencyUs, eventsPerSecond, limit } = predictLoop(COST, load);
    expect(latencyUs).toBeCloseTo(30 + 80 + 4096 / 2000 + 1, 9);
    expect(eventsPerSecond).toBeCloseTo(1e6 / latencyUs, 6);
    expect(limit).toBe('requests in flight');
  });

  test('of many has half of them in each batch, if the disk is what limits', () => {
    const many = { ...load, inFlight: 2048, recordBytes: 4200, mainUsPerEvent: 0.1, batchBytesMax: 16 * MIB };
    const { batchBytes, eventsPerSecond, limit } = predictLoop(COST, many);
    expect(batchBytes).toBe(1024 * 4200);
    expect(eventsPerSecond).toBeCloseTo((1024 / batchUs(COST, 1024 * 4200)) * 1e6, 3);
    expect(limit).toBe('disk');
  });

  test('is held back by the cap, and by the main thread', () => {
    const many = { ...load, inFlight: 2048, recordBytes: 4200, mainUsPerEvent: 0.1 };
    expect(predictLoop(COST, { ...many, batchBytesMax: 64 * KIB }).batchBytes).toBe(64 * KIB);
    const slow = predictLoop(COST, { ...many, mainUsPerEvent: 10 });
    expect(slow.limit).toBe('main thread');
    expect(slow.eventsPerSecond).toBeCloseTo(100_000, 6);
  });

  test("obeys Little's law: requests in flight are rate times latency", () => {
    const shapes = [
      fc.integer({ min: 1, max: 4096 }),
      fc.integer({ min: 100, max: 8192 }),
      fc.integer({ min: 12, max: 24 }),
    ] as const;
    fc.assert(
      fc.property(...shapes, (inFlight, recordBytes, capBits) => {
        const batchBytesMax = 2 ** capBits;
        const { eventsPerSecond, latencyUs } = predictLoop(COST, {
          ...load,
          inFlight,
          recordBytes,
          batchBytesMax,
        });
        expect((eventsPerSecond * latencyUs) / 1e6).toBeCloseTo(inFlight, 6);
      }),
    );
  });
});
