/**
 * `cairn bench` without more: the runs of the single-node floors, each several times, and for every floor whether the
 * median run reached it. Main thread.
 */
import type { SuiteRun } from './floors.js';
import type { BenchRow } from './row.js';

/** A floor and what the median run reached. */
export interface FloorResult {
  readonly name: string;
  readonly demand: string;
  readonly reached: string;
  readonly isReached: boolean;
}

/** The row of a run and its floors. */
export interface SuiteResult {
  readonly row: BenchRow;
  readonly floors: readonly FloorResult[];
}

/** Runs everything `runs` times in turn; `report` hears of each run's median row as soon as it is there. */
export async function runSuite(
  suite: readonly SuiteRun[],
  runs: number,
  runOnce: (run: SuiteRun) => Promise<BenchRow>,
  report: (result: SuiteResult) => void,
): Promise<FloorResult[]> {
  const all: FloorResult[] = [];
  for (const run of suite) {
    const rows: BenchRow[] = [];
    for (let i = 0; i < runs; i++) rows.push(await runOnce(run));
    const result = judge(run, rows);
    all.push(...result.floors);
    report(result);
  }
  return all;
}

/** The median row, and each floor by the median of what it asks for. */
function judge(run: SuiteRun, rows: readonly BenchRow[]): SuiteResult {
  const floors = run.floors.map((floor) => {
    const { name, demand } = floor;
    const row = middle([...rows].sort((a, b) => floor.merit(a) - floor.merit(b)));
    return { name, demand, reached: floor.reached(row), isReached: floor.isReached(row) };
  });
  return { row: middle([...rows].sort((a, b) => a.eventsPerSecond - b.eventsPerSecond)), floors };
}

/** The element in the middle; of an even number the worse of the two, when sorted from worst to best. */
function middle<Item>(sorted: readonly Item[]): Item {
  return sorted[(sorted.length - 1) >> 1]!;
}
