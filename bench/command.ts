/**
 * `cairn bench`: the flags, and what is printed. Results go to standard output, one JSON object a row with `-o json`;
 * everything else goes to standard error. Main thread.
 */
import type { Command } from 'commander';
import { openPlatform } from '../src/native/platform.js';
import { runAppend } from './append.js';
import { openEngineTarget } from './engine-target.js';
import { SINGLE_NODE_SUITE, type SuiteRun } from './floors.js';
import type { FlagValues } from './flags.js';
import { parseAppendOptions, parseOutput, parseReadOptions, parseRuns } from './options.js';
import { runRead } from './read.js';
import { type BenchRow, rowAsJson, rowAsTableLine, tableHeader } from './row.js';
import { type FloorResult, runSuite, type SuiteResult } from './suite.js';
import { openWsTarget } from './ws-target.js';

/** Short runs, so that the whole suite takes about three minutes: what it judges by is the median of several. */
const SUITE_SECONDS = '3';
const SUITE_WARMUP_SECONDS = '2';

/** Adds `bench`, `bench append` and `bench read` to the command line. `program` has positional options enabled. */
export function registerBench(program: Command): void {
  const bench = program
    .command('bench')
    .description('measure this machine: without a subcommand, the single-node floors of docs/performance.md')
    // Without it the options of `bench` would be taken from behind `bench append` as well.
    .enablePositionalOptions();
  addCommonFlags(bench)
    .option('--runs <n>', 'how often each row runs; the median counts (default: 3)')
    .action((flags: FlagValues) => runFloors(flags));
  addLoadFlags(bench.command('append').description('append events, closed loop or at a given rate'))
    .option('--streams <n>', 'how many streams the events go to, in turn (default: 16)')
    .option(
      '--rate <n>',
      'events a second to start, latency counted from the intended start (default: closed loop)',
    )
    .action((flags: FlagValues) => printRow(flags, runAppendRow));
  addLoadFlags(bench.command('read').description('fill a node, then read it over ws'))
    .option('--streams <n>', 'how many streams to fill, reading the whole log (default: 16)')
    .option('--source <what>', 'what to read: stream or all (default: all)')
    .option('--events <n>', 'how many events to fill the node with first (default: 1000000)')
    .action((flags: FlagValues) => printRow(flags, runReadRow));
}

function addCommonFlags(command: Command): Command {
  return command
    .option('--seconds <n>', 'how long to measure (default: 5; the floors: 3)')
    .option('--warmup <n>', 'seconds to run before that (default: 2)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .option('--sync-mode <mode>', 'how writes become durable: fdatasync or dsync (default: fdatasync)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)');
}

function addLoadFlags(command: Command): Command {
  return addCommonFlags(command)
    .option('--mode <mode>', 'engine: inside this process; ws: a node, over a connection')
    .option('--nodes <n>', 'how many nodes: more than one are a cluster on this machine (default: 1)')
    .option('--in-flight <n>', 'requests, or reads, open at once (default: 256 requests, 1 read)')
    .option('--events-per-request <n>', 'events in each append (default: 1; filling for a read: 64)')
    .option('--connections <n>', 'ws connections to spread the requests over (default: 1)')
    .option('--url <url>', 'a running node instead of one of our own, or several of a cluster, with commas; the events stay in it');
}

async function runAppendRow(flags: FlagValues): Promise<BenchRow> {
  const options = parseAppendOptions(flags);
  const open = options.mode === 'engine' ? openEngineTarget : openWsTarget;
  return await runAppend(options, openPlatform().disk, open);
}

async function runReadRow(flags: FlagValues): Promise<BenchRow> {
  return await runRead(parseReadOptions(flags), openPlatform().disk);
}

async function printRow(flags: FlagValues, run: (flags: FlagValues) => Promise<BenchRow>): Promise<void> {
  const output = parseOutput(flags);
  const row = await run(flags);
  console.log(output === 'json' ? rowAsJson(row) : `${tableHeader()}\n${rowAsTableLine(row)}`);
}

async function runFloors(flags: FlagValues): Promise<void> {
  const output = parseOutput(flags);
  const runs = parseRuns(flags);
  if (output === 'table') console.log(tableHeader());
  const all = await runSuite(
    SINGLE_NODE_SUITE,
    runs,
    ({ bench, flags: own }: SuiteRun) => {
      const merged = { ...defaultsOf(flags), ...own };
      return bench === 'append' ? runAppendRow(merged) : runReadRow(merged);
    },
    ({ row, floors }: SuiteResult) => {
      console.log(output === 'json' ? JSON.stringify({ ...row, floors }) : rowAsTableLine(row));
    },
  );
  if (output === 'table') printFloors(all);
}

/** The flags of a suite run that the user may set. */
function defaultsOf(flags: FlagValues): FlagValues {
  const { seconds = SUITE_SECONDS, warmup = SUITE_WARMUP_SECONDS, eventBytes, syncMode, dir } = flags;
  return { seconds, warmup, eventBytes, syncMode, dir };
}

function printFloors(floors: readonly FloorResult[]): void {
  const nameWidth = Math.max(...floors.map(({ name }) => name.length));
  const demandWidth = Math.max(...floors.map(({ demand }) => demand.length));
  console.log(`\n${'floor'.padEnd(nameWidth)}  ${'demand'.padEnd(demandWidth)}  result  reached`);
  for (const { name, demand, reached, isReached } of floors) {
    const verdict = isReached ? 'pass' : 'FAIL';
    console.log(`${name.padEnd(nameWidth)}  ${demand.padEnd(demandWidth)}  ${verdict.padEnd(6)}  ${reached}`);
  }
}
