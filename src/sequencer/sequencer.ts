/**
 * Decides what becomes of an append: recognises a retry by its event ids, checks the expected revision against the heads
 * (pending events included), gives out revisions and positions, and frames the events into the ring. It sees all appends,
 * in one order: this is where that order is made. Every answer waits in `pending` until what it rests on is committed.
 * Main thread only, synchronous.
 */
import { assert } from '../base/assert.js';
import type { HashSeed } from '../base/name-table.js';
import { type Clock, RUN_END, type TakeAppends } from '../base/ports.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import { EXPECTED_REVISION } from '../wire/frames.js';
import type { AppendLimits } from './append-limits.js';
import { type AppendRun, AppendRuns } from './append-runs.js';
import { DistinctIds } from './distinct-ids.js';
import { type AppendSink, PendingReplies, type Rejection } from './pending-replies.js';
import { prepareBytes, type RecordFramer } from './record-framer.js';
import type { RetryWindow } from './retry-window.js';
import type { StreamHeads } from './stream-heads.js';

/**
 * Publish when so much is framed, without waiting for the turn's end: the writer then works on the first part of a large turn
 * while main frames the rest. Small against a batch, large against the 10 µs of waking the writer once.
 */
const PUBLISH_BYTES = 64 * 1024;
/** Room that a transaction may need beyond its own records: a Commit behind it, and Padding at a chunk's end. */
const OVERHEAD_BYTES = 64;

/** `retry`: nothing was done, for want of room in the ring or of a prepared chunk; try again when there is some. */
export type AppendOutcome = 'taken' | 'retry';

/** Whether records fit: a full ring empties by itself, a chunk that is not there may have no room on the disk. */
type Room = 'enough' | 'ring-full' | 'no-chunk';

export interface SequencerParts {
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly heads: StreamHeads;
  readonly retries: RetryWindow;
  readonly limits: AppendLimits;
  /** Keys the hash of event ids. */
  readonly hashSeed: HashSeed;
  readonly clock: Clock;
  /** Up to where chunks exist. */
  readonly preparedEnd: () => number;
  /** Why no further chunk can be made at present, or undefined. */
  readonly outOfSpace: () => Rejection | undefined;
  /** The native pass over plain appends, if there is one. */
  readonly takeAppends: TakeAppends | undefined;
}

export class Sequencer {
  readonly pending = new PendingReplies();
  readonly #parts: SequencerParts;
  readonly #runs: AppendRuns | undefined;
  readonly #distinct: DistinctIds;
  /** Where the last record other than a Commit ends, and what the last Commit record says. */
  #recordsEnd: number;
  #committedOnRecord = 0;
  #committed: number;
  #isFirstOfTurn = true;
  #hasPublished = false;
  /** Nothing may be written before the Epoch record. */
  #isReigning = false;

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    const { takeAppends } = parts;
    this.#runs = takeAppends && new AppendRuns(takeAppends, { ...parts, pending: this.pending });
    this.#distinct = new DistinctIds(parts.hashSeed);
    this.#recordsEnd = parts.producer.framed;
    this.#committed = parts.producer.framed;
  }

  /**
   * Takes the appends at the head of `run` that have nothing special about them, fast; their answers go to `sink`. What it
   * leaves is for {@link append}, frame by frame.
   */
  appendRun(run: AppendRun, sink: AppendSink): void {
    if (this.#runs === undefined || !this.#isReigning) return;
    if (this.#isFirstOfTurn) this.#beginTurn();
    const { producer } = this.#parts;
    for (;;) {
      const before = producer.framed;
      const end = this.#runs.take(run, sink, PUBLISH_BYTES - (before - producer.published));
      if (producer.framed > before) this.#recordsEnd = producer.framed;
      this.#publishIfEnough();
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
      const entry = this.pending.appended(this.#parts.producer.framed, sink, token, true);
      this.pending.setResult(entry, retries.revision, retries.position);
      return 'taken';
    }
    const rejection =
      this.#refuseSize(append) ?? this.#refuseIds(append, match) ?? this.#refuseRevision(append, stream);
    if (rejection !== undefined) return this.#reject(sink, token, rejection);
    const room = this.#roomFor(append);
    if (room !== 'enough') {
      const outOfSpace = room === 'no-chunk' ? this.#parts.outOfSpace() : undefined;
      return outOfSpace === undefined ? 'retry' : this.#reject(sink, token, outOfSpace);
    }
    this.#write(append, stream, sink, token);
    return 'taken';
  }

  /** Frames the Epoch record that opens this node's reign; false if there is no room for it yet. */
  openEpoch(leaderInstanceId: Uint8Array): boolean {
    assert(!this.#isReigning, 'a reign is opened once');
    if (this.#room(OVERHEAD_BYTES, OVERHEAD_BYTES) !== 'enough') return false;
    this.#isReigning = true;
    this.#parts.framer.setTime(this.#parts.clock.wallUs());
    this.#parts.framer.openEpoch(leaderInstanceId);
    this.#recordsEnd = this.#parts.producer.framed;
    this.pending.boundary(this.#parts.producer.framed);
    return true;
  }

  /** Everything before `committed` is committed; it stands at the end of a request. Call before releasing replies. */
  setCommitted(committed: number): void {
    this.#committed = committed;
  }

  /** How many streams there are. */
  get streams(): number {
    return this.#parts.heads.streams;
  }

  /** Why nothing can be written at present, or undefined. */
  outOfSpace(): Rejection | undefined {
    return this.#parts.outOfSpace();
  }

  /** Whether the log lacks a Commit record for something that is committed. */
  get owesCommit(): boolean {
    return this.#committedOnRecord < this.#recordsEnd && this.#committedOnRecord < this.#committed;
  }

  /** Frames a Commit record if one is owed and there is room. */
  recordCommit(): void {
    if (!this.owesCommit || this.#room(OVERHEAD_BYTES, OVERHEAD_BYTES) !== 'enough') return;
    this.#parts.framer.commit(this.#committed);
    this.#committedOnRecord = this.#committed;
    this.pending.boundary(this.#parts.producer.framed);
  }

  /** Publishes what was framed. Once per turn of the event loop. */
  publish(): void {
    this.#publish();
    this.#isFirstOfTurn = true;
    this.#hasPublished = false;
  }

  #write(append: AppendCursor, found: number, sink: AppendSink, token: number): void {
    const { producer, framer, heads, retries } = this.#parts;
    if (this.#isFirstOfTurn) this.#beginTurn();
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
    this.#recordsEnd = producer.framed;
    const entry = this.pending.appended(producer.framed, sink, token, false);
    this.pending.setResult(entry, revision, position);
    this.#publishIfEnough();
  }

  /** Before the first record of a turn: the clock is read once for all of them. */
  #beginTurn(): void {
    this.#isFirstOfTurn = false;
    this.#parts.framer.setTime(this.#parts.clock.wallUs());
  }

  /** The first records of a turn that are published take a Commit along, if one is owed. */
  #publish(): void {
    const { producer } = this.#parts;
    if (!this.#hasPublished && this.#recordsEnd > producer.published) {
      this.#hasPublished = true;
      this.recordCommit();
    }
    producer.publish();
  }

  #publishIfEnough(): void {
    const { framed, published } = this.#parts.producer;
    if (framed - published >= PUBLISH_BYTES) this.#publish();
  }

  #reject(sink: AppendSink, token: number, rejection: Rejection): AppendOutcome {
    this.pending.rejected(this.#parts.producer.framed, sink, token, rejection);
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
    if (!this.#isReigning) return 'no-chunk';
    const largest = prepareBytes(append.streamLength, append.largestEventBytes);
    return this.#room(recordBytes(append) + OVERHEAD_BYTES, largest + OVERHEAD_BYTES);
  }

  /** `largest`: bytes of the largest record: what Padding may take where a chunk ends. */
  #room(bytes: number, largest: number): Room {
    const { producer, framer, preparedEnd } = this.#parts;
    const needed = bytes + largest < framer.room ? bytes : bytes + 2 * largest;
    if (producer.framed + needed > preparedEnd()) return 'no-chunk';
    return producer.hasRoom(needed) ? 'enough' : 'ring-full';
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
