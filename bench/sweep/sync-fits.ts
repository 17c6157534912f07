/** What making a batch durable costs: so much for each batch, and so much for each byte, by how it is done. Pure. */
import type { SizeTime } from '../statistics/batch-samples.js';
import { fitLine, type LineFit } from '../statistics/line-fit.js';
import { median } from '../statistics/spread.js';
import type { Measurement } from './measurement.js';

export interface SyncFit {
  /** `fdatasync`, `dsync`, … and whether blocks were written before. */
  readonly what: string;
  /** Of all measurements, by size. */
  readonly points: readonly SizeTime[];
  /** µs, and µs for each byte; undefined where too few sizes were seen. */
  readonly fit: LineFit | undefined;
}

/** A median of fewer is no point to draw a line through. */
const BATCHES_MIN = 8;
/** Beyond this a size isn't known any better: what varies is the machine. Else the smallest batches, of which there are most, would be all that counts. */
const WEIGHT_MAX = 100;
/** A line needs sizes that differ: from points close together it could point anywhere. */
const SIZE_RANGE_MIN = 8;
/** Sizes count as one if they are within half a doubling. */
const CLASSES_PER_DOUBLING = 2;

/** One fit for each way of writing that occurs. */
export function syncFitsOf(measurements: readonly Measurement[]): SyncFit[] {
  const groups = new Map<string, SizeTime[]>();
  for (const { mode, syncMode, chunks, times } of measurements) {
    if (mode !== 'engine') continue;
    const what =
      syncMode === 'none' ? 'no sync: not durable' : chunks === 'fresh' ? `${syncMode}, fresh` : syncMode;
    groups.set(what, [...(groups.get(what) ?? []), ...times]);
  }
  return [...groups].map(([what, times]) => {
    const points = bySize(times.filter(({ batches }) => batches >= BATCHES_MIN));
    const weighed = points.map(({ diskBytes, p50Us, batches }) => ({
      x: diskBytes,
      y: p50Us,
      count: Math.min(batches, WEIGHT_MAX),
    }));
    const isWide = points.length > 0 && points.at(-1)!.diskBytes >= SIZE_RANGE_MIN * points[0]!.diskBytes;
    return { what, points, fit: isWide ? fitLine(weighed) : undefined };
  });
}

/** Of several measurements' points of about a size the median, and all their batches. */
function bySize(times: readonly SizeTime[]): SizeTime[] {
  const classes = new Map<number, SizeTime[]>();
  for (const time of times) {
    const size = Math.floor(Math.log2(time.diskBytes) * CLASSES_PER_DOUBLING);
    classes.set(size, [...(classes.get(size) ?? []), time]);
  }
  const middle = (all: readonly SizeTime[], field: keyof SizeTime) => median(all.map((time) => time[field]));
  return [...classes]
    .sort(([a], [b]) => a - b)
    .map(([, all]) => ({
      diskBytes: Math.round(middle(all, 'diskBytes')),
      batches: all.reduce((sum, { batches }) => sum + batches, 0),
      p50Us: middle(all, 'p50Us'),
      syncP50Us: middle(all, 'syncP50Us'),
    }));
}
