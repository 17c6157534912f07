/**
 * `cairn bench` without more: the runs of the floors, each several times, and for every floor whether the median run reached it. Main
 * thread.
 */
import {
  type Bench,
  type Floor,
  meets,
  type Ratio,
  type RowOf,
  type SuiteRun,
  type SuiteRunOf,
} from './floors.js';
import { relativeRange, spreadOf } from './statistics/spread.js';
import type { SkippedRow } from './trouble-rows.js';

/** A floor and what the median run reached. */
export interface FloorResult {
  readonly name: string;
  readonly demand: string;
  readonly reached: string;
  readonly isReached: boolean;
  /** Of the median run. */
  readonly ratio: Ratio;
  /** Whether the floor is reached on a disk such as this one: as it stands, or as a ratio. */
  readonly isReachedHere: boolean;
  /** Of the median run, µs. */
  readonly probe4kP50Us: number;
  /** How far the runs' ratios lie apart, as a share of their median. */
  readonly spread: number;
}

/** The median row of a run and its floors; or why it can't be run here, and no floors. */
export interface SuiteResult {
  readonly row: RowOf[Bench] | SkippedRow;
  readonly floors: readonly FloorResult[];
}

/** Runs one row. */
export type RunOnce = (run: SuiteRun) => Promise<RowOf[Bench] | SkippedRow>;

/** Runs everything `runs` times in turn; `report` hears of each run's median row as soon as it is there. */
export async function runSuite(
  suite: readonly SuiteRun[],
  runs: number,
  runOnce: RunOnce,
  report: (result: SuiteResult, run: SuiteRun) => void,
): Promise<FloorResult[]> {
  const all: FloorResult[] = [];
  for (const run of suite) {
    const result = await runSeveral(run, runs, runOnce);
    all.push(...result.floors);
    report(result, run);
  }
  return all;
}

async function runSeveral(run: SuiteRun, runs: number, runOnce: RunOnce): Promise<SuiteResult> {
  const rows: RowOf[Bench][] = [];
  for (let i = 0; i < runs; i++) {
    const row = await runOnce(run);
    if ('skipped' in row) return { row, floors: [] };
    rows.push(row);
  }
  return judge(run as SuiteRunOf<Bench>, rows);
}

/** The median row by the first floor, and each floor by the median of what it asks for. */
function judge(run: SuiteRunOf<Bench>, rows: readonly RowOf[Bench][]): SuiteResult {
  const floors = run.floors.map((floor) => {
    const { name, demand } = floor;
    const row = medianBy(floor, rows);
    const ratio = floor.ratio(row);
    const isReached = floor.isReached(row);
    const spread = relativeRange(spreadOf(rows.map((each) => floor.ratio(each).reached)));
    return {
      name,
      demand,
      reached: floor.reached(row),
      isReached,
      ratio,
      isReachedHere: isReached || meets(ratio),
      probe4kP50Us: row.probe4kP50Us,
      spread,
    };
  });
  return { row: medianBy(run.floors[0], rows), floors };
}

/** The row in the middle; of an even number the worse of the two. */
function medianBy<Row>(floor: Floor<Row>, rows: readonly Row[]): Row {
  const sorted = [...rows].sort((a, b) => floor.merit(a) - floor.merit(b));
  return sorted[(sorted.length - 1) >> 1]!;
}
