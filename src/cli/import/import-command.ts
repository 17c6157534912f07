/**
 * `cairn import`: the command, from its arguments to its summary. Main thread. What always holds: standard output gets the summary
 * and nothing else.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addUrlOption } from '../node-urls.js';
import { type ConnectionEvents, connectTarget } from './client-target.js';
import { FORMATS } from './formats.js';
import { type ImportFlags, isNamedSource, planImport, STANDARD_INPUT } from './import-options.js';
import { ImportRun } from './import-run.js';
import { type Input, openFile, StreamInput } from './input.js';
import { jsonSummary, tableSummary, withAdvice } from './outcome.js';
import { CLEAR_LINE, showProgress } from './progress.js';
import { surveyRows } from './rows-survey.js';

/** A stream has one append under way at a time: the more it takes, the less a round trip costs. */
const DEFAULT_BATCH = 2000;
/** An append frame counts its events in 16 bits. */
const BATCH_MAX = 65_535;
/** As many streams are looked up at a time as a node allows a connection by default. */
const DEFAULT_IN_FLIGHT = 64;
const IN_FLIGHT_MAX = 256;

const HELP = `
Run it again after anything went wrong, or when the file has grown: it goes on where it stopped, and nothing doubles. A source
is known by its name (the file's, or --source), --rows and --stream-by. Standard input is known only by --source, and is
then read from its start again. Details: docs/import.md
`;

/** Adds `import` to the command line. */
export function registerImport(program: Command): void {
  const command = program
    .command('import')
    .description('write the rows of a file (NDJSON, JSON, CSV, TSV) as events, once each')
    .argument('<file>', `the file; ${STANDARD_INPUT} = standard input`)
    .addOption(new Option('--format <name>', "what the file is; else its name's end tells").choices(FORMATS))
    .option('--rows <path>', 'where a JSON object has its array of rows, such as features')
    .option('--stream <name>', 'the stream for all rows; else it is called after the file')
    .option('--stream-by <path>', 'the field that names the stream of a row, such as properties.net')
    .option('--stream-prefix <text>', 'what all stream names begin with', '')
    .option(
      '--type <name>',
      "the events' type (default: Imported); with --type-by, that of rows without the field",
    )
    .option('--type-by <path>', 'the field that is the event type of a row')
    .option('--id-by <path>', 'the field that is the id of a row: a UUID, or what one is made of')
    .option('--typed', 'CSV and TSV: numbers and booleans become such')
    .option('--source <name>', "the source's name, by which a later run goes on (default: the file's name)")
    .option('--skip-bad', 'count rows that can not be used, and leave them out')
    .option('--limit <rows>', 'read no more rows than this', wholeNumber(Number.MAX_SAFE_INTEGER))
    .option('--batch <events>', 'most events of one append', wholeNumber(BATCH_MAX), DEFAULT_BATCH)
    .option(
      '--in-flight <streams>',
      'most streams written to at a time',
      wholeNumber(IN_FLIGHT_MAX),
      DEFAULT_IN_FLIGHT,
    )
    .addOption(
      new Option('-o, --output <form>', 'form of the summary').choices(['table', 'json']).default('table'),
    )
    .addHelpText('after', HELP);
  addUrlOption(command).action(importFile);
}

async function importFile(path: string, flags: ImportFlags): Promise<void> {
  const plan = await planImport(path, flags, surveyFile);
  const input = path === STANDARD_INPUT ? new StreamInput(process.stdin) : await openFile(path);
  try {
    const target = await connectTarget(flags.url, connectionEvents(flags.url));
    try {
      const run = new ImportRun(plan, input, target);
      await report(run, input, flags, isNamedSource(path, flags));
    } finally {
      await target.close();
    }
  } finally {
    await input.close();
  }
}

/** Runs the import with its progress on standard error, and prints what came of it. */
async function report(run: ImportRun, input: Input, flags: ImportFlags, isNamed: boolean): Promise<void> {
  const startedMs = performance.now();
  const hideProgress = showProgress(process.stderr, input.sizeBytes, () => run.state);
  try {
    await run.run();
  } catch (error) {
    throw withAdvice(error, run.state, isNamed);
  } finally {
    hideProgress();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log((flags.output === 'json' ? jsonSummary : tableSummary)(run.state, seconds));
}

function connectionEvents(urls: readonly string[]): ConnectionEvents {
  return {
    lost: ({ message }) =>
      tell(`the connection to ${urls.join(', ')} was lost (${message}); trying to come back`),
    back: () => tell('the connection is back'),
  };
}

/** A line on standard error, in place of a bar that may stand there. */
function tell(line: string): void {
  process.stderr.write(`${process.stderr.isTTY === true ? CLEAR_LINE : ''}cairn: ${line}\n`);
}

/** Where a JSON file has its rows. What can be read only once, such as a pipe, is taken for an array. */
async function surveyFile(path: string): Promise<readonly string[]> {
  const input = await openFile(path);
  try {
    return input.sizeBytes === undefined ? [] : await surveyRows(input);
  } finally {
    await input.close();
  }
}

function wholeNumber(largest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= largest) return value;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${largest}.`);
  };
}
