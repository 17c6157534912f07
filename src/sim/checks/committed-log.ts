/**
 * The log as far as any node has called it committed: the truth of a run, kept beside it and checked as it grows. Pure. The first
 * node to commit a byte decides what it is; every other node's committed bytes are held against it (invariant 7), at once, so
 * that a run stops where it went wrong. At its end the events in it are what the history is judged by.
 */
import { assert } from '../../base/assert.js';
import { bytesEqual } from '../../base/bytes.js';
import type { Bytes } from '../../base/ports.js';
import type { Position } from '../../base/units.js';
import { type DecodedRecord, describeRecord } from '../../log/decoded-record.js';
import type { Anomaly, AnomalyKind } from './anomaly.js';
import { eventOf, forEachRecord, type LoggedEvent, OpenTransaction } from './logged-event.js';

/** From `sequence` on (of the history's moments), all before `end` was committed. */
export interface CommitMark {
  readonly sequence: number;
  readonly end: Position;
}

/** A simulated run writes some hundred KiB. */
const BYTES_AT_FIRST = 64 * 1024;

export class CommittedLog {
  /** Of whole transactions, in log order. */
  readonly events: LoggedEvent[] = [];
  /** Each move of the commit position, of whichever node was first. */
  readonly marks: CommitMark[] = [];
  readonly #nextSequence: () => number;
  readonly #open = new OpenTransaction();
  #bytes: Bytes = new Uint8Array(BYTES_AT_FIRST);
  #end: Position = 0;
  #anomalies: Anomaly[] = [];

  /** `nextSequence` numbers moments as the history does: `() => history.moment(nowMs).sequence`. */
  constructor(nextSequence: () => number) {
    this.#nextSequence = nextSequence;
  }

  /** The highest position that any node has called committed. */
  get end(): Position {
    return this.#end;
  }

  /**
   * `node` calls `bytes`, which stand at `position` in its log, committed. What is new continues the log without a gap, and
   * ends where a transaction does. Returns what is wrong; mostly nothing.
   */
  commit(node: string, position: Position, bytes: Bytes): readonly Anomaly[] {
    assert(position <= this.#end, 'committed ranges are given without gaps');
    this.#anomalies = [];
    const known = Math.min(this.#end - position, bytes.length);
    if (!bytesEqual(bytes, 0, this.#bytes, position, known)) this.#reportDifference(node, position, bytes);
    else if (bytes.length > known) this.#extend(node, bytes.subarray(known));
    return this.#anomalies;
  }

  /** The committed bytes `[from, to)`; valid until the next commit. */
  bytes(from: Position, to: Position): Bytes {
    assert(to <= this.#end, 'only what is committed can be had');
    return this.#bytes.subarray(from, to);
  }

  #extend(node: string, bytes: Bytes): void {
    const start = this.#end;
    this.#keep(bytes);
    const taken = forEachRecord(bytes, (record, at) => this.#take(record, start + at));
    if (taken < bytes.length)
      this.#report('malformed-record', `${node} commits a part of a record at ${start + taken}`);
    if (this.#open.isOpen) {
      this.#report('split-transaction', `${node} commits up to ${this.#end}, inside a transaction`);
    }
    this.marks.push({ sequence: this.#nextSequence(), end: this.#end });
  }

  #take(record: DecodedRecord, position: Position): void {
    const { header, body } = record;
    if (header.position !== position || body.kind === 'malformed') {
      this.#report('malformed-record', `${describeRecord(record)}, found at ${position}`);
      return;
    }
    const event = eventOf(record);
    if (event !== undefined) this.#takeEvent(event, record);
    else if (body.kind === 'epoch') this.#open.takeEvents();
    else if (body.kind !== 'padding' && this.#open.isOpen) {
      this.#report('split-transaction', `${describeRecord(record)} stands inside a transaction`);
    }
  }

  #takeEvent(event: LoggedEvent, record: DecodedRecord): void {
    const isCutShort = event.isFirst && this.#open.isOpen;
    const state = this.#open.add(event);
    if (state === 'whole') this.events.push(...this.#open.takeEvents());
    if (isCutShort || state === 'astray') {
      this.#report('split-transaction', `${describeRecord(record)} does not continue what is before it`);
    }
  }

  #keep(bytes: Bytes): void {
    const end = this.#end + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, end));
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end = end;
  }

  #reportDifference(node: string, position: Position, bytes: Bytes): void {
    let at = 0;
    while (bytes[at] === this.#bytes[position + at]) at++;
    this.#report(
      'committed-bytes-differ',
      `${node} has committed other bytes than its peers at ${position + at}`,
    );
  }

  #report(kind: AnomalyKind, message: string): void {
    this.#anomalies.push({ kind, message, operations: [] });
  }
}
