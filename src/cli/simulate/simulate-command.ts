/**
 * `cairn simulate`: runs whole clusters in one thread, on simulated disks, clocks and networks, from a seed. A run is a function of its
 * seed and options; a failure prints the command that replays it. Main thread; with `--jobs`, a pool of workers runs the seeds.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { VOTERS_MAX } from '../../cluster/configuration.js';
import { ALL_FAULT_KINDS, FAULT_GROUPS, NO_FAULTS, parseFaults } from '../../sim/faults/fault-plan.js';
import { EXIT_CODES } from '../exit-codes.js';
import { failureLines, summaryLine, summaryOf } from './simulate-report.js';
import { runSeeds, type SeedRange } from './simulate-run.js';

interface SimulateOptions {
  readonly seed: number | undefined;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly nodes: number;
  readonly clones: number;
  readonly replicas: number;
  readonly clients: number | undefined;
  readonly ticks: number;
  readonly faults: string;
  readonly jobs: number;
  readonly output: 'text' | 'json';
}

/** Long enough for some elections, faults and repairs; short enough that many seeds are tried. */
const TICKS_DEFAULT = 10_000;
/** More would be slower on any machine that somebody simulates on. */
const JOBS_MAX = 64;
/** The history of all of them is kept, and checked in the end. */
const CLIENTS_MAX = 1000;

/** Adds `simulate` to the command line. */
export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description('run whole clusters in one thread, with faults, from a seed, and check every promise')
    .addOption(new Option('--seed <n>', 'run this seed alone').argParser(wholeNumber).conflicts('seeds'))
    .option('--seeds <n>', 'run so many seeds', positiveNumber, 1)
    .option('--first-seed <n>', 'the first of them', wholeNumber, 1)
    .option('--nodes <n>', 'voters that found the cluster', voterCount, 3)
    .option('--clones <n>', 'nodes that join as clones', memberCount, 0)
    .option('--replicas <n>', 'nodes that join as read-only replicas', memberCount, 0)
    .addOption(
      new Option('--clients <n>', 'clients that ask all the time; 0: a quiet cluster').argParser(clientCount),
    )
    .option('--ticks <ms>', 'virtual milliseconds that a run lasts', positiveNumber, TICKS_DEFAULT)
    .option(
      '--faults <names>',
      `none, swarm, all, ${FAULT_GROUPS.join(', ')}, or: ${ALL_FAULT_KINDS.join(', ')}; several with commas`,
      faultNames,
      'swarm',
    )
    .option('--jobs <n>', 'worker threads', jobCount, 1)
    .addOption(
      new Option('-o, --output <format>', 'a line, or one JSON object')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(simulate);
}

async function simulate(options: SimulateOptions): Promise<void> {
  const range = rangeOf(options);
  const results = await runSeeds(range, options.jobs, showProgress);
  clearProgress();
  for (const failed of results.failed) {
    for (const line of failureLines(failed, range)) console.error(line);
  }
  const summary = summaryOf(results);
  console.log(options.output === 'json' ? JSON.stringify(summary) : summaryLine(summary));
  if (summary.violations > 0) process.exitCode = EXIT_CODES.unexpected;
}

function rangeOf(options: SimulateOptions): SeedRange {
  const { seed, seeds, firstSeed, nodes, clones, replicas, clients, ticks } = options;
  const faults = parseFaults(options.faults) ?? NO_FAULTS;
  return {
    first: seed ?? firstSeed,
    count: seed === undefined ? seeds : 1,
    options: { nodes, clones, replicas, ...(clients !== undefined && { clients }), virtualMs: ticks, faults },
    faultsText: options.faults,
  };
}

function faultNames(text: string): string {
  if (parseFaults(text) === undefined) throw new InvalidArgumentError('There are no faults of that name.');
  return text;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('Not a whole number.');
  return number;
}

function positiveNumber(text: string): number {
  return within(text, 1, Number.MAX_SAFE_INTEGER);
}

function voterCount(text: string): number {
  return within(text, 1, VOTERS_MAX);
}

function memberCount(text: string): number {
  return within(text, 0, VOTERS_MAX);
}

function clientCount(text: string): number {
  return within(text, 0, CLIENTS_MAX);
}

function jobCount(text: string): number {
  return within(text, 1, JOBS_MAX);
}

function within(text: string, low: number, high: number): number {
  const number = wholeNumber(text);
  if (number < low || number > high) throw new InvalidArgumentError(`Not from ${low} to ${high}.`);
  return number;
}

/** One line on a terminal, overwritten; nothing where standard error goes to a file. */
function showProgress(done: number, count: number, failed: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count} seeds, ${failed} failed`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
