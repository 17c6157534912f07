/**
 * Decides what becomes of an append: recognises a retry by its event ids, checks the expected revision against the heads
 * (pending events included), gives out revisions and positions, and frames the events into the ring. It sees all appends,
 * in one order: this is where that order is made. Every answer waits in `pending` until what it rests on is committed.
 * Main thread only, synchronous.
 */
import type { HashSeed } from '../base/name-table.js';
import { RUN_END, type TakeAppends } from '../base/ports.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import { type AckPolicy, EXPECTED_REVISION } from '../wire/frames.js';
import { AckQueues } from './ack-queues.js';
import type { AppendLimits } from './append-limits.js';
import { type AppendRun, AppendRuns } from './append-runs.js';
import { DistinctIds } from './distinct-ids.js';
import type { AppendSink, Confirm, PendingReplies, Rejection } from './pending-replies.js';
import { prepareBytes, type RecordFramer } from './record-framer.js';
import type { ReignLog, Room } from './reign-log.js';
import type { RetryWindow } from './retry-window.js';
import type { StreamHeads } from './stream-heads.js';

/** `retry`: nothing was done, for want of room in the ring or of a prepared chunk; try again when there is some. */
export type AppendOutcome = 'taken' | 'retry';

export interface SequencerParts {
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly log: ReignLog;
  readonly heads: StreamHeads;
  readonly retries: RetryWindow;
  readonly limits: AppendLimits;
  /** Keys the hash of event ids. */
  readonly hashSeed: HashSeed;
  /** Up to where chunks exist: for the native pass. */
  readonly preparedEnd: () => number;
  /** Why no further chunk can be made at present, or undefined. */
  readonly outOfSpace: () => Rejection | undefined;
  /** The native pass over plain appends, if there is one. */
  readonly takeAppends: TakeAppends | undefined;
  /** Of appends that say none; without it a quorum. The native pass, which knows a quorum only, must not be given with another one. */
  readonly defaultAckPolicy?: AckPolicy | undefined;
  /** Whether the cluster as it is can meet an ack policy; without it any. */
  readonly canBeMet?: ((policy: AckPolicy) => boolean) | undefined;
  /** Asked before a no that rests on the log's content; without it there is nobody who could know better. */
  readonly confirm?: Confirm | undefined;
}

export class Sequencer {
  readonly pending: AckQueues;
  readonly #parts: SequencerParts;
  readonly #runs: AppendRuns | undefined;
  readonly #distinct: DistinctIds;

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    const { takeAppends, confirm } = parts;
    this.pending = new AckQueues(confirm);
    this.#runs = takeAppends && new AppendRuns(takeAppends, { ...parts, pending: this.pending.quorum });
    this.#distinct = new DistinctIds(parts.hashSeed);
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
    const { heads, retries } = this.#parts;
    retries.touch(append);
    const stream = heads.find(append.bytes, append.streamAt, append.streamLength);
    const match = retries.match(append, stream);
    if (match === 'duplicate') {
      const queue = this.#queueOf(append);
      const entry = queue.appended(this.#parts.producer.framed, sink, token, true);
      queue.setResult(entry, retries.revision, retries.position);
      return 'taken';
    }
    const rejection =
      this.#refuseSize(append) ??
      this.#refuseIds(append, match) ??
      this.#refuseRevision(append, stream) ??
      this.#refusePolicy(append);
    if (rejection !== undefined) return this.#reject(sink, token, rejection);
    const room = this.#roomFor(append);
    if (room !== 'enough') {
      const outOfSpace = room === 'no-chunk' ? this.#parts.outOfSpace() : undefined;
      return outOfSpace === undefined ? 'retry' : this.#reject(sink, token, outOfSpace);
    }
    this.#write(append, stream, sink, token);
    return 'taken';
  }

  /** How many streams there are. */
  get streams(): number {
    return this.#parts.heads.streams;
  }

  #write(append: AppendCursor, found: number, sink: AppendSink, token: number): void {
    const { producer, framer, log, heads, retries } = this.#parts;
    log.beginTurn();
    const stream = found < 0 ? heads.intern(append.bytes, append.streamAt, append.streamLength) : found;
    let revision = heads.revision(stream);
    let first = -1;
    let position = -1;
    let left = append.eventCount;
    append.rewind();
    while (append.nextEvent()) {
      revision++;
      left--;
      position = framer.prepare(append, revision, first, left === 0);
      if (first < 0) first = position;
      retries.add(append, stream, revision, position);
    }
    heads.advance(stream, revision, position);
    log.noteRecords();
    const queue = this.#queueOf(append);
    const entry = queue.appended(producer.framed, sink, token, false);
    queue.setResult(entry, revision, position);
    log.publishIfEnough();
  }

  #reject(sink: AppendSink, token: number, rejection: Rejection): AppendOutcome {
    this.pending.quorum.rejected(this.#parts.producer.framed, sink, token, rejection);
    return 'taken';
  }

  #refuseSize(append: AppendCursor): Rejection | undefined {
    const { eventBytesMax, transactionBytesMax } = this.#parts.limits;
    if (append.largestEventBytes > eventBytesMax) {
      return tooLarge('bytes of an event', append.largestEventBytes, eventBytesMax, 'MaxAppendEventSize');
    }
    const { events } = this.#parts.retries;
    if (append.eventCount > events) {
      return tooLarge('events of this request', append.eventCount, events, 'RetryWindowEvents');
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
    if (match === 'new' && (append.eventCount === 1 || this.#distinct.areDistinct(append))) return undefined;
    const message =
      match === 'new'
        ? 'two events of this request have the same id; give each event an id of its own'
        : 'some event ids of this request are in the log already, but not as this request. If it is a retry, read the stream to see what was written; for new events use new ids';
    return { code: 'event-id-conflict', message, details: {} };
  }

  #refuseRevision(append: AppendCursor, stream: number): Rejection | undefined {
    const expected = append.expectedRevision;
    const current = this.#parts.heads.revision(stream);
    if (expected === EXPECTED_REVISION.any || expected === current) return undefined;
    if (expected === EXPECTED_REVISION.streamExists && current >= 0) return undefined;
    const name = new TextDecoder().decode(
      append.bytes.slice(append.streamAt, append.streamAt + append.streamLength),
    );
    return {
      code: 'wrong-expected-revision',
      message: `the append expects ${describeRevision(expected)}, but stream '${name}' has ${describeRevision(current)}; read it again and decide anew`,
      details: { stream: name, expected, current },
    };
  }

  /** Whether the records of `append` fit into the ring and the chunks that exist, whatever Padding they need. */
  #roomFor(append: AppendCursor): Room {
    const largest = prepareBytes(append.streamLength, append.largestEventBytes);
    return this.#parts.log.roomFor(recordBytes(append), largest);
  }
}

/** What the records of an append take at most: rounding up costs up to 7 bytes an event. */
function recordBytes({ streamLength, eventCount, totalEventBytes }: AppendCursor): number {
  return eventCount * prepareBytes(streamLength, 7) + totalEventBytes;
}

function tooLarge(what: string, amount: number, limit: number, option: string): Rejection {
  return {
    code: 'request-too-large',
    message: `${amount} ${what}, and this server's limit is ${limit}; split the request, or raise ${option}`,
    details: { amount, limit },
  };
}

function describeRevision(revision: number): string {
  if (revision === EXPECTED_REVISION.noStream) return 'no events';
  return revision === EXPECTED_REVISION.streamExists ? 'some event' : `revision ${revision} as its last`;
}
