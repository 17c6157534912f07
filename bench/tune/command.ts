/**
 * `cairn tune disk`: the flags, and what is printed and written. Results go to standard output, everything else to standard error. Main thread.
 */
import type { Command } from 'commander';
import { CairnError } from '../../src/base/errors.js';
import { Interruption } from '../../src/cli/cluster/interruption.js';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { openPlatform } from '../../src/native/platform.js';
import type { FlagValues } from '../flags.js';
import { applyTo, replace, requireReplaceable, tunedYaml } from './configuration-file.js';
import { SYSTEM } from './host-facts.js';
import { parseTuneOptions, type TuneOptions } from './options.js';
import { tuneReport } from './tune-report.js';
import { settingsOf, type TuneResult, tuneDisk, tunedNames } from './tune-run.js';
import { loadsText, resultJson, tableLines, tablesOf, trustText } from './tune-text.js';

/** Adds `tune` and its command to the command line. */
export function registerTune(program: Command): void {
  const tune = program.command('tune').description('find the settings that suit this machine');
  tune
    .command('disk')
    .description(
      "measure the data folder's disk, and find the best sync mode, batch cap and chunk size for it",
    )
    .option('--db <folder>', 'the data folder, on the disk to measure (default: that of --apply, or data)')
    .option('--goal <goal>', 'latency, throughput or balanced (default: balanced)')
    .option('--seconds <n>', 'how long to measure and verify (default: 30)')
    .option('--out <file>', 'write what was found as a YAML file for cairn node --config')
    .option('--apply <file>', 'put what was found into this YAML file, and leave all else in it as it is')
    .option('--report <file>', 'write an HTML page that shows why')
    .option('--force', 'go on where a check fails, and replace files')
    .option('-o, --output <format>', 'table or json: one object with all figures (default: table)')
    .action(({ force, ...flags }: FlagValues & { force?: true }) => runTune(flags, force === true));
}

async function runTune(flags: FlagValues, force: boolean): Promise<void> {
  const options = parseTuneOptions(flags, force, process.cwd());
  if (options.out !== undefined && !force) requireReplaceable(options.out);
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    const { signal } = interruption;
    const result = await tuneDisk(options, { platform: openPlatform(), host: SYSTEM, signal, progress });
    clearProgress();
    print(result, options);
    if (options.report !== undefined) replace(options.report, tuneReport(result, new Date()));
    if (result.refusal !== undefined) throw result.refusal;
    if (signal.aborted) {
      console.error('interrupted: no setting is verified, so none is written');
      process.exitCode = EXIT_CODES.interrupted;
      return;
    }
    writeSettings(result, options);
  } finally {
    interruption.release();
  }
}

function print(result: TuneResult, { output }: TuneOptions): void {
  if (output === 'json') {
    console.log(resultJson(result));
    return;
  }
  const tables = tablesOf(result).map((table) => tableLines(table).join('\n'));
  console.log(tables.join('\n\n'));
  if (result.predictions.length > 0) console.log(`loads: ${loadsText()}`);
  const trust = trustText(result);
  if (trust !== undefined) console.log(`\n${trust}`);
}

function writeSettings(result: TuneResult, { out, apply, output }: TuneOptions): void {
  const settings = settingsOf(result);
  if (settings === undefined)
    throw new CairnError('timeout', 'too little was measured for a setting: give it more --seconds');
  const names = tunedNames(result);
  const about = [
    `--goal ${result.goal}, ${new Date().toISOString().slice(0, 10)}, ${result.folder}`,
    'What each option does: docs/tuning.md.',
  ];
  const yaml = tunedYaml(settings, names, about);
  if (output === 'table') console.log(`\n${yaml.trimEnd()}`);
  if (out !== undefined) replace(out, yaml);
  if (apply !== undefined) applyTo(apply, settings, names);
  for (const path of [out, apply?.path]) if (path !== undefined) console.error(`written: ${path}`);
}

let lastStage = '';

/** On a terminal one line, overwritten; elsewhere a line for each stage. */
function progress(line: string): void {
  const stage = line.split(':', 1)[0]!;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (stage !== lastStage) console.error(stage);
  lastStage = stage;
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
