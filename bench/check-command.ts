/**
 * `cairn check perf`: whether this machine reaches the floors, PASS or FAIL for each, with an exit status that says so. The same runs as
 * `cairn bench` makes, told for scripts. Main thread.
 */
import type { Command } from 'commander';
import { EXIT_CODES } from '../src/cli/exit-codes.js';
import { defined, type FlagValues } from './flags.js';
import type { Ratio, SuiteRun } from './floors.js';
import { parseOutput, parseRuns, syncModeOf } from './options.js';
import { rounded } from './rounded.js';
import { runFloorRow, suiteOf } from './run-row.js';
import { type RunOnce, runSuite, type SuiteResult } from './suite.js';
import { percentText } from './sweep/sweep-row.js';

/** What a script reads: one object for each floor. docs/performance.md explains every field. */
interface CheckedFloor {
  readonly floor: string;
  readonly demand: string;
  /** UNSURE: passed only beside a probe that was held up. SKIPPED: can't be run here. */
  readonly verdict: 'PASS' | 'FAIL' | 'UNSURE' | 'SKIPPED';
  readonly reached: string;
  readonly ratio?: Ratio;
  readonly spread?: number;
  readonly probe4kP50Us?: number;
  readonly runs: number;
}

/** One run of a second each, of appends and reads: half a minute with three nodes, and worth as much as that. */
const QUICK: FlagValues = { seconds: '1', warmup: '0.5', runs: '1' };
const QUICK_BENCHES: ReadonlySet<SuiteRun['bench']> = new Set(['append', 'read']);

/** A probe so many times as slow as the fastest of the check was held up by neighbours, and a ratio to it means nothing. */
const HELD_UP = 2;

/** Adds `check` and its commands to the command line. */
export function registerCheck(program: Command): void {
  const check = program.command('check').description('check this machine: PASS or FAIL');
  check
    .command('perf')
    .description(
      'measure, and hold what is reached against the floors of docs/performance.md; exit status 10 unless all pass',
    )
    .option('--nodes <n>', 'only the floors of one node, or those of three (default: both)')
    .option('--runs <n>', 'how often each row runs; the median counts (default: 3)')
    .option('--seconds <n>', 'how long to measure (default: 3)')
    .option('--warmup <n>', 'seconds to run before that (default: 2; several nodes: 15)')
    .option('--quick', 'appends and reads only, one second, once: no more than a hint')
    .option('--sync-mode <mode>', 'how writes become durable: fdatasync or dsync (default: fdatasync)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('-o, --output <format>', 'table or json: one object a floor on standard output (default: table)')
    .action(async ({ quick, ...flags }: FlagValues & { quick?: boolean }) => {
      const all = quick === true ? { ...QUICK, ...defined(flags as FlagValues) } : (flags as FlagValues);
      const runs = suiteOf(all).filter(({ bench }) => quick !== true || QUICK_BENCHES.has(bench));
      if (!(await checkPerf(runs, all, (run) => runFloorRow(run, all)))) {
        process.exitCode = EXIT_CODES.floorMissed;
      }
    });
}

/** Runs and prints; whether all floors are reached. Throws `CairnError`, before anything runs if a flag is not usable. */
export async function checkPerf(
  suite: readonly SuiteRun[],
  flags: FlagValues,
  runOnce: RunOnce,
): Promise<boolean> {
  const output = parseOutput(flags);
  const runs = parseRuns(flags);
  syncModeOf(flags);
  const results: { readonly result: SuiteResult; readonly run: SuiteRun }[] = [];
  let step = 0;
  const told: RunOnce = (run) => {
    console.error(`${++step} of at most ${suite.length * runs}: ${run.floors[0].name}`);
    return runOnce(run);
  };
  await runSuite(suite, runs, told, (result, run) => results.push({ result, run }));
  const probes = results.flatMap(({ result }) => result.floors.map(({ probe4kP50Us }) => probe4kP50Us));
  const quietUs = Math.min(...probes);
  const checked = results.flatMap(({ result, run }) => checkedOf(result, run, runs, quietUs));
  const lines = output === 'json' ? checked.map((floor) => JSON.stringify(floor)) : tableOf(checked);
  for (const line of lines) console.log(line);
  return checked.every(({ verdict }) => verdict === 'PASS' || verdict === 'SKIPPED');
}

/** `quietUs`: the fastest probe of the whole check. */
function checkedOf(
  { row, floors }: SuiteResult,
  run: SuiteRun,
  runs: number,
  quietUs: number,
): CheckedFloor[] {
  if ('skipped' in row) {
    const { skipped } = row;
    return run.floors.map(({ name, demand }) => {
      return { floor: name, demand, verdict: 'SKIPPED', reached: skipped, runs: 0 };
    });
  }
  return floors.map(({ name, demand, reached, isReachedHere, ratio, spread, probe4kP50Us }) => {
    const isHeldUp = ratio.restsOnProbe && probe4kP50Us > HELD_UP * quietUs;
    return {
      floor: name,
      demand,
      verdict: isReachedHere ? (isHeldUp ? 'UNSURE' : 'PASS') : 'FAIL',
      reached,
      ratio: { ...ratio, reached: rounded(ratio.reached, 3), floor: rounded(ratio.floor, 3) },
      spread: rounded(spread, 3),
      probe4kP50Us,
      runs,
    };
  });
}

function tableOf(checked: readonly CheckedFloor[]): string[] {
  const head = ['', 'floor', 'demand', 'reached', 'as a ratio', 'must be', 'of', 'spread', 'probe 4k µs'];
  const lines = checked.map(({ verdict, floor, demand, reached, ratio, spread, probe4kP50Us }) => [
    verdict,
    floor,
    demand,
    reached,
    ratio === undefined ? '' : String(rounded(ratio.reached, 2)),
    ratio === undefined ? '' : `${ratio.isMoreBetter ? '≥' : '≤'} ${rounded(ratio.floor, 2)}`,
    ratio?.of ?? '',
    spread === undefined ? '' : percentText(spread),
    String(probe4kP50Us ?? ''),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((cells) => cells[column]!.length)));
  const counts = (['PASS', 'FAIL', 'UNSURE', 'SKIPPED'] as const).map((word) => {
    return [word, checked.filter(({ verdict }) => verdict === word).length] as const;
  });
  const told = counts.filter(([, count]) => count > 0).map(([word, count]) => `${count} ${word}`);
  const isUnsure = checked.some(({ verdict }) => verdict === 'UNSURE');
  return [
    ...[head, ...lines].map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    ),
    `${checked.length} floors: ${told.join(', ')}`,
    ...(isUnsure
      ? ['UNSURE: passed, but beside a probe that was held up; check again when the machine is quiet']
      : []),
  ];
}
