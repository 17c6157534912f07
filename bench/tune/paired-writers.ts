/**
 * Two threads that write to one file at a time, each to its own half: what a disk makes of two durable writes at once. A node's writer doesn't do
 * that (recovery rests on one write at a time); the figure says what it would gain. Main thread; the threads block.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DiskError } from '../../src/base/ports.js';
import type { WriteBudget, WriteMode } from '../durable-write.js';
import type { DiskPath } from './sweep-point.js';

/** What both are to write. */
export interface PairJob extends WriteBudget {
  readonly file: string;
  readonly path: DiskPath;
  readonly mode: WriteMode;
  readonly bytes: number;
  readonly fileBytes: number;
}

/** What one of them is told. */
export interface HalfJob extends PairJob {
  readonly from: number;
  readonly to: number;
}

/** The times of its writes in µs, or what went wrong. */
export type HalfResult =
  | { readonly timesUs: number[] }
  | { readonly failure: Pick<DiskError, 'errno' | 'syscall' | 'path'> };

export class PairedWriters {
  #workers: readonly Worker[] = [];

  /** The times of all writes, in µs. */
  async time(job: PairJob): Promise<number[]> {
    if (this.#workers.length === 0)
      this.#workers = [0, 1].map(() => new Worker(new URL('./paired-writers-thread.js', import.meta.url)));
    const half = job.fileBytes / 2;
    const results = this.#workers.map(async (worker, index): Promise<number[]> => {
      worker.postMessage({ ...job, from: index * half, to: (index + 1) * half } satisfies HalfJob);
      const [result] = (await once(worker, 'message')) as [HalfResult];
      if ('failure' in result) {
        const { errno, syscall, path } = result.failure;
        throw new DiskError(errno, syscall, path);
      }
      return result.timesUs;
    });
    return (await Promise.all(results)).flat();
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
