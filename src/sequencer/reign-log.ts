/**
 * The log as a leader writes it: its Epoch and Membership records, its Commit records, the clock of its turns, and when what was framed
 * is published. The sequencer frames events into it. Main thread only, synchronous.
 */
import type { ChainState, Clock } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import { EPOCH_LENGTH, RECORD_HEADER_BYTES } from '../log/record.js';
import type { RingProducer } from '../ring/producer.js';
import type { RecordFramer } from './record-framer.js';

/**
 * Publish when so much is framed, without waiting for the turn's end: the writer then works on the first part of a large turn
 * while main frames the rest. Small against a batch, large against the 10 µs of waking the writer once.
 */
const PUBLISH_BYTES = 64 * 1024;
/** The same while the writer is busy: what is published meanwhile waits for it anyhow, and many small batches cost the disk and main more than a large one. */
const PUBLISH_BYTES_IF_BUSY = 512 * 1024;
/** Room that records may need beyond their own bytes: a Commit behind them, and Padding at a chunk's end. */
const OVERHEAD_BYTES = 64;

/** Whether records fit: a full ring empties by itself, a chunk that is not there may have no room on the disk. */
export type Room = 'enough' | 'ring-full' | 'no-chunk';

export interface ReignLogParts {
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly clock: Clock;
  /** Up to where chunks exist. */
  readonly preparedEnd: () => Position;
  /** Up to where appends may go, if that is less: a leader that is short of space goes on with its reign's own records. */
  readonly appendsEnd?: () => Position;
  /** Whole requests were published: the log ends here now. */
  readonly published: (end: Readonly<ChainState>) => void;
}

export class ReignLog {
  readonly #parts: ReignLogParts;
  /** Where the last record other than a Commit ends, and what the last Commit record says. */
  #recordsEnd: Position = FIRST_POSITION;
  #committedOnRecord: Position = FIRST_POSITION;
  #committed: Position = FIRST_POSITION;
  #isFirstOfTurn = true;
  #turnBeganMs: number | undefined;
  #hasPublished = false;

  /** `committed`: what is committed when the reign begins. */
  constructor(parts: ReignLogParts, committed: Position) {
    this.#parts = parts;
    this.#recordsEnd = parts.producer.framed;
    this.#committed = committed;
  }

  /** Frames the Epoch record, the first of a reign; false if there is no room for it yet. */
  openEpoch(leaderInstanceId: Uint8Array): boolean {
    if (!this.#hasRoom(EPOCH_LENGTH)) return false;
    this.#setTime();
    this.#parts.framer.openEpoch(leaderInstanceId);
    this.noteRecords();
    return true;
  }

  /** Frames a Membership record; false if there is no room for it yet. */
  membership(body: Uint8Array): boolean {
    const bytes = RECORD_HEADER_BYTES + body.length;
    if (!this.#hasRoom(bytes)) return false;
    this.#setTime();
    this.#parts.framer.membership(body);
    this.noteRecords();
    return true;
  }

  /** Before events are framed: the clock is read once for all of a turn. */
  beginTurn(): void {
    if (this.#isFirstOfTurn) this.#turnBeganMs = this.#parts.clock.monotonicMs();
    this.#setTime();
  }

  /** When the first event of this turn was about to be framed. Undefined: all of it is the reign's own. */
  get turnBeganMs(): number | undefined {
    return this.#turnBeganMs;
  }

  /** Records other than Commits were framed. */
  noteRecords(): void {
    this.#recordsEnd = this.#parts.producer.framed;
  }

  /** Everything before `committed` is committed, and durable here. */
  setCommitted(committed: Position): void {
    this.#committed = committed;
  }

  /** Everything before it is committed, and durable here. */
  get committed(): Position {
    return this.#committed;
  }

  /** Whether the log lacks a Commit record for something that is committed. */
  get owesCommit(): boolean {
    return this.#committedOnRecord < this.#recordsEnd && this.#committedOnRecord < this.#committed;
  }

  /** Frames a Commit record if one is owed and there is room. */
  recordCommit(): void {
    if (!this.owesCommit || !this.#hasRoom(0)) return;
    this.#parts.framer.commit(this.#committed);
    this.#committedOnRecord = this.#committed;
  }

  /** What may still be framed before it is time to publish. */
  get publishBytes(): number {
    const { framed, published, isAllDurable } = this.#parts.producer;
    return (isAllDurable ? PUBLISH_BYTES : PUBLISH_BYTES_IF_BUSY) - (framed - published);
  }

  /** Publishes if enough is framed. Only between whole requests. */
  publishIfEnough(): void {
    if (this.publishBytes <= 0) this.#publish();
  }

  /** Publishes what was framed. Once per turn of the event loop. */
  endTurn(): void {
    this.#publish();
    this.#isFirstOfTurn = true;
    this.#turnBeganMs = undefined;
    this.#hasPublished = false;
  }

  #setTime(): void {
    if (!this.#isFirstOfTurn) return;
    this.#isFirstOfTurn = false;
    const { framer, clock } = this.#parts;
    framer.setTime(clock.wallUs());
  }

  /**
   * Whether events of `bytes` fit into the ring and the chunks that exist, whatever Padding they need. `largest`: bytes of the largest
   * of them, which is what Padding may take where a chunk ends.
   */
  roomFor(bytes: number, largest: number): Room {
    const needed = this.#needed(bytes, largest);
    const { producer, appendsEnd, preparedEnd } = this.#parts;
    if (producer.framed + needed > (appendsEnd ?? preparedEnd)()) return 'no-chunk';
    return producer.hasRoomForEvents(needed) ? 'enough' : 'ring-full';
  }

  /** The same for one record of the reign itself. */
  #hasRoom(bytes: number): boolean {
    const needed = this.#needed(bytes, bytes);
    const { producer, preparedEnd } = this.#parts;
    return producer.framed + needed <= preparedEnd() && producer.hasRoom(needed);
  }

  #needed(bytes: number, largest: number): number {
    const [all, one] = [bytes + OVERHEAD_BYTES, largest + OVERHEAD_BYTES];
    return all + one < this.#parts.framer.room ? all : all + 2 * one;
  }

  /** The first records of a turn that are published take a Commit along, if one is owed. */
  #publish(): void {
    const { producer } = this.#parts;
    if (!this.#hasPublished && this.#recordsEnd > producer.published) {
      this.#hasPublished = true;
      this.recordCommit();
    }
    if (producer.framed === producer.published) return;
    producer.publish();
    this.#parts.published(producer.end);
  }
}
