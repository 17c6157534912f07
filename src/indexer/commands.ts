/**
 * What main and the index thread say to each other: queries and answers, which travel through mailboxes (messages.ts), and the
 * reports that the thread posts. Pure; any thread.
 */
import type { ErrorDetails } from '../base/errors.js';
import type { HashSeed, NameTableTransfer } from '../base/name-table.js';
import type { Position, Revision } from '../base/units.js';
import type { ReadDirection } from '../index/event-taker.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { RingDescriptor } from '../ring/layout.js';
import type { MailboxDescriptor } from '../ring/mailbox.js';
import { type IndexJob, jobBuffers } from './jobs.js';
import type { MetadataMemory } from './metadata-streams.js';
import type { ReportedError } from './reported-error.js';

/** What main tells the index thread when it starts it. Later commands travel through mailboxes. */
export interface IndexerOptions {
  readonly ring: RingDescriptor;
  /** The log before the ring: its chunks, up to the ring's start; undefined if it begins now. */
  readonly recovered: RecoveredLog | undefined;
  /** The data folder, in which the index has its own. */
  readonly folder: string;
  readonly logId: string;
  /** Most memory for pages of index files. */
  readonly indexCacheBytes: number;
  /** How many of the last event ids to keep for the sequencer; 1 or more. */
  readonly retryWindowEvents: number;
  /** From one round of verifying old chunks to the next, at least; 0 or not given: only what was not read at the start, once. */
  readonly scrubIntervalMs?: number | undefined;
}

/** What `IndexerOptions` become on their way to the thread. */
export interface IndexerStart extends IndexerOptions {
  readonly queries: MailboxDescriptor;
  readonly answers: MailboxDescriptor;
  /** What came of jobs. */
  readonly outcomes: MailboxDescriptor;
  /** Keys the hash of the streams' names, if the index is a new one. */
  readonly seed: HashSeed;
  /** Where the thread tells which streams have metadata. */
  readonly metadata: MetadataMemory;
}

/** Which way a read goes. */
export type Direction = ReadDirection;

/** Asks where the events of a stream are. */
export interface StreamQuery {
  /** The stream's name in UTF-8. */
  readonly stream: Uint8Array;
  readonly direction: Direction;
  /** Revision to begin with, inclusive; what a scavenge has removed there is passed over. Backwards, whatever is beyond the end (`Infinity`) means from the end. */
  readonly from: Revision;
  /** Most events; `Infinity` if only the bytes limit. */
  readonly eventsMax: number;
  /** Most bytes of records; one event is answered even if it is larger. */
  readonly bytesMax: number;
}

/**
 * Where the events are, though in place of some a Removed record may stand by now: those are not there any more. Runs of nothing but consecutive events of the stream, in the order of reading.
 */
export interface StreamRuns {
  /** Revision of the stream's last event; −1 = no such stream. */
  readonly head: Revision;
  /**
   * Revision where a further query goes on: forwards perhaps head + 1, backwards −1 if the start was reached. Forwards the runs begin with the
   * first event from `from` on that is there, and have all from that one to this.
   */
  readonly next: Revision;
  readonly runCount: number;
  /** By run: where it starts, how many bytes and how many events it has. A backwards read takes its events from the end. */
  readonly positions: Float64Array;
  readonly bytes: Uint32Array;
  readonly events: Uint32Array;
  /** Where the last event of its metadata stream is; undefined if it has none. */
  readonly metadata?: RecordPlace | undefined;
}

/** A record of the log. */
export interface RecordPlace {
  readonly position: Position;
  /** That it takes, padding included. */
  readonly bytes: number;
}

/** Who answers such questions. */
export interface StreamLookup {
  /** Sees all that was committed when it was asked. Rejects with `shutting-down` or `thread-died`. */
  lookup(query: StreamQuery): Promise<StreamRuns>;
}

/** Which streams may have metadata, according to the index: all that do so far as it has followed the log, and perhaps others. */
export interface StreamsWithMetadata {
  /** How many; none: nothing has metadata. */
  readonly size: number;
  mayHave(bytes: Uint8Array, at: number, length: number): boolean;
}

/** Where a listing of metadata streams goes on: behind a name of one holder of chunks. One that isn't there any more is begun with anew. */
export interface ListingPlace {
  /** The holder's first chunk, and its last one; −1 if it is in memory. */
  readonly firstChunk: number;
  readonly lastChunk: number;
  /** The name; empty: at its beginning. */
  readonly after: Uint8Array;
}

export const LISTING_START: ListingPlace = { firstChunk: 0, lastChunk: -1, after: new Uint8Array(0) };

export interface MetadataStreamsPage {
  readonly names: readonly Uint8Array[];
  /** Undefined if these were the last. */
  readonly next: ListingPlace | undefined;
}

/** Event ids oldest first, as buffers to be transferred: id (16 bytes), hash of the stream's name (u32), revision and position (f64). */
export interface RecentEventsTransfer {
  readonly ids: ArrayBuffer;
  readonly streams: ArrayBuffer;
  readonly revisions: ArrayBuffer;
  readonly positions: ArrayBuffer;
}

/** What main needs to know about the log before it can take appends: the index of all that is committed. */
export interface IndexSnapshot {
  /** Keys the hashes of names. */
  readonly seed: HashSeed;
  /** All streams, if they are few; else whoever wants to know asks. */
  readonly heads: HeadsTransfer | undefined;
  readonly recent: RecentEventsTransfer;
}

/** Streams and where they end. */
export interface HeadsTransfer {
  /** The streams' names; a stream's number is its index in the arrays. */
  readonly names: NameTableTransfer;
  /** f64 by stream: revision and position of the last event. */
  readonly revisions: ArrayBuffer;
  readonly positions: ArrayBuffer;
}

/**
 * What the index thread posts: while it reads the log at the start, when it is asked for a snapshot, and when there is something to be done for its
 * files: a `job` is carried out and its outcome sent back; after `stalled` it wants to be told `again` after a while. After `damaged` it waits until a
 * chunk was mended (the ring's control word `repairs`), and reads on; after `failed` it does nothing but wait to be stopped.
 */
export type IndexerReport =
  | { readonly kind: 'progress'; readonly position: Position; readonly end: Position }
  | { readonly kind: 'ready' }
  | { readonly kind: 'snapshot'; readonly snapshot: IndexSnapshot }
  | { readonly kind: 'metadata-streams'; readonly page: MetadataStreamsPage }
  | { readonly kind: 'job'; readonly job: IndexJob }
  | { readonly kind: 'stalled'; readonly reason: string }
  | { readonly kind: 'noted'; readonly message: string; readonly facts: ErrorDetails }
  | ({ readonly kind: 'damaged' } & ReportedError)
  | ({ readonly kind: 'failed' } & ReportedError);

/** The buffers in a report that are to be transferred, not copied. */
export function buffersOf(report: IndexerReport): ArrayBuffer[] {
  if (report.kind === 'job') return jobBuffers(report.job);
  return report.kind === 'snapshot' ? snapshotBuffers(report.snapshot) : [];
}

function snapshotBuffers({ heads, recent }: IndexSnapshot): ArrayBuffer[] {
  return [
    ...(heads ? [heads.names.slots, heads.names.starts, heads.names.words] : []),
    ...(heads ? [heads.revisions, heads.positions] : []),
    ...[recent.ids, recent.streams, recent.revisions, recent.positions],
  ];
}
