/**
 * The jobs by which the index gets its files: the index thread thinks of them, main has them carried out by a worker of the pool, one at a
 * time, and tells the index thread what came of it. Pure; any thread.
 */
import type { HashSeed } from '../base/name-table.js';
import type { Position } from '../base/units.js';
import type { ReportedError } from './reported-error.js';

interface JobBase {
  /** The folder of the index, and that of the log. */
  readonly folder: string;
  readonly logFolder: string;
  readonly logId: string;
  readonly chunkSize: number;
  /** Number of the segment's file. */
  readonly file: number;
  /** Of that file, and of the one with event ids. */
  readonly salt: number;
}

/** Reads one sealed chunk from the log and makes its segment. */
export interface BuildJob extends JobBase {
  readonly kind: 'build';
  readonly chunk: number;
  readonly seed: HashSeed;
  /** Everything before it is committed. */
  readonly committed: Position;
  /** So many of the chunk's last event ids get a file, too; none if it is 0. */
  readonly eventIds: number;
}

/** Makes one segment of several, whose files have these numbers, oldest first. */
export interface MergeJob extends JobBase {
  readonly kind: 'merge';
  readonly inputs: readonly number[];
}

/** Reads one sealed chunk and checks it: nobody read it at the start, as it has a segment. */
export interface VerifyJob extends JobBase {
  readonly kind: 'verify';
  readonly chunk: number;
}

export type IndexJob = BuildJob | MergeJob | VerifyJob;

export type JobOutcome =
  /** The files are there, durably, or the chunk is sound. `chunkEvents`: how many events the chunks have. */
  | { readonly kind: 'done'; readonly chunkEvents: number }
  /** An index file that was to be merged is damaged. */
  | { readonly kind: 'index-damaged'; readonly path: string; readonly message: string }
  /** The log is damaged, or its disk refused; later it may work. */
  | { readonly kind: 'failed'; readonly error: ReportedError };
