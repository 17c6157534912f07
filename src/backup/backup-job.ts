/**
 * What the commands have a thread do: one of the three jobs, with its progress and what came of it. The files are large and are waited for, so
 * nothing of it happens on the main thread.
 */
import { Worker } from 'node:worker_threads';
import { CairnError, type ErrorCode, type ErrorDetails } from '../base/errors.js';
import { DiskError } from '../base/ports.js';
import type { CreatedBackup } from './create-backup.js';
import type { NodesOfLog } from './node-source.js';
import type { RestoredBackup } from './restore-backup.js';
import type { VerifiedBackups } from './verify-backup.js';

export type BackupJob =
  | {
      readonly kind: 'create';
      /** A data folder, or nodes. */
      readonly source: string | NodesOfLog;
      readonly to: string;
      readonly bytesPerSecond: number | undefined;
      readonly madeBy: string;
    }
  | { readonly kind: 'verify'; readonly from: string; readonly name: string | undefined }
  | {
      readonly kind: 'restore';
      readonly from: string;
      readonly name: string | undefined;
      readonly folder: string;
    };

interface Results {
  readonly create: CreatedBackup;
  readonly verify: VerifiedBackups;
  readonly restore: RestoredBackup;
}

export type JobResult<Kind extends BackupJob['kind']> = Results[Kind];

export type JobReport =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: ReportedError };

/** An error as it travels between threads: one that is posted arrives without its fields. */
export type ReportedError =
  | {
      readonly kind: 'known';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    }
  | { readonly kind: 'disk'; readonly errno: string; readonly syscall: string; readonly path: string };

/** Runs the job on a thread of its own. Rejects with what it throws. */
export function runBackupJob<Job extends BackupJob>(
  job: Job,
  progress: (done: number, total: number) => void,
): Promise<JobResult<Job['kind']>> {
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: job, name: 'backup' });
  return new Promise((resolve, reject) => {
    worker.on('message', (report: JobReport) => {
      if (report.kind === 'progress') progress(report.done, report.total);
      else if (report.kind === 'done') resolve(report.result as JobResult<Job['kind']>);
      else reject(errorOf(report.error));
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new CairnError('thread-died', 'the thread of the backup has ended')));
  });
}

/** What the world did to us, in this form; undefined if it is a bug of ours. */
export function reportedError(error: unknown): ReportedError | undefined {
  if (error instanceof CairnError) {
    const { code, message, details } = error;
    return { kind: 'known', code, message, details };
  }
  if (!(error instanceof DiskError)) return undefined;
  const { errno, syscall, path } = error;
  return { kind: 'disk', errno, syscall, path };
}

function errorOf(error: ReportedError): Error {
  if (error.kind === 'disk') return new DiskError(error.errno, error.syscall, error.path);
  return new CairnError(error.code, error.message, error.details);
}
