/**
 * Whether what a disk showed can be true. Pure. A disk that says "durable" before it is would make every promise of a node worth nothing, and be
 * the fastest of all: so figures that no hardware reaches are reason to stop, not to rejoice.
 */
import { type CheckRow, checkRow } from './check-row.js';
import { LOAD_CONDITION } from './host-checks.js';
import type { HostFacts } from './host-facts.js';
import { type DiskPath, findPoint, type Sweep, type SweepPoint } from './sweep-point.js';

const SMALL_BYTES = 4096;
const ROUNDS_AGREE = 'rounds of the measurement agree';
/** The conditions that say that others were at work on the machine. */
export const DISTURBANCES: readonly string[] = [LOAD_CONDITION, ROUNDS_AGREE];
/** The fastest flash with a protected cache takes some 10 µs for a block by way of the kernel; memory takes 1 to 4. */
const SMALL_US_MIN = 7;
/** A disk that turns 15,000 times a minute needs 2 ms for half a turn; virtual disks say that they rotate and don't. */
const ROTATING_US_MIN = 1_000;
/** A sync of a device with a volatile cache is a command of its own: 10 µs at least to a disk beside the processor. */
const FLUSH_US_MIN = 4;
/** Sixteen lanes of PCIe 5 carry 63 GB/s, four of them 16; no single disk has more. */
const MEGABYTES_PER_SECOND_MAX = 16_000;
/** Rounds that differ by more than this say that somebody else was at work. */
const SPREAD_MAX = 0.2;

/** The rows that follow from the measurement. */
export function plausibilityChecks(sweep: Sweep, facts: HostFacts): CheckRow[] {
  const { points, path, takesDirect } = sweep;
  return [
    checkRow(
      ['native addon', 'there', 'warning'],
      path === 'native' ? 'there' : 'not there: writes go through the page cache',
      path === 'native',
    ),
    checkRow(
      ['O_DIRECT', 'taken by the file system', 'warning'],
      takesDirect === undefined
        ? undefined
        : takesDirect
          ? 'taken'
          : 'refused: writes go through the page cache',
      takesDirect,
    ),
    smallWriteCheck(points, path, facts),
    flushCheck(points, path, facts),
    rateCheck(points),
    spreadCheck(points, path),
  ];
}

function smallWriteCheck(
  points: readonly SweepPoint[],
  path: DiskPath,
  { isRotational }: HostFacts,
): CheckRow {
  const times = durable(points, path).filter(({ bytes }) => bytes === SMALL_BYTES);
  const us = times.length === 0 ? undefined : Math.min(...times.map(({ p50Us }) => p50Us));
  const current = us === undefined ? undefined : `${us.toFixed(1)} µs`;
  const required = `at least ${SMALL_US_MIN} µs: less is memory, or a disk that lies`;
  if (isRotational === true && us !== undefined && us >= SMALL_US_MIN && us < ROTATING_US_MIN) {
    const rotating = `${current}: too fast for a disk that rotates, as it says; virtual disks say so, too`;
    return checkRow(['durable write of 4 KiB', required, 'info'], rotating, true);
  }
  return checkRow(
    ['durable write of 4 KiB', required, 'error'],
    current,
    us !== undefined && us >= SMALL_US_MIN,
  );
}

/** What fdatasync costs more than the same write without it. */
function flushCheck(
  points: readonly SweepPoint[],
  path: DiskPath,
  { hasVolatileCache }: HostFacts,
): CheckRow {
  const kind = { path, blocks: 'prewritten', depth: 1, bytes: SMALL_BYTES } as const;
  const synced = findPoint(points, { ...kind, mode: 'fdatasync' });
  const plain = findPoint(points, { ...kind, mode: 'none' });
  const isThere = synced !== undefined && plain !== undefined;
  const addedUs = isThere ? synced.p50Us - plain.p50Us : 0;
  const required =
    hasVolatileCache === true
      ? `at least ${FLUSH_US_MIN} µs: the disk has a cache that must be flushed`
      : 'anything: the disk is not known to have a cache that must be flushed';
  // Without direct I/O the plain write never left memory: the sync does all the work, which proves nothing.
  const severity = hasVolatileCache === true ? 'error' : 'info';
  return checkRow(
    ['what a sync adds to it', required, severity],
    isThere ? `${addedUs.toFixed(1)} µs` : undefined,
    hasVolatileCache !== true || addedUs >= FLUSH_US_MIN,
  );
}

function rateCheck(points: readonly SweepPoint[]): CheckRow {
  const rates = points
    .filter(({ mode }) => mode !== 'none')
    .map(({ megabytesPerSecond }) => megabytesPerSecond);
  const rate = rates.length === 0 ? undefined : Math.max(...rates);
  return checkRow(
    ['durable megabytes a second', `at most ${MEGABYTES_PER_SECOND_MAX}: more is memory`, 'error'],
    rate?.toFixed(0),
    rate !== undefined && rate <= MEGABYTES_PER_SECOND_MAX,
  );
}

function spreadCheck(points: readonly SweepPoint[], path: DiskPath): CheckRow {
  const spreads = durable(points, path).map(({ spread }) => spread);
  const sorted = spreads.sort((a, b) => a - b);
  const typical = sorted[sorted.length >> 1];
  return checkRow(
    [ROUNDS_AGREE, `within ${SPREAD_MAX * 100} %, half of the points`, 'warning'],
    typical === undefined ? undefined : `within ${(typical * 100).toFixed(0)} %`,
    typical !== undefined && typical <= SPREAD_MAX,
  );
}

function durable(points: readonly SweepPoint[], path: DiskPath): SweepPoint[] {
  return points.filter((point) => point.path === path && point.mode !== 'none' && point.depth === 1);
}
