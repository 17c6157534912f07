/** What is measured of a disk, as plain data. Pure. */
import type { Disk } from '../../src/base/ports.js';
import type { SyncMode } from '../../src/writer/commands.js';
import type { WriteMode } from '../durable-write.js';
import { quantile } from '../statistics/spread.js';
import { type CostModel, fitCost } from './cost-model.js';

/** How a disk is used: through the addon past the page cache, or by node:fs. */
export type DiskPath = Exclude<Disk['kind'], 'simulated'>;

/** What the writes of a point have in common. */
export interface PointKind {
  readonly path: DiskPath;
  readonly mode: WriteMode;
  /** Blocks filled with zeros before, or space that is merely reserved. */
  readonly blocks: 'prewritten' | 'fresh';
  /** Writes on their way at once. A node's writer has one. */
  readonly depth: 1 | 2;
  readonly bytes: number;
}

/** A point as it was measured: in several rounds, all points in turn, so that a slow second is not one point's alone. */
export interface SweepPoint extends PointKind {
  readonly writes: number;
  /** The median of each round, µs. */
  readonly rounds: readonly number[];
  /** The median of the rounds' medians: a round in which somebody else was at work counts as one, however slow it was. */
  readonly p50Us: number;
  /** Of all writes. */
  readonly p99Us: number;
  /** The middle half of the rounds' medians lies within so much, as a share of the median. What is closer is not different. */
  readonly spread: number;
  /** 10^6 bytes made durable a second, all writes together. */
  readonly megabytesPerSecond: number;
}

/** What else was measured. */
export interface Sweep {
  readonly points: readonly SweepPoint[];
  /** The path that a node takes here. */
  readonly path: DiskPath;
  /** Whether the file system took O_DIRECT; undefined without the addon. */
  readonly takesDirect: boolean | undefined;
  /** 10^6 bytes a second, in order, in pieces of a megabyte. */
  readonly readMegabytesPerSecond: number;
  /** Time to make a chunk file, by its size. */
  readonly chunkTimes: readonly { readonly bytes: number; readonly us: number }[];
}

/** The point of this kind, if it was measured. */
export function findPoint(points: readonly SweepPoint[], kind: Partial<PointKind>): SweepPoint | undefined {
  return pointsOf(points, kind)[0];
}

export function pointsOf(points: readonly SweepPoint[], kind: Partial<PointKind>): SweepPoint[] {
  const wanted = Object.entries(kind);
  return points.filter((point) => wanted.every(([name, value]) => point[name as keyof PointKind] === value));
}

/**
 * What a write of this kind costs the disk. Others on the machine only ever make it slower, so the better rounds tell more of the disk: their lower
 * quartile counts.
 */
export function undisturbedUs({ rounds }: SweepPoint): number {
  return quantile(rounds, 0.25);
}

/** The line through what one write at a time costs; undefined if there are not two sizes. */
export function costOf(
  points: readonly SweepPoint[],
  kind: { readonly path: DiskPath; readonly mode: SyncMode; readonly blocks: PointKind['blocks'] },
): CostModel | undefined {
  const found = pointsOf(points, { ...kind, depth: 1 });
  return found.length < 2
    ? undefined
    : fitCost(found.map((point) => ({ bytes: point.bytes, us: undisturbedUs(point) })));
}
