/**
 * The jobs by which the index gets its files: the index thread thinks of them, main has them carried out by a worker of the pool, one at a
 * time, and tells the index thread what came of it. Pure; any thread.
 */
import type { HashSeed } from '../base/name-table.js';
import type { Position } from '../base/units.js';
import type { EventColumns } from '../index/event-ids.js';
import type { PartTransfer } from './memory-part.js';
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

/** Makes the segment of one sealed chunk: of what is in memory of it, or else of what the log says. */
export interface BuildJob extends JobBase {
  readonly kind: 'build';
  readonly chunk: number;
  readonly seed: HashSeed;
  /** Everything before it is committed. */
  readonly committed: Position;
  /** So many of the chunk's last event ids get a file, too; none if it is 0. */
  readonly eventIds: number;
  /** Undefined if the chunk is to be read. */
  readonly memory: ChunkMemory | undefined;
}

/** What is known of a chunk, to be transferred. */
export interface ChunkMemory {
  readonly part: PartTransfer;
  /** The last of its event ids, as many as are wanted. */
  readonly recent: EventColumns;
}

/** Makes one segment of several, whose files have these numbers, oldest first. */
export interface MergeJob extends JobBase {
  readonly kind: 'merge';
  readonly inputs: readonly number[];
}

/** Reads one sealed chunk and checks it: nobody read it at the start, as it has a segment; and again in later rounds. */
export interface VerifyJob extends JobBase {
  readonly kind: 'verify';
  readonly chunk: number;
  /** How many chunks of this round come behind it. */
  readonly chunksLeft: number;
}

/** Reads pages of a file of the index and checks them. */
export interface SweepJob extends JobBase {
  readonly kind: 'sweep';
  readonly name: string;
  readonly content: 'segment' | 'event-ids';
  readonly firstPage: number;
  /** At most; fewer if the file ends. */
  readonly pages: number;
  /** How many chunks of this round come behind it. */
  readonly chunksLeft: number;
}

/** One that only reads. */
export type ScrubJob = VerifyJob | SweepJob;
export type IndexJob = BuildJob | MergeJob | ScrubJob;

export function isScrubJob(job: IndexJob): job is ScrubJob {
  return job.kind === 'verify' || job.kind === 'sweep';
}

/** The buffers in a job that are to be transferred, not copied. */
export function jobBuffers(job: IndexJob): ArrayBuffer[] {
  if (job.kind !== 'build' || job.memory === undefined) return [];
  const { part, recent } = job.memory;
  const { names, index } = part;
  return [
    ...[names.slots, names.starts, names.words],
    ...[...index.pages, index.tails, index.counts, index.firsts],
    ...[recent.ids.buffer, recent.streams.buffer, recent.revisions.buffer, recent.positions.buffer],
  ] as ArrayBuffer[];
}

export type JobOutcome =
  /** The files are there, durably, or what was read is sound. `chunkEvents`: how many events the chunks have, 0 of what was only read. */
  | { readonly kind: 'done'; readonly chunkEvents: number }
  /** An index file that was to be merged, or was read for that, is damaged. */
  | { readonly kind: 'index-damaged'; readonly path: string; readonly message: string }
  /** The log is damaged, or its disk refused; later it may work. */
  | { readonly kind: 'failed'; readonly error: ReportedError };
