/** A measurement that a test makes up, from what a disk costs. */
import type { CostModel } from '../../../bench/tune/cost-model.js';
import type { PointKind, Sweep, SweepPoint } from '../../../bench/tune/sweep-point.js';

const KIB = 1024;
const SIZES = [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB, 4096 * KIB];

type Line = Pick<CostModel, 'perSyncUs' | 'perByteUs'>;

/** What a write costs in each way; fresh blocks as if prewritten where nothing is said. */
export interface MadeUpDisk {
  readonly fdatasync: Line;
  readonly dsync: Line;
  /** How many times as long a write to fresh blocks takes. */
  readonly freshFactor?: number;
  /** A 4 KiB write that is not durable. */
  readonly plainUs?: number;
}

export function madeUpSweep(disk: MadeUpDisk, others: Partial<Sweep> = {}): Sweep {
  const points: SweepPoint[] = [];
  for (const mode of ['fdatasync', 'dsync'] as const) {
    for (const blocks of ['prewritten', 'fresh'] as const) {
      const factor = blocks === 'fresh' ? (disk.freshFactor ?? 1) : 1;
      for (const bytes of SIZES) {
        const us = (disk[mode].perSyncUs + bytes * disk[mode].perByteUs) * factor;
        points.push(point({ path: 'native', mode, blocks, depth: 1, bytes }, us));
      }
    }
  }
  points.push(
    point(
      { path: 'native', mode: 'none', blocks: 'prewritten', depth: 1, bytes: 4 * KIB },
      disk.plainUs ?? 30,
    ),
  );
  return {
    points,
    path: 'native',
    takesDirect: true,
    readMegabytesPerSecond: 2000,
    chunkTimes: [
      { bytes: 64 * KIB * KIB, us: 1000 },
      { bytes: 256 * KIB * KIB, us: 1500 },
    ],
    ...others,
  };
}

/** Five rounds that are close to each other. */
function point(kind: PointKind, us: number): SweepPoint {
  const rounds = [0.99, 0.995, 1, 1.005, 1.01].map((factor) => us * factor);
  return {
    ...kind,
    writes: 100,
    rounds,
    p50Us: us,
    p99Us: us * 2,
    spread: 0.01,
    megabytesPerSecond: kind.bytes / us,
  };
}
