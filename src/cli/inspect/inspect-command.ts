/**
 * `cairn inspect chunks|records|verify FOLDER`: looks into a data folder without a node, changes nothing, and shows what is there
 * even if a node would refuse to start on it. Main thread; `verify` hands the chunks to a pool of workers.
 */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Piscina } from 'piscina';
import { RECORD_TYPE, type RecordTypeName } from '../../log/record.js';
import { openPlatform } from '../../native/platform.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CHUNK_COLUMNS, chunkRows } from './chunk-rows.js';
import { surveyFolder } from './folder-survey.js';
import type { EntryDepth } from './index-verification.js';
import { type Column, type OutputFormat, type Row, RowWriter } from './output.js';
import { RECORD_COLUMNS, recordRows } from './record-rows.js';
import type { verifyIndexJob, verifyJob } from './verify-job.js';
import { type JobRunner, verifyFolder } from './verify-run.js';
import { summaryLines, summaryRows } from './verify-summary.js';

interface OutputOptions {
  readonly output: OutputFormat;
}

interface VerifyOptions extends OutputOptions {
  readonly entries: EntryDepth;
}

interface RecordOptions extends OutputOptions {
  readonly from: number;
  readonly count: number;
  readonly type: RecordTypeName | undefined;
}

/** A screenful or two; whoever wants more says so. */
const COUNT_DEFAULT = 50;
/** Chunks verified at once. More than this gains nothing on one disk, and each takes some megabytes. */
const JOBS_MAX = 8;

/** Adds `inspect` and its commands to the command line. */
export function registerInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description('look into a data folder, offline and without changing it');
  inspect
    .command('chunks')
    .description('list the chunks: number, version, state, records, positions, ids')
    .argument('<folder>', 'the data folder of a node')
    .addOption(outputOption())
    .action(inspectChunks);
  inspect
    .command('records')
    .description('list records: position, type, epoch, length, stream, revision, event type')
    .argument('<folder>', 'the data folder of a node')
    .option('--from <position>', 'leave out records before this position of the log', wholeNumber, 0)
    .option('--count <n>', 'list at most so many', wholeNumber, COUNT_DEFAULT)
    .addOption(
      new Option('--type <type>', 'list records of this type only').choices(Object.keys(RECORD_TYPE)),
    )
    .addOption(outputOption())
    .action(inspectRecords);
  inspect
    .command('verify')
    .description(
      'check every record, the index and the files beside them; exit status 9 if something is damaged',
    )
    .argument(
      '<folder>',
      'the data folder of a node; of a running one, the last records and the index may look damaged',
    )
    .addOption(
      new Option(
        '--entries <n>',
        "how many of the index's entries to hold against the log; sample: one in a hundred",
      )
        .choices(['none', 'sample', 'all'])
        .default('sample'),
    )
    .addOption(outputOption())
    .action(inspectVerify);
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'a table, or JSON: one object a line')
    .choices(['table', 'json'])
    .default('table');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('Not a whole number.');
  return number;
}

async function inspectChunks(folder: string, { output }: OutputOptions): Promise<void> {
  const { disk, kernel } = openPlatform();
  await print(chunkRows(disk, kernel, surveyFolder(disk, folder)), output, CHUNK_COLUMNS);
}

async function inspectRecords(folder: string, options: RecordOptions): Promise<void> {
  const { disk, kernel } = openPlatform();
  const { from, type, count, output } = options;
  const rows = recordRows(disk, kernel, surveyFolder(disk, folder), { from, type });
  await print(take(rows, count), output, RECORD_COLUMNS);
}

async function inspectVerify(folder: string, { output, entries: depth }: VerifyOptions): Promise<void> {
  const { disk, kernel } = openPlatform();
  const begin = performance.now();
  const jobsMax = Math.min(JOBS_MAX, availableParallelism());
  const pool = new Piscina({
    filename: new URL('./verify-job.js', import.meta.url).href,
    maxThreads: jobsMax,
  });
  try {
    const runner: JobRunner = {
      jobsMax,
      chunk: (task): Promise<ReturnType<typeof verifyJob>> => pool.run(task, { name: 'verifyJob' }),
      index: (task): Promise<ReturnType<typeof verifyIndexJob>> => pool.run(task, { name: 'verifyIndexJob' }),
    };
    const summary = await verifyFolder({ disk, kernel, folder, runner, depth, progress: showProgress });
    const seconds = (performance.now() - begin) / 1000;
    clearProgress();
    if (output === 'json') await print(summaryRows(summary, seconds), output, []);
    else for (const line of summaryLines(summary, seconds)) console.log(line);
    if (summary.problemCount > 0) process.exitCode = EXIT_CODES.damageFound;
  } finally {
    await pool.destroy();
  }
}

async function print(rows: Iterable<Row>, format: OutputFormat, columns: readonly Column[]): Promise<void> {
  const writer = new RowWriter(process.stdout, format, columns);
  for (const row of rows) await writer.write(row);
  await writer.flush();
}

function* take(rows: Iterable<Row>, count: number): Generator<Row> {
  let left = count;
  if (left === 0) return;
  for (const row of rows) {
    yield row;
    if (--left === 0) return;
  }
}

/** One line on a terminal, overwritten; nothing where standard error goes to a file. */
function showProgress(done: number, files: number, bytes: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${done} of ${files} files, ${(bytes / 1e6).toFixed(0)} MB verified`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
