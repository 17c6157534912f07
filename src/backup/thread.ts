/** Entry of the thread that makes, verifies or restores a backup. */
import { parentPort, workerData } from 'node:worker_threads';
import { openPlatform } from '../native/platform.js';
import { type BackupJob, type JobReport, reportedError } from './backup-job.js';
import { createBackup } from './create-backup.js';
import { FolderSource } from './folder-source.js';
import { NodeSource } from './node-source.js';
import { restoreBackup } from './restore-backup.js';
import { Throttle } from './throttle.js';
import { verifyBackups } from './verify-backup.js';

/** Often enough for a person. */
const PROGRESS_MS = 100;

const platform = openPlatform();
let toldMs = 0;
report(await outcome(workerData as BackupJob));

async function outcome(job: BackupJob): Promise<JobReport> {
  try {
    return { kind: 'done', result: await run(job) };
  } catch (thrown) {
    const error = reportedError(thrown);
    if (error === undefined) throw thrown;
    return { kind: 'failed', error };
  }
}

async function run(job: BackupJob): Promise<unknown> {
  switch (job.kind) {
    case 'create':
      return await create(job);
    case 'verify':
      return verifyBackups({ platform, ...job, progress });
    case 'restore':
      return restoreBackup({ platform, ...job, progress });
  }
}

async function create({ source: from, to, bytesPerSecond, madeBy }: Extract<BackupJob, { kind: 'create' }>) {
  const source = typeof from === 'string' ? FolderSource.open(platform, from) : new NodeSource(from);
  try {
    const throttle = new Throttle(bytesPerSecond);
    return await createBackup({ platform, source, to, throttle, madeBy, progress });
  } finally {
    source.close();
  }
}

function progress(done: number, total: number): void {
  const nowMs = performance.now();
  if (nowMs - toldMs < PROGRESS_MS) return;
  toldMs = nowMs;
  report({ kind: 'progress', done, total });
}

function report(message: JobReport): void {
  parentPort?.postMessage(message);
}
