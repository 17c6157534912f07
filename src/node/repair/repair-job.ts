/** One chunk to be mended by a thread of its own, and what comes of it. */
import { Worker } from 'node:worker_threads';
import { compiledEntry } from '../../ring/thread-start.js';
import type { RepairOutcome } from './chunk-repair.js';

export interface RepairJob {
  readonly folder: string;
  readonly logId: string;
  readonly chunkSize: number;
  readonly number: number;
  /** This node's own name. */
  readonly name: string;
  readonly peers: readonly string[];
}

export type RepairReport =
  | RepairOutcome
  /** Nothing is wrong with the chunk. */
  | { readonly kind: 'sound' }
  /** This node's own disk refused. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Runs the job; `begun` is given the thread, so that it can be ended. Resolves to `failed` if it ends without a word. */
export function runRepair(job: RepairJob, begun: (worker: Worker) => void): Promise<RepairReport> {
  const worker = new Worker(compiledEntry(new URL('./thread.js', import.meta.url)), {
    workerData: job,
    name: 'repair',
  });
  begun(worker);
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.once('error', ({ message }) => resolve({ kind: 'failed', reason: message }));
    worker.once('exit', () => resolve({ kind: 'failed', reason: 'the thread was ended' }));
  });
}
