/**
 * What main sees of the index thread: start it, wait until it has read the log, ask it where a stream's events are. Queries and
 * answers travel through mailboxes, so that a thread that is parked or busy gets them; {@link IndexerProxy.deliver} must be
 * called whenever main's bell rings.
 */
import { randomInt } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { CairnError } from '../base/errors.js';
import type { ScrubStatus } from '../base/scrub-status.js';
import type { Position } from '../base/units.js';
import { createMailbox } from '../ring/mailbox.js';
import { startThread, type ThreadEvents } from '../ring/thread-start.js';
import type {
  IndexerOptions,
  IndexerReport,
  IndexerStart,
  IndexSnapshot,
  ListingPlace,
  MetadataStreamsPage,
  StreamLookup,
  StreamQuery,
  StreamRuns,
} from './commands.js';
import { JobRunner } from './job-runner.js';
import { createMetadataMemory, MetadataStreams } from './metadata-streams.js';
import { QueryDesk } from './query-desk.js';
import { errorOf } from './reported-error.js';

/** Over 50 queries with the longest stream name; more wait on main. */
const QUERY_MAILBOX_BYTES = 64 * 1024;
/** 16 answers of the largest size. */
const ANSWER_MAILBOX_BYTES = 256 * 1024;
/** One outcome of a job, with the longest paths. */
const OUTCOME_MAILBOX_BYTES = 64 * 1024;

/** What main wants to know of the index thread. */
export interface IndexerEvents extends ThreadEvents {
  /** While the log is read at the start: how far it is. */
  progress?(position: Position, end: Position): void;
  /**
   * The log is damaged where the index wants to read it. `isNeeded`: the thread waits until that is mended, or it is stopped; else what it has
   * in memory does for now.
   */
  damaged(error: CairnError, isNeeded: boolean): void;
  /** A chunk was verified and is as it was written. */
  sound?(chunk: number): void;
  /** Something about the index's files that somebody should look at. */
  warn?(message: string, facts: Readonly<Record<string, string | number>>): void;
}

/** The running index thread. */
export class IndexerProxy implements StreamLookup {
  readonly worker: Worker;
  /** Resolves when the log is read; rejects with `disk-failure` if it can't be, or `thread-died`. */
  readonly ready: Promise<void>;
  /** Which streams may have metadata. */
  readonly metadata: MetadataStreams;
  readonly #desk: QueryDesk;
  readonly #jobs: JobRunner;
  #isReady = false;
  /** Who waits for a snapshot, in the order of asking. */
  readonly #snapshots: ((snapshot: IndexSnapshot) => void)[] = [];
  readonly #listings: ((page: MetadataStreamsPage) => void)[] = [];

  constructor(options: IndexerOptions, events: IndexerEvents) {
    const queries = createMailbox(QUERY_MAILBOX_BYTES);
    const answers = createMailbox(ANSWER_MAILBOX_BYTES);
    const seed = { low: randomInt(2 ** 32), high: randomInt(2 ** 32) };
    const outcomes = createMailbox(OUTCOME_MAILBOX_BYTES);
    const metadata = createMetadataMemory({ low: randomInt(2 ** 32), high: randomInt(2 ** 32) });
    this.metadata = new MetadataStreams(metadata);
    const start: IndexerStart = { ...options, queries, answers, outcomes, seed, metadata };
    const jobEvents = {
      warn: (message: string, facts: Readonly<Record<string, string | number>>) =>
        events.warn?.(message, facts),
      damaged: (error: CairnError) => events.damaged(error, !this.#isReady),
      sound: (chunk: number) => events.sound?.(chunk),
    };
    this.#jobs = new JobRunner(options.ring, outcomes, jobEvents, options.scrubIntervalMs ?? 0);
    const desk = new QueryDesk(options.ring, queries, answers);
    let fail: (error: CairnError) => void = () => undefined;
    const ended = (thread: string, error: Error | undefined) => {
      const died = error === undefined ? STOPPED : threadDied(error);
      desk.close(died);
      fail(died);
      events.ended(thread, error);
    };
    this.#desk = desk;
    this.worker = startThread(new URL('./thread.js', import.meta.url), 'indexer', start, { ended });
    this.ready = new Promise((resolve, reject) => {
      fail = reject;
      this.worker.on('message', (report: IndexerReport) => {
        if (report.kind === 'ready') {
          this.#isReady = true;
          resolve();
        } else if (report.kind === 'failed') reject(errorOf(report));
        else this.#take(report, events);
      });
    });
    // Who starts the thread may not get as far as waiting for it; the failure is reported through `ended` as well.
    this.ready.catch(() => undefined);
  }

  /** Whether the log before the ring is read: then the cursor `indexed` says what the index knows. */
  get isReady(): boolean {
    return this.#isReady;
  }

  lookup(query: StreamQuery): Promise<StreamRuns> {
    return this.#desk.lookup(query);
  }

  /** A copy of the index with all that is committed now. Never resolves if the thread dies: then the node does. */
  snapshot(): Promise<IndexSnapshot> {
    return new Promise((resolve) => {
      this.#snapshots.push(resolve);
      this.#desk.askSnapshot();
    });
  }

  /** A page of the names of all metadata streams that are committed now, some perhaps twice. Never resolves if the thread dies. */
  listMetadataStreams(place: ListingPlace, namesMax: number): Promise<MetadataStreamsPage> {
    return new Promise((resolve) => {
      this.#listings.push(resolve);
      this.#desk.askMetadataStreams(place, namesMax);
    });
  }

  /** How far the verifying of old chunks is. */
  get scrub(): ScrubStatus {
    return this.#jobs.scrub;
  }

  /**
   * The file of this chunk has fewer records now: its segment is made anew, and is smaller then. Until then the index says where events were that are
   * gone, which readers stand; so it is nobody's hurry, and a segment of many chunks waits until all of them were scavenged, or the scavenge has
   * {@link scavengeEnded}.
   */
  scavenged(chunk: number): void {
    this.#jobs.notices.scavenged(chunk);
  }

  /** No more chunks are scavenged for now, as the scavenge is over or was stopped. */
  scavengeEnded(): void {
    this.#jobs.notices.ended();
  }

  /** Ends the job that is under way. The thread itself ends when the ring is stopping. */
  close(): Promise<void> {
    return this.#jobs.close();
  }

  /** Hands out the answers that have come; to be called when main's bell rings. */
  deliver(): void {
    this.#desk.deliver();
  }

  #take(report: Exclude<IndexerReport, { kind: 'ready' | 'failed' }>, events: IndexerEvents): void {
    switch (report.kind) {
      case 'snapshot':
        this.#snapshots.shift()?.(report.snapshot);
        return;
      case 'metadata-streams':
        this.#listings.shift()?.(report.page);
        return;
      case 'progress':
        events.progress?.(report.position, report.end);
        return;
      case 'damaged':
        events.damaged(errorOf(report), true);
        return;
      case 'job':
        this.#jobs.run(report.job);
        return;
      case 'stalled':
        this.#jobs.stalled(report.reason);
        return;
      case 'noted':
        events.warn?.(report.message, report.facts);
        return;
    }
  }
}

/** Starts the index thread. It ends when the ring is stopping. */
export function startIndexer(options: IndexerOptions, events: IndexerEvents): IndexerProxy {
  return new IndexerProxy(options, events);
}

const STOPPED = new CairnError(
  'shutting-down',
  'the node is shutting down; read from another node, or later',
);

function threadDied(error: Error): CairnError {
  return new CairnError(
    'thread-died',
    `the index thread died: ${error.message}`,
    { thread: 'indexer' },
    error,
  );
}
