/** The job of the pool's worker for the index. The worker opens the disk once. */
import { CairnError } from '../base/errors.js';
import { openPlatform } from '../native/platform.js';
import type { IndexJob, JobOutcome } from './jobs.js';
import { runJob } from './run-job.js';

const { disk, kernel } = openPlatform();

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
