/**
 * `cairn bench`: the flags, and what is printed. Results go to standard output, one JSON object a row with `-o json`;
 * everything else goes to standard error. Main thread.
 */
import type { Command } from 'commander';
import { openPlatform } from '../src/native/platform.js';
import { runBackupBench } from './backup.js';
import { backupLine, parseBackupOptions } from './backup-row.js';
import { catchUpFlags } from './cluster-options.js';
import type { FlagValues } from './flags.js';
import { registerLookup } from './lookup-command.js';
import { parseOutput, parseRuns, syncModeOf } from './options.js';
import { registerPeers } from './peers/command.js';
import { type BenchRow, rowAsJson, rowAsTableLine, tableHeader } from './row.js';
import { RUN_ROW, runFloorRow, suiteOf } from './run-row.js';
import { registerScavenge } from './scavenge-command.js';
import { runSubscribe } from './subscribe.js';
import { parseSubscribeOptions, subscribeLine } from './subscribe-row.js';
import { type FloorResult, runSuite, type SuiteResult } from './suite.js';
import { registerSuite } from './sweep/suite-command.js';
import { type TroubleRow, troubleLine } from './trouble-rows.js';

/** Adds `bench` and its subcommands to the command line. `program` has positional options enabled. */
export function registerBench(program: Command): void {
  const bench = program
    .command('bench')
    .description('measure this machine: without a subcommand, the floors of docs/performance.md')
    // Without it the options of `bench` would be taken from behind `bench append` as well.
    .enablePositionalOptions();
  addCommonFlags(bench)
    .option('--runs <n>', 'how often each row runs; the median counts (default: 3)')
    .option('--nodes <n>', 'only the floors of one node, or those of three (default: both)')
    .action((flags: FlagValues) => runFloors(flags));
  addLoadFlags(bench.command('append').description('append events, closed loop or at a given rate'))
    .option('--streams <n>', 'how many streams the events go to, in turn (default: 16)')
    .option(
      '--rate <n>',
      'events a second to start, latency counted from the intended start (default: closed loop)',
    )
    .action((flags: FlagValues) => printRow(flags, RUN_ROW.append));
  addLoadFlags(bench.command('read').description('fill a node, then read it over ws'))
    .option('--streams <n>', 'how many streams to fill, reading the whole log (default: 16)')
    .option('--source <what>', 'what to read: stream or all (default: all)')
    .option('--events <n>', 'how many events to fill the node with first (default: 1000000)')
    .action((flags: FlagValues) => printRow(flags, RUN_ROW.read));
  addSubscribe(bench);
  addBackup(bench);
  registerLookup(bench);
  registerScavenge(bench);
  addClusterCommands(bench);
  registerSuite(bench);
  registerPeers(bench);
}

function addSubscribe(bench: Command): void {
  addCommonFlags(
    bench.command('subscribe').description('many live subscribers: what reaches them, and what they cost'),
  )
    .option('--nodes <n>', 'how many nodes: more than one are a cluster on this machine (default: 1)')
    .option('--subscribers <n>', 'how many (default: 1000)')
    .option('--source <what>', 'what each follows: stream or all (default: stream)')
    .option('--streams <n>', 'how many streams the events go to, and are followed, in turn (default: 16)')
    .option('--connections <n>', 'ws connections of the subscribers (default: 16)')
    .option('--rate <n>', 'appends a second that they see (default: 500; with --source all: 20)')
    .option(
      '--in-flight <n>',
      'appends open at once when the cost of idle subscribers is measured (default: 256)',
    )
    .action(async (flags: FlagValues) => {
      const output = parseOutput(flags);
      const row = await runSubscribe(parseSubscribeOptions(flags), openPlatform().disk);
      console.log(output === 'json' ? JSON.stringify(row) : subscribeLine(row));
    });
}

function addBackup(bench: Command): void {
  addCommonFlags(
    bench.command('backup').description('what appends notice of a backup that is made meanwhile'),
  )
    .option('--rate <n>', 'appends a second of the open loop (default: 20000)')
    .option('--bytes <n>', 'what is in the log before, such as 1GiB (default: 128MiB)')
    .option('--runs <n>', 'how often each load runs, without and with a backup (default: 3)')
    .action(async (flags: FlagValues) => {
      const output = parseOutput(flags);
      const rows = await runBackupBench(parseBackupOptions(flags), openPlatform().disk);
      for (const row of rows) console.log(output === 'json' ? JSON.stringify(row) : backupLine(row));
    });
}

function addClusterCommands(bench: Command): void {
  addTroubleFlags(
    bench.command('failover').description('lose the leader; how long until a write is acknowledged'),
  )
    .option('--how <how>', 'what happens to the leader: kill or pause (default: kill)')
    .option('--runs <n>', 'how often (default: 10)')
    .option('--rate <n>', 'appends a second meanwhile (default: 200)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .action((flags: FlagValues) => printTroubles(flags, [flags], RUN_ROW.failover));
  addWatchFlags(
    bench.command('catchup').description('a follower comes back, far behind: how fast it catches up'),
  )
    .option('--bytes <n>', 'how much it has missed, such as 256MiB (default: 1GiB)')
    .option(
      '--event-bytes <n>',
      'in events of so many bytes of data (default: 65536, and once more with 256)',
    )
    .action((flags: FlagValues) => printTroubles(flags, catchUpFlags(flags), RUN_ROW.catchup));
  addWatchFlags(
    bench.command('slow-follower').description("a follower's disk is slow: what the clients notice"),
  )
    .option('--delay-ms <n>', 'how much longer each of its syncs takes (default: 300)')
    .option('--warmup <n>', 'seconds to run before measuring (default: 2)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .action((flags: FlagValues) => printTroubles(flags, [flags], RUN_ROW['slow-follower']));
}

function addCommonFlags(command: Command): Command {
  return addPlaceFlags(command)
    .option('--seconds <n>', 'how long to measure (default: 5; the floors: 3)')
    .option('--warmup <n>', 'seconds to run before that (default: 2; several nodes: 15)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)');
}

function addPlaceFlags(command: Command): Command {
  return command
    .option(
      '--sync-mode <mode>',
      'how writes become durable: fdatasync or dsync (default: fdatasync); none, for append in this process: they do not',
    )
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)');
}

function addTroubleFlags(command: Command): Command {
  return addPlaceFlags(command).option('--nodes <n>', 'how many nodes (default: 3)');
}

function addWatchFlags(command: Command): Command {
  return addTroubleFlags(command)
    .option('--seconds <n>', 'how long the load is watched in each state that lasts (default: 5)')
    .option('--rate <n>', 'appends a second meanwhile (default: 1000)');
}

function addLoadFlags(command: Command): Command {
  return addCommonFlags(command)
    .option('--mode <mode>', 'engine: inside this process; ws: nodes, over a connection')
    .option('--nodes <n>', 'how many nodes: more than one are a cluster on this machine (default: 1)')
    .option('--in-flight <n>', 'requests, or reads, open at once (default: 256 requests, 1 read)')
    .option('--events-per-request <n>', 'events in each append (default: 1; filling for a read: 64)')
    .option('--connections <n>', 'ws connections to spread the requests over (default: 1)')
    .option('--url <urls>', 'a running node, or several of one cluster with commas; the events stay there');
}

async function printRow(flags: FlagValues, run: (flags: FlagValues) => Promise<BenchRow>): Promise<void> {
  const output = parseOutput(flags);
  const row = await run(flags);
  console.log(output === 'json' ? rowAsJson(row) : `${tableHeader()}\n${rowAsTableLine(row)}`);
}

async function printTroubles(
  flags: FlagValues,
  all: readonly FlagValues[],
  run: (flags: FlagValues) => Promise<TroubleRow>,
): Promise<void> {
  const output = parseOutput(flags);
  for (const each of all) {
    const row = await run(each);
    console.log(output === 'json' ? JSON.stringify(row) : troubleLine(row));
  }
}

async function runFloors(flags: FlagValues): Promise<void> {
  const output = parseOutput(flags);
  const runs = parseRuns(flags);
  syncModeOf(flags);
  const suite = suiteOf(flags);
  if (output === 'table') console.log(tableHeader());
  const all = await runSuite(
    suite,
    runs,
    (run) => runFloorRow(run, flags),
    ({ row, floors }: SuiteResult) => {
      console.log(output === 'json' ? JSON.stringify({ ...row, floors }) : lineOf(row));
    },
  );
  if (output === 'table') printFloors(all);
}

function lineOf(row: SuiteResult['row']): string {
  return 'p50OverProbe' in row ? rowAsTableLine(row) : troubleLine(row);
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
