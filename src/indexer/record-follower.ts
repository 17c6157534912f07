/**
 * Walks runs of sealed, checked records and enters their events into the index, each into the part of its chunk. Pure; index thread and
 * jobs. Only whole transactions get in: the events of one that has not ended wait aside, also from call to call, so that a run may end
 * between any two records. Nothing is allocated per record.
 */
import type { Bytes } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import { originalType, PREPARE, PREPARE_FLAG, RECORD, RECORD_TYPE } from '../log/record.js';
import type { MemoryPart } from './memory-part.js';
import { OpenTransaction } from './open-transaction.js';
import type { RecentEvents } from './recent-events.js';

const TWO_TO_32 = 0x1_0000_0000;
/** Record fields as indexes into 32-bit words from the record's start. */
const WORD = {
  length: RECORD.length / 4,
  position: RECORD.position / 4,
  /** Type in the lowest byte, flags in the upper half. */
  type: RECORD.type / 4,
  revision: PREPARE.revision / 4,
  eventId: PREPARE.eventId / 4,
  /** The stream's bytes in the lower half. */
  streamBytes: PREPARE.streamBytes / 4,
} as const;

/** Where the events of each chunk go. */
export interface PartSource {
  /** The part for events at `position`; undefined if nobody wants them. */
  partAt(position: Position): MemoryPart | undefined;
}

export class RecordFollower {
  readonly #parts: PartSource;
  /** Where event ids go as well, with the numbers that their streams have in their parts. */
  readonly #recent: RecentEvents | undefined;
  readonly #open = new OpenTransaction();
  /** The part that the last event went to, and what positions it is for. */
  #part: MemoryPart | undefined;
  #start: Position = FIRST_POSITION;
  #end: Position = FIRST_POSITION;

  constructor(parts: PartSource, recent?: RecentEvents) {
    this.#parts = parts;
    this.#recent = recent;
  }

  /** Whether the records so far end inside a transaction. */
  get isInTransaction(): boolean {
    return this.#open.count > 0;
  }

  /** Where the first event stands of the transaction that the records so far end in; `Infinity` if they don't. */
  get openFrom(): Position {
    return this.#open.count > 0 ? this.#open.positions[0]! : Number.POSITIVE_INFINITY;
  }

  /**
   * Enters the records that start in `bytes[at, limit)`; the last of them may end behind `limit`. Returns where it ends.
   * `words` is the same memory in 32-bit words; `at` is a multiple of 8.
   */
  follow(bytes: Bytes, words: Uint32Array, at: number, limit: number): number {
    let record = at;
    while (record < limit) {
      const word = record >> 2;
      const type = words[word + WORD.type]! & 0xff;
      if (type === RECORD_TYPE.prepare) this.#event(bytes, words, record);
      else if (type === RECORD_TYPE.draft) this.#draft(bytes, words, record);
      else if (type === RECORD_TYPE.epoch)
        this.#abandonTransaction(words, record); // a new reign: what the old one left open never happened
      else if (type === RECORD_TYPE.removed) this.#removed(words, record);
      record += roundUpTo8(words[word + WORD.length]!);
    }
    return record;
  }

  #event(bytes: Bytes, words: Uint32Array, record: number): void {
    const word = record >> 2;
    const flags = words[word + WORD.type]! >>> 16;
    const position = positionOf(words, record);
    const isLast = (flags & PREPARE_FLAG.lastOfTransaction) !== 0;
    const isFirst = (flags & PREPARE_FLAG.firstOfTransaction) !== 0;
    if (isFirst) this.#abandonTransaction(words, record);
    const part = position >= this.#start && position < this.#end ? this.#part : this.#turnTo(position);
    if (part === undefined) {
      if (isLast) this.#enterTransaction(endOf(words, record));
      return;
    }
    const revision = words[word + WORD.revision]! + words[word + WORD.revision + 1]! * TWO_TO_32;
    const nameBytes = words[word + WORD.streamBytes]! & 0xffff;
    const stream = part.intern(bytes, words, record + PREPARE.stream, nameBytes);
    const occupied = roundUpTo8(words[word + WORD.length]!);
    if (isFirst && isLast) {
      part.append(stream, revision, position, occupied);
      const recent = this.#recent;
      if (recent !== undefined)
        recent.setId(recent.add(stream, revision, position), words, word + WORD.eventId);
      return;
    }
    const place = this.#open.add(stream, revision, position, occupied);
    if (this.#recent !== undefined) this.#open.setId(place, words, word + WORD.eventId);
    if (isLast) this.#enterTransaction(endOf(words, record));
  }

  /** Of a transaction whose last event was removed the others count. */
  #removed(words: Uint32Array, record: number): void {
    const flags = words[(record >> 2) + WORD.type]! >>> 16;
    if (originalType(RECORD_TYPE.removed, flags) !== RECORD_TYPE.prepare) return;
    if ((flags & PREPARE_FLAG.firstOfTransaction) !== 0) this.#abandonTransaction(words, record);
    if ((flags & PREPARE_FLAG.lastOfTransaction) !== 0) this.#enterTransaction(endOf(words, record));
  }

  /** A step of an open transaction: in the index like an event of a stream, but it is none. */
  #draft(bytes: Bytes, words: Uint32Array, record: number): void {
    const word = record >> 2;
    const position = positionOf(words, record);
    const part = this.#parts.partAt(position);
    if (part === undefined) return;
    const step = words[word + WORD.revision]! + words[word + WORD.revision + 1]! * TWO_TO_32;
    const nameBytes = words[word + WORD.streamBytes]! & 0xffff;
    const stream = part.intern(bytes, words, record + PREPARE.stream, nameBytes);
    part.index.append(stream, step, position, roundUpTo8(words[word + WORD.length]!));
  }

  /** `end`: of its last event, which may stand in a chunk that nobody wants. */
  #enterTransaction(end: Position): void {
    const { count, streams, revisions, positions, bytes, ids } = this.#open;
    const recent = this.#recent;
    for (let i = 0; i < count; i++) {
      const position = positions[i]!;
      // It was there when the event was put aside.
      const part = position >= this.#start && position < this.#end ? this.#part! : this.#turnTo(position)!;
      part.append(streams[i]!, revisions[i]!, position, bytes[i]!);
      part.decideAt(end);
      if (recent !== undefined) recent.setId(recent.add(streams[i]!, revisions[i]!, position), ids, 4 * i);
    }
    this.#open.count = 0;
  }

  /** The record that says so: whoever leaves the events out must know that it is committed. */
  #abandonTransaction(words: Uint32Array, record: number): void {
    const { count, positions } = this.#open;
    for (let i = 0; i < count; i++) this.#parts.partAt(positions[i]!)?.decideAt(endOf(words, record));
    this.#open.count = 0;
  }

  #turnTo(position: Position): MemoryPart | undefined {
    const part = this.#parts.partAt(position);
    this.#part = part;
    this.#start = part?.start ?? 0;
    this.#end = part?.end ?? 0;
    return part;
  }
}

function positionOf(words: Uint32Array, record: number): Position {
  const word = (record >> 2) + WORD.position;
  return words[word]! + words[word + 1]! * TWO_TO_32;
}

function endOf(words: Uint32Array, record: number): Position {
  return positionOf(words, record) + roundUpTo8(words[(record >> 2) + WORD.length]!);
}

/** `occupiedBytes` for a length that fits 31 bits, as those of records do: without a division. */
function roundUpTo8(length: number): number {
  return (length + 7) & ~7;
}
