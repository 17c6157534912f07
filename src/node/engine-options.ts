/**
 * What an engine is opened with, and the limits that follow from it: an append must fit into the ring several times over,
 * and into what is left of one chunk or else into the next.
 */
import type { SpaceMark } from '../base/disk-space.js';
import type { NodeOptions } from '../config/options.js';
import { parseSpaceMark } from '../config/space-mark.js';
import { PREPARE_HEADER_BYTES, STREAM_NAME_BYTES_MAX } from '../log/record.js';
import type { CountLimits } from '../net/session-limits.js';
import type { AppendLimits } from '../sequencer/append-limits.js';
import type { AckPolicy } from '../wire/frames.js';
import type { SyncMode } from '../writer/commands.js';

export interface EngineOptions {
  /** The data folder; made if it is missing. */
  readonly folder: string;
  /** Bytes of a chunk. An existing log keeps the size that it was made with. */
  readonly chunkSize: number;
  readonly ringSize: number;
  readonly batchBytesMax: number;
  readonly syncMode: SyncMode;
  /** How long a thread stays awake at most for what it alone waits for, in µs; 0: it always sleeps. */
  readonly busyWaitUs: number;
  /** How many chunks are kept ready behind the active one; 1 if it is not given. */
  readonly preparedChunks?: number;
  readonly maxAppendSize: number;
  readonly maxAppendEventSize: number;
  /** How many of the last event ids are remembered; a power of two. */
  readonly retryWindowEvents: number;
  /** How long an open transaction may be without a step. */
  readonly transactionTimeoutMs: number;
  /** Chunks leave so much of the disk free; nothing if it is not given. */
  readonly diskReserve?: SpaceMark | undefined;
  /** From one round of verifying old chunks to the next, at least; no further rounds if it is 0 or not given. */
  readonly scrubIntervalMs?: number | undefined;
  /** Most memory for pages of index files. */
  readonly indexCacheSize: number;
  /** Most memory for the last revisions of streams. */
  readonly streamHeadCacheSize: number;
  /** So much of a new log's first chunk is written in advance; only benchmarks need another figure than the engine's own. */
  readonly prewrittenBytes?: number;
  /** Of appends that say none; a quorum if it is not given. */
  readonly defaultAckPolicy?: AckPolicy;
}

const HOUR_MS = 3_600_000;

/** What of a node's options is the engine's. */
export function engineOptions(options: NodeOptions): EngineOptions {
  const { db, chunkSize, ringSize, batchBytesMax, syncMode, preparedChunks } = options;
  const { maxAppendSize, maxAppendEventSize, retryWindowEvents, defaultAckPolicy, indexCacheSize } = options;
  const { transactionTimeoutMs, streamHeadCacheSize, busyWaitUs } = options;
  const limits = {
    busyWaitUs,
    transactionTimeoutMs,
    streamHeadCacheSize,
    indexCacheSize,
    maxAppendSize,
    maxAppendEventSize,
    retryWindowEvents,
    defaultAckPolicy,
    scrubIntervalMs: options.scrubIntervalHours * HOUR_MS,
    diskReserve: parseSpaceMark(options.diskSpaceReserve),
  };
  return { folder: db, chunkSize, ringSize, batchBytesMax, syncMode, preparedChunks, ...limits };
}

/** What of them is for each connection. */
export function countLimits(options: NodeOptions): CountLimits {
  return {
    inFlightAppendsMax: options.maxInFlightAppends,
    openReadsMax: options.maxOpenReads,
    subscriptionsMax: options.maxSubscriptionsPerConnection,
  };
}

/** Part of a chunk that one append may take, so that with Padding it fits into one chunk and the next. */
const APPEND_PER_CHUNK = 1 / 4;
/** An event together with its stream's name and its record header must still be well below that. */
const EVENT_PER_CHUNK = 1 / 8;
/** With Padding and the rest of a chunk that can't be used it must fit into the ring, and into the next chunk. */
const TRANSACTION_SHARE = 1 / 2;
const RECORD_OVERHEAD_BYTES = PREPARE_HEADER_BYTES + STREAM_NAME_BYTES_MAX;

/** The ring that an engine is opened with: as asked for, or larger if `tailBytes` that are not known to be committed need it. */
export function ringBytesFor({ ringSize }: EngineOptions, tailBytes: number): number {
  // Half of it stays free: whoever leads next writes before it can commit what is there.
  return Math.max(ringSize, 2 ** Math.ceil(Math.log2(2 * tailBytes + 1)));
}

/** What appends may cost on a log with chunks of `chunkSize` bytes. */
export function appendLimits(options: EngineOptions, chunkSize: number): AppendLimits {
  const appendBytesMax = Math.min(options.maxAppendSize, chunkSize * APPEND_PER_CHUNK);
  const eventBytesMax = Math.min(options.maxAppendEventSize, appendBytesMax / 2, chunkSize * EVENT_PER_CHUNK);
  const transactionBytesMax = Math.min(options.ringSize, chunkSize) * TRANSACTION_SHARE;
  return { appendBytesMax, eventBytesMax, transactionBytesMax };
}

/** The most bytes that one record can take: what the ring's apron must hold. */
export function recordBytesMax(limits: AppendLimits): number {
  // Padding may be as long as the record that did not fit, and a header more.
  return limits.eventBytesMax + 2 * RECORD_OVERHEAD_BYTES;
}
