/** The job of the pool's worker for the index. The worker opens the disk once. */
import { openPlatform } from '../native/platform.js';
import type { IndexJob, JobOutcome } from './jobs.js';
import { runJob } from './run-job.js';

const { disk, kernel } = openPlatform();

export function poolJob(job: IndexJob): JobOutcome {
  return runJob({ disk, kernel }, job);
}
