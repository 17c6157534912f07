/** What a run of appends drives: an engine in this process, or nodes over ws. */
import { assert } from '../src/base/assert.js';
import type { CairnError } from '../src/base/errors.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';
import type { AppendOptions } from './options.js';
import type { BatchSamples } from './statistics/batch-samples.js';
import type { Metrics } from './statistics/metrics-text.js';

/** Where the answer of a slot's request goes: {@link Load.completed}. */
export type Completed = (slot: number, succeeded: boolean) => void;

/** Something that takes appends. */
export interface AppendTarget {
  /** Bytes of one event's record in the log. */
  readonly recordBytes: number;
  /** Who hears of answers; set before the first `submit`, and again only when all is answered. */
  completed: Completed;
  /** The first failure of a request, if there was one. */
  readonly firstError: CairnError | undefined;
  /** Sends one request for `slot`. */
  submit(slot: number): void;
  /** The writer's batches one by one, where they can be watched: in this process. */
  readonly batches?: BatchSamples;
  /** What the writers of the nodes have counted so far, in sum. */
  writerTotals(): Promise<WriterStatistics>;
  /** What the node that takes the appends measures, as it tells it at /metrics; undefined if there is no node. */
  metrics?(): Promise<Metrics>;
  close(): Promise<void>;
}

/** {@link AppendTarget.completed} before anybody listens. */
export function unattached(): never {
  assert(false, 'completed is set before the first submit');
}

/** Nodes that a run can be pointed at. */
export interface BenchNodes {
  /** What clients connect to: in a cluster, the leader. */
  readonly url: string;
  /** Of all nodes, in sum. */
  writerTotals(): Promise<WriterStatistics>;
  stop(): Promise<void>;
}

/** Starts what the run is about, with its data in `folder`. */
export type OpenTarget = (options: AppendOptions, folder: string) => Promise<AppendTarget>;

type WriterBytes = Pick<WriterStatistics, 'recordBytes' | 'diskBytes'>;

/** Disk bytes per record byte between two readings; 0 if nothing was written. */
export function amplification(before: WriterBytes, after: WriterBytes): number {
  const recordBytes = after.recordBytes - before.recordBytes;
  return recordBytes === 0 ? 0 : (after.diskBytes - before.diskBytes) / recordBytes;
}
