/**
 * The index thread's work. First it gets an index of everything that was known to be committed when the ring was made (index-start.ts). Then it
 * follows `committed` through the ring, indexing records where they lie and moving `indexed` behind it, and answers queries, each only
 * after it has indexed what was committed when main asked. What is not committed never gets into the index.
 */
import { assert } from '../base/assert.js';
import type { Disk, RecordKernel } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import { IndexDamage } from '../index/page.js';
import type { StreamHash } from '../index/stream-hash.js';
import { chunkOf } from '../log/chunk.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, RingMemory } from '../ring/layout.js';
import { MailboxReceiver, MailboxSender } from '../ring/mailbox.js';
import type { Agent } from '../ring/runner.js';
import type { IndexerReport, IndexerStart } from './commands.js';
import { eventIdsOf } from './event-ids-source.js';
import { takeSnapshot } from './index-snapshot.js';
import { INDEX_FOLDER, IndexStart } from './index-start.js';
import { type ReceivedQuery, receiveQuery, sendAnswer, takeOutcome } from './messages.js';
import { reportedError } from './reported-error.js';

/** What the agent needs of the thread that it runs on. */
export interface IndexerSurroundings {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** By which segments are sorted, if not by the usual hash: for tests. */
  readonly hash?: StreamHash;
  /** Tells main. Buffers inside may be transferred. */
  report(report: IndexerReport): void;
}

/** How often progress is reported: every 64 MiB, some ten times a second. */
const PROGRESS_BYTES = 64 * 1024 * 1024;
/** What is indexed between two looks at the queries: under a millisecond's work. */
const FOLLOW_BYTES_MAX = 1024 * 1024;
/** Queries are answered for about so long between two looks at the log, and main is woken once for all of them; after so many it is looked at the clock. */
const QUERIES_MS = 0.5;
const QUERIES_PER_LOOK = 16;
/**
 * Main is woken for the room that indexing made only if more than this part of the ring was waiting to be indexed: an append takes three
 * quarters of it at most, Padding included, and an eighth is not for appends, so with less main can't have been refused any.
 */
const LAG_TO_RING = 1 / 16;
/**
 * Most chunks that are in memory because they have no segment yet. Mostly there are two: the one that the log is in, and the one before. If segments can't be
 * made, indexing stops here, and appends when the ring is full; some 200 MB then.
 */
const MEMORY_PARTS_MAX = 8;
/** Queries that wait for a damaged segment to be made anew; with more, others wait behind them. */
const HELD_QUERIES_MAX = 256;

export class IndexerAgent implements Agent {
  readonly #surroundings: IndexerSurroundings;
  readonly #start: IndexerStart;
  readonly #memory: RingMemory;
  readonly #published: Cursor;
  readonly #committed: Cursor;
  readonly #indexed: Cursor;
  readonly #mainBell: Doorbell;
  readonly #queries: MailboxReceiver;
  readonly #answers: MailboxSender;
  readonly #outcomes: MailboxReceiver;
  #reportedPosition: Position = FIRST_POSITION;
  #state: 'starting' | 'damaged' | 'following' | 'failed' = 'starting';
  /** How many chunks had been mended when damage was met. */
  #repairsSeen = 0;
  #opened: IndexStart | undefined;
  /** Queries that met a damaged segment. */
  #held: ReceivedQuery[] = [];
  /** Some of them can be answered when main has taken answers. */
  #isHeldReady = false;
  /** The log is damaged where a snapshot needs it: how many chunks had been mended then. */
  #snapshotWaits: number | undefined;

  constructor(start: IndexerStart, surroundings: IndexerSurroundings) {
    const { ring } = start;
    this.#start = start;
    this.#surroundings = surroundings;
    this.#memory = new RingMemory(ring);
    const { control } = this.#memory;
    this.#published = new Cursor(control, CONTROL.published, ring.start);
    this.#committed = new Cursor(control, CONTROL.committed, ring.start);
    this.#indexed = new Cursor(control, CONTROL.indexed, ring.start);
    this.#mainBell = new Doorbell(control, CONTROL.mainBell);
    this.#queries = new MailboxReceiver(start.queries);
    this.#answers = new MailboxSender(start.answers);
    this.#outcomes = new MailboxReceiver(start.outcomes);
  }

  doWork(): number {
    switch (this.#state) {
      case 'starting':
        return this.#begin();
      case 'following':
        return this.#takeOutcomes() + this.#follow() + this.#answerQueries();
      case 'damaged':
        return this.#tryAgain();
      case 'failed':
        return 0;
    }
  }

  isDone(): boolean {
    return Atomics.load(this.#memory.control, CONTROL.stopping) === 1;
  }

  idleMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#opened?.close();
  }

  /** Opens the index and reads what it has no segments of. */
  #begin(): number {
    this.#repairsSeen = this.#repairs;
    try {
      this.#opened ??= this.#open();
      const { keeper, index, position } = this.#opened;
      const outcomes = this.#takeOutcomes();
      const bytes = this.#opened.step();
      if (bytes > 0) {
        this.#reportProgress(position);
        return bytes;
      }
      keeper.advance(this.#indexed.position, index.openFrom);
      return keeper.isWhole && this.#opened.noteMetadata() ? this.#endStart() : outcomes;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #open(): IndexStart {
    const { disk, kernel, hash, report } = this.#surroundings;
    const { seed, metadata } = this.#start;
    return new IndexStart({ options: this.#start, seed, metadata, disk, kernel, hash, report });
  }

  #endStart(): number {
    this.#opened!.end();
    this.#state = 'following';
    this.#surroundings.report({ kind: 'ready' });
    return 1;
  }

  #reportProgress(position: Position): void {
    if (position - this.#reportedPosition < PROGRESS_BYTES) return;
    this.#reportedPosition = position;
    this.#surroundings.report({ kind: 'progress', position, end: this.#start.ring.start });
  }

  /** Reads on, from new files, once a chunk was mended. */
  #tryAgain(): number {
    if (this.#repairs === this.#repairsSeen) return 0;
    this.#opened?.reopen();
    this.#state = 'starting';
    return 1;
  }

  get #repairs(): number {
    return Atomics.load(this.#memory.control, CONTROL.repairs);
  }

  /** Damage and disk failures are told to main as what they are, since an error that ends a thread arrives without its fields. */
  #fail(error: unknown): number {
    const reported = reportedError(error);
    if (reported === undefined) throw error;
    const kind = reported.code === 'log-corrupt' ? 'damaged' : 'failed';
    this.#surroundings.report({ kind, ...reported });
    this.#state = kind;
    return 1;
  }

  /** Jobs that have ended. */
  #takeOutcomes(): number {
    const { keeper } = this.#opened!;
    let count = 0;
    for (
      let outcome = takeOutcome(this.#outcomes);
      outcome !== undefined;
      outcome = takeOutcome(this.#outcomes)
    ) {
      count++;
      if (outcome.kind === 'next-round') keeper.scrubAgain();
      else if (outcome.kind === 'scavenged') keeper.scavenged(outcome.chunks);
      else if (outcome.kind === 'scavenge-ended') keeper.scavengeEnded();
      else if (keeper.take(outcome)) this.#answerHeld();
    }
    return count;
  }

  /** Indexes what was committed since, up to a limit, the chunk's end or the ring's; returns the bytes. */
  #follow(): number {
    const { index, keeper } = this.#opened!;
    const from = this.#indexed.position;
    keeper.advance(from, index.openFrom);
    const committed = this.#committed.load();
    if (committed === from) return 0;
    assert(committed > from, 'what is committed stays so');
    const { bytes, words, descriptor } = this.#memory;
    const chunk = chunkOf(from, descriptor.chunkBytes);
    if (!index.hasPart(chunk) && index.parts.length >= MEMORY_PARTS_MAX) return 0;
    const part = index.partOf(chunk);
    const at = this.#memory.offsetOf(from);
    const length = Math.min(committed - from, part.end - from, FOLLOW_BYTES_MAX);
    const end = index.follow(bytes, words, at, Math.min(at + length, descriptor.ringBytes));
    assert(from + end - at <= Math.min(committed, part.end), 'committed, and chunks, end between records');
    this.#indexed.store(from + end - at);
    if (this.#published.load() - from > descriptor.ringBytes * LAG_TO_RING) this.#mainBell.ring();
    return end - at;
  }

  /** Answers the queries that are there, unless the index isn't far enough yet or main does not take the answers. */
  #answerQueries(): number {
    if (this.#isHeldReady) this.#answerHeld();
    const untilMs = performance.now() + QUERIES_MS;
    let answered = 0;
    while (this.#held.length < HELD_QUERIES_MAX) {
      if (answered % QUERIES_PER_LOOK === QUERIES_PER_LOOK - 1 && performance.now() > untilMs) break;
      const query = receiveQuery(this.#queries);
      if (query === undefined || query.committed > this.#indexed.position) break;
      const outcome = this.#answer(query);
      if (outcome === 'later') break;
      if (outcome === 'damaged') this.#hold(query);
      this.#queries.release();
      answered++;
    }
    if (answered > 0) this.#mainBell.ring();
    return answered;
  }

  /** `later`: main has to take answers first, or the log has to be mended; `damaged`: a part of the index has to be made anew. */
  #answer(query: ReceivedQuery): 'answered' | 'later' | 'damaged' {
    const { index, keeper } = this.#opened!;
    try {
      if (query.isSnapshot) return this.#snapshot();
      if (query.isListing) return this.#listMetadataStreams(query);
      const { id, bytes, nameAt, nameBytes } = query;
      const metadata = index.metadataOf(bytes, nameAt, nameBytes);
      const { head, next } = index.answer(bytes, nameAt, nameBytes, query);
      const isSent = sendAnswer(this.#answers, { id, head, next, metadata }, index.collector);
      return isSent ? 'answered' : 'later';
    } catch (error) {
      if (!(error instanceof IndexDamage)) throw error;
      keeper.suspect(error);
      return 'damaged';
    }
  }

  #listMetadataStreams({ from, eventsMax, bytesMax, bytes, nameAt, nameBytes }: ReceivedQuery): 'answered' {
    const after = bytes.slice(nameAt, nameAt + nameBytes);
    const place = { firstChunk: from, lastChunk: bytesMax, after };
    const page = this.#opened!.index.listMetadataStreams(place, eventsMax);
    this.#surroundings.report({ kind: 'metadata-streams', page });
    return 'answered';
  }

  #snapshot(): 'answered' | 'later' {
    if (this.#snapshotWaits === this.#repairs) return 'later';
    const { index, keeper } = this.#opened!;
    const { disk, kernel, report } = this.#surroundings;
    const { folder: logFolder, logId, retryWindowEvents } = this.#start;
    const folder = `${logFolder}/${INDEX_FOLDER}`;
    const log = { disk, kernel, index, logId, folder, logFolder, committed: this.#indexed.position, report };
    try {
      const snapshot = takeSnapshot({
        index,
        eventIds: retryWindowEvents,
        eventIdsOf: (chunk, wanted) => eventIdsOf({ ...log, files: keeper.eventIds }, chunk, wanted),
      });
      this.#snapshotWaits = undefined;
      report({ kind: 'snapshot', snapshot });
      return 'answered';
    } catch (error) {
      const reported = reportedError(error);
      if (reported?.code !== 'log-corrupt') throw error;
      this.#snapshotWaits = this.#repairs;
      report({ kind: 'damaged', ...reported });
      return 'later';
    }
  }

  /** Its place in the mailbox is for others now. */
  #hold(query: ReceivedQuery): void {
    const bytes = query.bytes.slice(query.nameAt, query.nameAt + query.nameBytes);
    this.#held.push({ ...query, bytes, nameAt: 0 });
  }

  /** A part of the index was made anew: whoever waited for that is answered. */
  #answerHeld(): void {
    const waiting = this.#held;
    this.#held = [];
    this.#isHeldReady = false;
    for (const query of waiting) {
      const outcome = this.#answer(query);
      if (outcome !== 'answered') this.#held.push(query);
      if (outcome === 'later') this.#isHeldReady = true;
    }
    if (this.#held.length < waiting.length) this.#mainBell.ring();
  }
}
