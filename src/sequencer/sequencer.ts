/**
 * Decides what becomes of an append: recognises a retry by its event ids, checks the expected revision against the heads
 * (pending events included), gives out revisions and positions, and frames the events into the ring. It sees all appends,
 * in one order: this is where that order is made. Every answer waits in `pending` until what it rests on is committed.
 * Main thread only, synchronous.
 */
import { assert } from '../base/assert.js';
import type { HashSeed } from '../base/name-table.js';
import type { Clock } from '../base/ports.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import { EXPECTED_REVISION } from '../wire/frames.js';
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
/** Room that a transaction may need beyond its own records: a Commit in front, and Padding at a chunk's end. */
const OVERHEAD_BYTES = 64;

/** What an append may cost, below what ring and chunks can take (see `appendLimits`). */
export interface AppendLimits {
  /** Most bytes of an Append frame. */
  readonly appendBytesMax: number;
  /** Most bytes of type, metadata and data of one event. */
  readonly eventBytesMax: number;
  /** Most bytes that the records of one append may take: many tiny events need far more than their frame. */
  readonly transactionBytesMax: number;
}

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
}

export class Sequencer {
  readonly pending = new PendingReplies();
  readonly #parts: SequencerParts;
  readonly #distinct: DistinctIds;
  /** Where the last record other than a Commit ends, and what the last Commit record says. */
  #recordsEnd: number;
  #committedOnRecord = 0;
  #committed: number;
  #isFirstOfTurn = true;
  /** Nothing may be written before the Epoch record. */
  #isReigning = false;

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    this.#distinct = new DistinctIds(parts.hashSeed);
    this.#recordsEnd = parts.producer.framed;
    this.#committed = parts.producer.framed;
  }

  /** Takes an append that was opened in `append`; the answer goes to `sink` with `token`, in log order. */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome {
    const { heads, retries } = this.#parts;
    retries.touch(append);
    const stream = heads.find(append.bytes, append.streamAt, append.streamLength);
    const match = retries.match(append, stream);
    if (match === 'duplicate') {
      const entry = this.pending.appended(this.#framed, sink, token, true);
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
    this.#parts.framer.epoch(leaderInstanceId);
    this.#recordsEnd = this.#framed;
    this.pending.boundary(this.#framed);
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
    this.pending.boundary(this.#framed);
  }

  /** Publishes what was framed. Once per turn of the event loop. */
  publish(): void {
    this.#parts.producer.publish();
    this.#isFirstOfTurn = true;
  }

  get #framed(): number {
    return this.#parts.producer.framed;
  }

  #write(append: AppendCursor, found: number, sink: AppendSink, token: number): void {
    const { framer, heads, retries, clock } = this.#parts;
    if (this.#isFirstOfTurn) {
      this.#isFirstOfTurn = false;
      framer.setTime(clock.wallUs());
      this.recordCommit();
    }
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
    this.#recordsEnd = this.#framed;
    const entry = this.pending.appended(this.#framed, sink, token, false);
    this.pending.setResult(entry, revision, position);
    if (this.#framed - this.#parts.producer.published >= PUBLISH_BYTES) this.#parts.producer.publish();
  }

  #reject(sink: AppendSink, token: number, rejection: Rejection): AppendOutcome {
    this.pending.rejected(this.#framed, sink, token, rejection);
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
