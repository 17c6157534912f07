/**
 * Decides what becomes of an append, to one stream or to several: recognises a retry by its event ids, checks the expected revision against the heads
 * (pending events included), gives out revisions and positions, and frames the events into the ring. It sees all appends,
 * in one order: this is where that order is made. Every answer waits in `pending` until what it rests on is committed.
 * Main thread only, synchronous, but that a retry of old events is held while the log is read.
 */
import type { HashSeed } from '../base/name-table.js';
import { RUN_END, type TakeAppends } from '../base/ports.js';
import { isMetadataName } from '../base/stream-metadata.js';
import type { Position, TimestampUs } from '../base/units.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import { type AckPolicy, EXPECTED_REVISION } from '../wire/frames.js';
import { AckQueues } from './ack-queues.js';
import type { AppendLimits } from './append-limits.js';
import { type AppendRun, AppendRuns } from './append-runs.js';
import { BodyChecks, type BodySource, OTHER_CONTENT } from './body-check.js';
import { ColdHeads, type HeadSource } from './cold-heads.js';
import { DistinctIds } from './distinct-ids.js';
import { type Decision, Drafts, type StepSource } from './drafts.js';
import { Lookups } from './lookups.js';
import { MetadataAppends } from './metadata-appends.js';
import type { AppendSink, Confirm, PendingReplies, Rejection } from './pending-replies.js';
import { prepareBytes, type RecordFramer, recordBytes } from './record-framer.js';
import type { ReignLog, Room } from './reign-log.js';
import type { RetryMatch, RetryWindow } from './retry-window.js';
import { isExpected, streamDeleted, wrongRevision } from './revision-refusals.js';
import type { StreamHeads } from './stream-heads.js';

/**
 * `retry`: nothing was done, for want of room in the ring or of a prepared chunk, or among the retries that are compared with the log; try again when there
 * is some. `sought`: nothing was done, as something that it rests on is looked up in the log; try again when that is found.
 */
export type AppendOutcome = 'taken' | 'retry' | 'sought';

export interface SequencerParts {
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly log: ReignLog;
  readonly heads: StreamHeads;
  /** Where streams are looked up that `heads` does not know. */
  readonly headOf: HeadSource;
  readonly retries: RetryWindow;
  readonly limits: AppendLimits;
  /** Where the events of a retry are compared with those in the log. */
  readonly bodies: BodySource;
  /** Keys the hash of event ids. */
  readonly hashSeed: HashSeed;
  /** Up to where appends may go, in chunks that exist: for the native pass. */
  readonly preparedEnd: () => number;
  /** Why no further chunk can be made at present, or undefined. */
  readonly outOfSpace: () => Rejection | undefined;
  /** Where the steps of open transactions are looked up, and how long one may be without a step. */
  readonly stepsOf: StepSource;
  readonly transactionTimeoutUs: TimestampUs;
  /** The native pass over plain appends, if there is one. */
  readonly takeAppends: TakeAppends | undefined;
  /** Of appends that say none; without it a quorum. The native pass, which knows a quorum only, must not be given with another one. */
  readonly defaultAckPolicy?: AckPolicy | undefined;
  /** Whether the cluster as it is can meet an ack policy; without it any. */
  readonly canBeMet?: ((policy: AckPolicy) => boolean) | undefined;
  /** Asked before a no that rests on the log's content; without it there is nobody who could know better. */
  readonly confirm?: Confirm | undefined;
}

/** A step's frame has room for one event of the largest size, its prefixes, and a stream's name. */
const STEP_OVERHEAD_BYTES = 1100;

export class Sequencer {
  readonly pending: AckQueues;
  readonly #parts: SequencerParts;
  readonly #runs: AppendRuns | undefined;
  readonly #distinct: DistinctIds;
  readonly #bodies: BodyChecks;
  readonly #lookups = new Lookups();
  readonly #coldHeads: ColdHeads;
  readonly #drafts: Drafts;
  readonly #metadata: MetadataAppends;
  /** Whether the append that is being decided says something about streams. */
  #hasMetadata = false;
  /** Of the append that is being decided, part by part: its streams (-1 if it is not known), the hashes of their names, and the revision of its last event there. */
  readonly #streams: number[] = [];
  readonly #streamHashes: number[] = [];
  readonly #revisions: number[] = [];
  /** Of its last event. */
  #position = 0;
  /** Of those of its events that were seen before. */
  readonly #positions: Position[] = [];

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    const { takeAppends, confirm } = parts;
    this.pending = new AckQueues(confirm);
    this.#runs = takeAppends && new AppendRuns(takeAppends, { ...parts, pending: this.pending.quorum });
    this.#distinct = new DistinctIds(parts.hashSeed);
    this.#bodies = new BodyChecks(parts.producer, parts.bodies);
    this.#coldHeads = new ColdHeads(parts.heads, parts.headOf, this.#lookups);
    this.#metadata = new MetadataAppends(parts.heads);
    this.#drafts = new Drafts({
      ...parts,
      lookups: this.#lookups,
      stepBytesMax: parts.limits.eventBytesMax + STEP_OVERHEAD_BYTES,
      transactionBytesMax: parts.limits.transactionBytesMax,
      eventsMax: parts.retries.events,
      timeoutUs: parts.transactionTimeoutUs,
      framed: () => parts.producer.framed,
      queueOf: (append) => this.#queueOf(append),
      reject: (sink, token, rejection) => this.#reject(sink, token, rejection),
      decide: (append, sink, token) => this.#decide(append, sink, token),
      lastResult: () => ({ revisions: this.#revisions, position: this.#position }),
    });
  }

  /**
   * Takes the appends at the head of `run` that have nothing special about them, fast; their answers go to `sink`. What it
   * leaves is for {@link append}, frame by frame.
   */
  appendRun(run: AppendRun, sink: AppendSink): void {
    if (this.#runs === undefined) return;
    const { producer, log } = this.#parts;
    log.beginTurn();
    for (;;) {
      const before = producer.framed;
      const end = this.#runs.take(run, sink, log.publishBytes);
      if (producer.framed > before) log.noteRecords();
      log.publishIfEnough();
      if (end !== RUN_END.publish) return;
    }
  }

  /** Takes an append that was opened in `append`; the answer goes to `sink` with `token`, in log order. */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome {
    const { heads, log } = this.#parts;
    heads.makeRoom(log.committed);
    if (append.isStep) return this.#drafts.take(append, sink, token);
    const decision = this.#decide(append, sink, token);
    return decision === 'retry' || decision === 'sought' ? decision : 'taken';
  }

  /** Calls back, once, when what the append that got `sought` last rests on is there. To be called right after that. */
  whenFound(callback: () => void): void {
    this.#lookups.whenFound(callback);
  }

  /** Nothing more is decided here: those who wait for something to be found are called back, now. */
  releaseWaiting(): void {
    this.#lookups.releaseAll();
  }

  #decide(append: AppendCursor, sink: AppendSink, token: number): Decision {
    const match = this.#match(append);
    if (match === 'duplicate') return this.#again(append, sink, token);
    const unfit =
      this.#refuseSize(append) ??
      this.#refuseIds(append, match) ??
      (this.#hasMetadata ? this.#metadata.open(append) : undefined);
    if (unfit !== undefined) return this.#reject(sink, token, unfit);
    if (!this.#areKnown()) return this.#coldHeads.seek(append);
    const rejection =
      this.#refuseRevisions(append) ??
      (this.#hasMetadata ? this.#metadata.refuse() : undefined) ??
      this.#refusePolicy(append);
    if (rejection !== undefined) return this.#reject(sink, token, rejection);
    const room = this.#roomFor(append);
    if (room !== 'enough') {
      const outOfSpace = room === 'no-chunk' ? this.#parts.outOfSpace() : undefined;
      return outOfSpace === undefined ? 'retry' : this.#reject(sink, token, outOfSpace);
    }
    this.#write(append);
    if (this.#hasMetadata) this.#metadata.close(this.#position);
    this.#answerLater(append, sink, token, false);
    this.#parts.log.publishIfEnough();
    return 'written';
  }

  /** Whether all is known of the streams that the append is to or about. */
  #areKnown(): boolean {
    if (this.#parts.heads.isComplete) return true;
    return !this.#streams.includes(-1) && (!this.#hasMetadata || this.#metadata.areKnown());
  }

  /** An append whose ids are all known, where they should be: gets the first result if its events are those in the log. */
  #again(append: AppendCursor, sink: AppendSink, token: number): Decision {
    const comparison = this.#bodies.compare(append, this.#positions);
    if (comparison === 'different') return this.#reject(sink, token, OTHER_CONTENT);
    if (comparison === 'unread' && !this.#bodies.hasRoom(append.totalEvents)) return 'retry';
    const entry = this.#answerLater(append, sink, token, true);
    if (comparison === 'same') return 'duplicate';
    this.#bodies.hold(append, this.#positions, this.#queueOf(append), entry);
    return 'held';
  }

  /** How many streams are in memory, some perhaps twice. */
  get streams(): number {
    return this.#parts.heads.streams;
  }

  /** The memory that they take, in bytes. */
  get streamBytes(): number {
    return this.#parts.heads.bytes;
  }

  /** How many streams, and open transactions, were looked up in the log because they were not in memory. */
  get lookups(): number {
    return this.#lookups.begun;
  }

  /**
   * Whether the ids of all parts were seen before: each part's as {@link RetryWindow.match} has it; then notes where they are. Else notes the
   * parts' streams.
   */
  #match(append: AppendCursor): RetryMatch {
    const { heads, retries } = this.#parts;
    this.#streams.length = this.#streamHashes.length = this.#revisions.length = 0;
    this.#positions.length = this.#position = 0;
    this.#hasMetadata = false;
    let all: RetryMatch | undefined;
    append.rewindParts();
    do {
      retries.touch(append);
      const { bytes, streamAt, streamLength } = append;
      const hash = heads.hash(bytes, streamAt, streamLength);
      const match = retries.match(append, hash, this.#positions);
      all = all === undefined || all === match ? match : 'conflict';
      this.#streams.push(heads.find(bytes, streamAt, streamLength));
      this.#streamHashes.push(hash);
      if (isMetadataName(bytes, streamAt, streamLength)) this.#hasMetadata = true;
      this.#revisions.push(retries.revision);
      // Parts may come again in another order.
      this.#position = Math.max(this.#position, retries.position);
    } while (append.nextPart());
    return all;
  }

  /** Frames the events of all parts as one transaction, and notes where they are. */
  #write(append: AppendCursor): void {
    const { framer, log, heads, retries } = this.#parts;
    log.beginTurn();
    let first = -1;
    let left = append.totalEvents;
    let part = 0;
    append.rewindParts();
    do {
      const found = this.#streams[part]!;
      const stream = found < 0 ? heads.intern(append.bytes, append.streamAt, append.streamLength) : found;
      let revision = heads.revision(stream);
      while (append.nextEvent()) {
        revision++;
        left--;
        this.#position = framer.prepare(append, revision, first, left === 0);
        if (first < 0) first = this.#position;
        retries.add(append, this.#streamHashes[part]!, revision, this.#position);
      }
      heads.advance(stream, revision, this.#position);
      this.#revisions[part++] = revision;
    } while (append.nextPart());
    log.noteRecords();
  }

  /** Answers with what was noted, when all that is framed is acknowledged as the append wants it. Returns the answer's number in its queue. */
  #answerLater(append: AppendCursor, sink: AppendSink, token: number, isDuplicate: boolean): number {
    const queue = this.#queueOf(append);
    const entry = queue.appended(this.#parts.producer.framed, sink, token, isDuplicate);
    queue.setResult(entry, this.#revisions.at(-1)!, this.#position);
    if (append.partCount > 1) queue.setRevisions(entry, [...this.#revisions]);
    return entry;
  }

  #reject(sink: AppendSink, token: number, rejection: Rejection): 'rejected' {
    this.pending.quorum.rejected(this.#parts.producer.framed, sink, token, rejection);
    return 'rejected';
  }

  #refuseSize(append: AppendCursor): Rejection | undefined {
    const { eventBytesMax, transactionBytesMax } = this.#parts.limits;
    if (append.largestEventBytes > eventBytesMax) {
      return tooLarge('bytes of an event', append.largestEventBytes, eventBytesMax, 'MaxAppendEventSize');
    }
    const { events } = this.#parts.retries;
    if (append.totalEvents > events) {
      return tooLarge('events of this request', append.totalEvents, events, 'RetryWindowEvents');
    }
    const bytes = recordBytes(append);
    if (bytes <= transactionBytesMax) return undefined;
    return tooLarge(
      'bytes of the records of this request',
      bytes,
      transactionBytesMax,
      'RingSize or ChunkSize',
    );
  }

  #refusePolicy(append: AppendCursor): Rejection | undefined {
    const ackPolicy = this.#policyOf(append);
    if (ackPolicy === 'quorum' || this.#parts.canBeMet?.(ackPolicy) !== false) return undefined;
    const message = `no configuration of this cluster as it is can meet the ack policy ${ackPolicy}; choose another, or give nodes other zones`;
    return { code: 'ack-policy-unmet', message, details: { ackPolicy } };
  }

  #queueOf(append: AppendCursor): PendingReplies {
    return this.pending.of(this.#policyOf(append));
  }

  #policyOf({ ackPolicy, saysAckPolicy }: AppendCursor): AckPolicy {
    return saysAckPolicy ? ackPolicy : (this.#parts.defaultAckPolicy ?? 'quorum');
  }

  #refuseIds(append: AppendCursor, match: 'new' | 'conflict'): Rejection | undefined {
    if (match === 'new' && (append.totalEvents === 1 || this.#distinct.areDistinct(append))) return undefined;
    const message =
      match === 'new'
        ? 'two events of this request have the same id; give each event an id of its own'
        : 'some event ids of this request are in the log already, but not as this request. If it is a retry, read the stream to see what was written; for new events use new ids';
    return { code: 'event-id-conflict', message, details: {} };
  }

  /** The first part whose stream isn't as it expects. */
  #refuseRevisions(append: AppendCursor): Rejection | undefined {
    append.rewindParts();
    let part = 0;
    do {
      const rejection = this.#refuseRevision(append, this.#streams[part++]!);
      if (rejection !== undefined) return rejection;
    } while (append.nextPart());
    return undefined;
  }

  #refuseRevision(append: AppendCursor, stream: number): Rejection | undefined {
    const { heads } = this.#parts;
    const expected = append.expectedRevision;
    const isClosed = heads.isClosed(stream);
    const current = isClosed ? EXPECTED_REVISION.noStream : heads.revision(stream);
    if (!isClosed && isExpected(expected, current)) return undefined;
    const { bytes, streamAt, streamLength } = append;
    const name = bytes.slice(streamAt, streamAt + streamLength);
    return isClosed ? streamDeleted(name) : wrongRevision(name, expected, current);
  }

  /** Whether the records of `append` fit into the ring and the chunks that exist, whatever Padding they need. */
  #roomFor(append: AppendCursor): Room {
    const largest = prepareBytes(append.longestName, append.largestEventBytes);
    return this.#parts.log.roomFor(recordBytes(append), largest);
  }
}

function tooLarge(what: string, amount: number, limit: number, option: string): Rejection {
  return {
    code: 'request-too-large',
    message: `${amount} ${what}, and this server's limit is ${limit}; split the request, or raise ${option}`,
    details: { amount, limit },
  };
}
