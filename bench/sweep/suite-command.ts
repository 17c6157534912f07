/**
 * `cairn bench suite`: measures a plan of points several times and tells it as a table, as JSON lines and as a page; or compares two result
 * files. Results go to standard output, progress to standard error. Main thread.
 */
import { type Command, Option } from 'commander';
import { openPlatform } from '../../src/native/platform.js';
import type { FlagValues } from '../flags.js';
import { peerSections } from '../peers/report.js';
import { readPeerFile } from '../peers/results-file.js';
import { endBySignal, withScratchFolder } from '../scratch-folder.js';
import { compare, comparisonLines } from './comparison.js';
import { labelOf } from './configuration.js';
import { type Measurement, measurePoint } from './measurement.js';
import { ProgressLine } from './progress-line.js';
import { reportOf } from './report.js';
import { describeMachine, type Results, ResultsFile, readResults, writeText } from './results-file.js';
import { runSweeps } from './run-sweeps.js';
import { parseSuiteOptions, type SuiteOptions, type SuiteTask } from './suite-options.js';
import { noiseSentence, rowsOf, tableLines } from './sweep-row.js';
import { SWEEP_NAMES } from './sweeps.js';

/** Adds `suite` to `bench`. */
export function registerSuite(bench: Command): void {
  bench
    .command('suite')
    .description('sweep load, sizes and settings; a table, JSON lines and a page with plots')
    .option('--quick', 'fewer points, shorter: about a minute instead of ten or so')
    .option('--only <sweeps>', `some of ${SWEEP_NAMES.join(', ')}, with commas`)
    .option('--runs <n>', 'how often each point is measured (default: 3)')
    .option('--seconds <n>', 'how long each time (default: 2; quick: 0.3)')
    .option('--warmup <n>', 'seconds to run before that (default: 1; quick: 0.1)')
    .option(
      '--url <urls>',
      'nodes that run already, with commas: only what changes nothing about them is measured',
    )
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('--out <file>', 'write every measurement there, as JSON lines')
    .option('--report <file>', 'write a page with plots there, which opens without a network')
    .option('--peers <file>', 'show the results of cairn bench peers on that page, too')
    .option('--from <file>', 'measure nothing: the table, or the report, of results written before')
    .addOption(new Option('--compare <files...>', 'measure nothing: two result files side by side'))
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)')
    .action(
      async ({ quick, compare: files, ...text }: FlagValues & { quick?: boolean; compare?: string[] }) => {
        await runSuiteCommand(parseSuiteOptions({ quick, compare: files, text: text as FlagValues }));
      },
    );
}

async function runSuiteCommand({ task, output, report, peers }: SuiteOptions): Promise<void> {
  if (task.kind === 'compare') {
    printComparison(task.before, task.after, output);
    return;
  }
  const results = task.kind === 'render' ? readResults(task.from) : await measure(task);
  const rows = rowsOf(results.measurements);
  const lines = output === 'json' ? rows.map((row) => JSON.stringify(row)) : tableLines(rows);
  for (const line of lines) console.log(line);
  const noise = noiseSentence(rows);
  if (noise !== undefined) console.error(noise);
  if (report === undefined) return;
  const further = peers === undefined ? [] : peerSections(readPeerFile(peers).results);
  writeText(report, reportOf(results, further));
}

function printComparison(before: string, after: string, output: SuiteOptions['output']): void {
  const comparison = compare(readResults(before).measurements, readResults(after).measurements);
  const lines =
    output === 'json' ? comparison.rows.map((row) => JSON.stringify(row)) : comparisonLines(comparison);
  for (const line of lines) console.log(line);
}

async function measure({ plan, names, out }: SuiteTask & { kind: 'measure' }): Promise<Results> {
  const { settings, repetitions } = plan;
  const { seconds, warmupSeconds, directory } = settings;
  const machine = describeMachine({ sweeps: names, seconds, warmupSeconds, repetitions });
  const file = new ResultsFile(out, machine);
  const progress = new ProgressLine();
  const interruption = new AbortController();
  const { disk } = openPlatform();
  const onSignal = (signal: Parameters<typeof endBySignal>[0]) => {
    if (interruption.signal.aborted || signal !== 'SIGINT') endBySignal(signal);
    interruption.abort();
    progress.note('stopping after this measurement; once more to end at once');
  };
  const body = (folder: string) =>
    runSweeps(
      plan,
      folder,
      (point, repetition, own) => measurePoint(point, repetition, settings, { disk, folder: own }),
      {
        interruption: interruption.signal,
        measured: (measurement) => file.add(measurement),
        failed: (point, { code, message }) => progress.note(`${labelOf(point)}: ${message} [${code}]`),
        progress: (line) => progress.show(line),
      },
    );
  let measurements: Measurement[];
  try {
    measurements = await withScratchFolder(directory, body, onSignal);
  } finally {
    progress.end();
  }
  for (const row of rowsOf(measurements)) file.add(row);
  file.add({ kind: 'end', isInterrupted: interruption.signal.aborted });
  return { machine, measurements };
}
