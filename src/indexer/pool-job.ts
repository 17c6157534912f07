/** The job of the pool's worker for the index. The worker opens the disk once. */
import { setPriority } from 'node:os';
import { CairnError } from '../base/errors.js';
import { openPlatform } from '../native/platform.js';
import type { IndexJob, JobOutcome } from './jobs.js';
import { runJob } from './run-job.js';

/** Of 0 to 19: a tenth of the time that a thread with 0 gets, when both want to work. */
const NICE = 10;

const { disk, kernel } = openPlatform();
yieldToOthers();

/** A job, and a word that is 1 as soon as nobody wants it any more. */
export interface PoolTask {
  readonly job: IndexJob;
  readonly cancelled: Int32Array;
}

export function poolJob({ job, cancelled }: PoolTask): JobOutcome {
  return runJob({ disk, kernel }, job, { check: () => checkWanted(cancelled) });
}

/** Ends the job by an error: terminating a thread in the middle of a call to the addon can end the process. */
function checkWanted(cancelled: Int32Array): void {
  if (Atomics.load(cancelled, 0) === 1) throw new CairnError('shutting-down', 'the node is shutting down');
}

/**
 * Whoever waits for the log comes first. On Linux the priority is that of the calling thread alone (setpriority(2), "C library/kernel differences");
 * elsewhere it would be the whole process's.
 */
function yieldToOthers(): void {
  if (process.platform === 'linux') setPriority(NICE);
}
