/**
 * `cairn backup create|verify|restore`: the commands, from their arguments to what they print. Main thread; a thread of its own does the
 * work. What always holds: progress goes to standard error, and what came of it to standard output.
 */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type BackupJob, type JobResult, runBackupJob } from '../../backup/backup-job.js';
import { CairnError } from '../../base/errors.js';
import { EXIT_CODES } from '../exit-codes.js';
import type { OutputFormat } from '../inspect/output.js';
import { addUrlOption } from '../node-urls.js';
import { packageVersion } from '../version.js';
import { type Told, tellCreated, tellRestored, tellVerified } from './backup-outcome.js';
import { BackupProgress } from './backup-progress.js';
import { nodesOfLog } from './nodes-of-log.js';

interface CommonFlags {
  readonly output: OutputFormat;
}

interface CreateFlags extends CommonFlags {
  readonly to: string;
  readonly url: readonly string[];
  readonly db: string | undefined;
  readonly throttle: number | undefined;
}

interface VerifyFlags extends CommonFlags {
  readonly backup: string | undefined;
}

interface RestoreFlags extends VerifyFlags {
  readonly from: string;
  readonly db: string;
}

const MEBIBYTE = 1_048_576;
/** A node lets go of who takes nothing for some seconds. */
const THROTTLE_MIN = 0.1;

const HELP = `
A backup holds the log up to one place: everything committed before it, and nothing behind. Backups of one log go into one
folder and share what they have in common, so that all but the first are small; an old one may be deleted (its folder
backup-NNNNNN; never chunks/). Nodes go on working.

  cairn backup create --url 10.0.0.1:2113 --to /backups/orders     as often as you like, from cron or a timer
  cairn backup verify /backups/orders                              reads every byte of all of them
  cairn backup restore --from /backups/orders --db /var/lib/cairn  the newest; --backup NAME takes another

A restored folder is a new cluster of one node, with all events in their places. How it becomes three again, and what else
to know: docs/operating.md, "Backup and restore".
`;

const CREATE_HELP = `
What was complete before stays so, whatever happens. A run that is killed, or has no room, leaves no backup; run it again
and it goes on. Of a cluster name all nodes: if one does not answer, the next one is asked. A node gives a backup 100 MB/s
at most. With --db the folder's node must be stopped.
`;

const RESTORE_HELP = `
The folder must be new or empty. A run that is killed leaves a folder that no node starts on; run it again and it goes on.
`;

/** Adds `backup` and its commands to the command line. */
export function registerBackup(program: Command): void {
  const backup = program
    .command('backup')
    .description('make, verify and restore backups of the log, while nodes work')
    .addHelpText('after', HELP);
  const create = backup
    .command('create')
    .description('copy what is new in the log into a folder of backups')
    .requiredOption('--to <folder>', 'the folder of backups of this log; made if it is missing')
    .option('--db <folder>', 'the data folder of a stopped node, instead of nodes that run')
    .option('--throttle <MiB/s>', 'copy no faster than this', rate)
    .addOption(outputOption())
    .addHelpText('after', CREATE_HELP);
  addUrlOption(create).action(createAction);
  backup
    .command('verify')
    .description('read every byte of the backups in a folder; exit status 9 if something is damaged')
    .argument('<folder>', 'the folder of backups')
    .option('--backup <name>', 'only this one, such as backup-000003')
    .addOption(outputOption())
    .action(verifyAction);
  backup
    .command('restore')
    .description('make a data folder of a backup; a node that starts on it is a new cluster of one')
    .requiredOption('--from <folder>', 'the folder of backups')
    .option('--backup <name>', 'this one, such as backup-000003, instead of the newest')
    .requiredOption('--db <folder>', 'the data folder to make')
    .addOption(outputOption())
    .addHelpText('after', RESTORE_HELP)
    .action(restoreAction);
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'text, or JSON: one object a line')
    .choices(['table', 'json'])
    .default('table');
}

function rate(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= THROTTLE_MIN) return value;
  throw new InvalidArgumentError(`It must be a number of MiB a second, ${THROTTLE_MIN} or more.`);
}

async function createAction(flags: CreateFlags, command: Command): Promise<void> {
  const { db, throttle, output } = flags;
  const to = resolve(flags.to);
  if (db !== undefined && command.getOptionValueSource('url') === 'cli')
    throw new CairnError(
      'invalid-configuration',
      'say --url for nodes that run, or --db for a stopped one, not both',
    );
  const source = db === undefined ? await nodesOfLog(flags.url) : resolve(db);
  const bytesPerSecond = throttle === undefined ? undefined : throttle * MEBIBYTE;
  const job = { kind: 'create', source, to, bytesPerSecond, madeBy: packageVersion() } as const;
  await print(output, await timed(job, 'copied', (result, seconds) => tellCreated(result, to, seconds)));
}

async function verifyAction(folder: string, { backup: name, output }: VerifyFlags): Promise<void> {
  const job = { kind: 'verify', from: resolve(folder), name } as const;
  await print(
    output,
    await timed(job, 'verified', (result, seconds) => {
      if (result.problems.length > 0) process.exitCode = EXIT_CODES.damageFound;
      return tellVerified(result, seconds);
    }),
  );
}

async function restoreAction({ from, backup: name, db, output }: RestoreFlags): Promise<void> {
  const job = { kind: 'restore', from: resolve(from), name, folder: resolve(db) } as const;
  await print(output, await timed(job, 'restored', tellRestored));
}

/** Runs the job with its progress; says what came of it. */
async function timed<Job extends BackupJob>(
  job: Job,
  word: string,
  tell: (result: JobResult<Job['kind']>, seconds: number) => Told,
): Promise<Told> {
  const startedMs = performance.now();
  const progress = new BackupProgress(process.stderr, word);
  try {
    const result = await runBackupJob(job, (done, total) => progress.show(done, total));
    return tell(result, (performance.now() - startedMs) / 1000);
  } finally {
    progress.clear();
  }
}

async function print(output: OutputFormat, { lines, rows }: Told): Promise<void> {
  const text = output === 'json' ? rows.map((row) => JSON.stringify(row)) : lines;
  for (const line of text) console.log(line);
}
