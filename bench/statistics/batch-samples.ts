/**
 * How long a writer's batches take, one by one, from its running totals. Main thread, beside the engine that is measured: it looks at the
 * totals in each turn that answers requests, which is after nearly every batch, so that most differences are single batches; it must cost
 * little. Those of a turn that missed some are left out.
 */
import type { WriterStatistics } from '../../src/ring/writer-statistics.js';
import { median } from './spread.js';

/** How long batches of about a size took. */
export interface SizeTime {
  /** Bytes written to disk, on average: whole blocks. */
  readonly diskBytes: number;
  /** How many were timed. */
  readonly batches: number;
  /** Median time of write and sync together, µs. */
  readonly p50Us: number;
  /** Median time of the sync alone, µs. */
  readonly syncP50Us: number;
}

interface Timed {
  seen: number;
  diskBytes: number;
  readonly us: number[];
  readonly syncUs: number[];
}

/** Enough for a median that stands, of the first batches that came. */
const TIMES_MAX = 4096;
/** Two classes for each doubling: the fit gets some fifteen points between 4 KiB and 1 MiB. */
const CLASSES_PER_DOUBLING = 2;

export class BatchSamples {
  readonly #read: () => WriterStatistics | undefined;
  #last: WriterStatistics | undefined;
  readonly #times = new Map<number, Timed>();

  /** `read`: the totals of one instant; undefined while they change. */
  constructor(read: () => WriterStatistics | undefined) {
    this.#read = read;
    this.#last = read();
  }

  /** Looks at the totals: call it once a turn. */
  sample(): void {
    const totals = this.#read();
    if (totals === undefined) return;
    const last = this.#last;
    this.#last = totals;
    if (last === undefined || totals.batches !== last.batches + 1) return;
    const syncMs = totals.syncMs - last.syncMs;
    this.#time(totals.diskBytes - last.diskBytes, totals.writeMs - last.writeMs + syncMs, syncMs);
  }

  /** Forgets what came so far. */
  clear(): void {
    this.#times.clear();
    this.#last = this.#read();
  }

  /** From the smallest to the largest. */
  get times(): SizeTime[] {
    return sorted(this.#times).map(([, { seen, diskBytes, us, syncUs }]) => ({
      diskBytes: Math.round(diskBytes / seen),
      batches: seen,
      p50Us: Math.round(median(us) * 10) / 10,
      syncP50Us: Math.round(median(syncUs) * 10) / 10,
    }));
  }

  #time(diskBytes: number, ms: number, syncMs: number): void {
    const size = Math.floor(Math.log2(diskBytes) * CLASSES_PER_DOUBLING);
    let timed = this.#times.get(size);
    if (timed === undefined) {
      timed = { seen: 0, diskBytes: 0, us: [], syncUs: [] };
      this.#times.set(size, timed);
    }
    timed.seen++;
    timed.diskBytes += diskBytes;
    if (timed.us.length === TIMES_MAX) return;
    timed.us.push(ms * 1000);
    timed.syncUs.push(syncMs * 1000);
  }
}

function sorted<Value>(map: ReadonlyMap<number, Value>): [number, Value][] {
  return [...map].sort(([a], [b]) => a - b);
}
