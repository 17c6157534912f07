/**
 * Which records of one sealed chunk go. Pure; the thread that rewrites chunks. A chunk is gone over twice: first everything is looked at ({@link survey}),
 * as what becomes of a transaction may stand behind its records, even behind the chunk; then each record is asked about, in order ({@link removes}).
 */
import { readU64 } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { occupiedBytes, originalType, PREPARE, PREPARE_FLAG, RECORD, RECORD_TYPE } from '../log/record.js';
import { DraftSteps, NO_KNOWN_DRAFTS } from './draft-steps.js';
import type { EventPlace, RemovalRules } from './removal-rules.js';

const NONE = -1;

/** Positions of records that belong to a transaction without an end. */
interface Range {
  readonly from: Position;
  readonly to: Position;
}

export class ChunkRemovals {
  readonly #rules: RemovalRules;
  readonly #drafts: DraftSteps;
  readonly #chunkEnd: Position;
  readonly #place: EventPlace;
  /** Transactions that a new reign cut off, in order. */
  readonly #endless: Range[] = [];
  /** Where the first record in this chunk stands of the transaction that the records so far end in. */
  #openFrom = NONE;
  /** Whether events of it are here that were not removed yet. */
  #hasOpenEvents = false;
  #areSomeRemoved = false;
  #hasRemoved = false;
  /** Of the second time: how many of the endless ones are behind, and whether the record before goes. */
  #passed = 0;
  #previousGoes = false;

  /** `known`: what the index has told about transactions of this chunk that are open over several requests. */
  constructor(rules: RemovalRules, chunkEnd: Position, known = NO_KNOWN_DRAFTS) {
    this.#rules = rules;
    this.#chunkEnd = chunkEnd;
    this.#place = { revision: 0, chunkEnd };
    this.#drafts = new DraftSteps(rules.seed, known);
  }

  /** Looks at whole records, `bytes[at, at+length)`: of the chunk from its first on, and then, as long as {@link isInTransaction}, of what follows. */
  survey(bytes: Bytes, at: number, length: number): void {
    const view = viewOf(bytes);
    const end = at + length;
    for (
      let record = at;
      record < end;
      record += occupiedBytes(view.getUint32(record + RECORD.length, true))
    ) {
      const position = readU64(view, record + RECORD.position);
      if (position >= this.#chunkEnd && !this.isInTransaction) return;
      this.#follow(view, record, position);
      if (position < this.#chunkEnd) this.#look(bytes, view, record);
    }
  }

  /** Whether the records so far end inside a transaction. */
  get isInTransaction(): boolean {
    return this.#openFrom !== NONE;
  }

  /** Names of transactions, open over several requests, about which somebody else has to be asked: then the chunk is gone over anew, perhaps for the next ones. */
  undecided(): Bytes[] {
    return this.#drafts.undecided();
  }

  /** Whether anything goes that is there still. Only when all is surveyed, and nothing undecided. */
  get areSomeRemoved(): boolean {
    return this.#areSomeRemoved || this.#drafts.areSomeRemoved;
  }

  /** Whether something was removed before. */
  get hasRemoved(): boolean {
    return this.#hasRemoved;
  }

  /** Whether the record at `at` goes, or is gone. To be asked of each record of the chunk, in order. */
  removes(bytes: Bytes, view: DataView, at: number): boolean {
    this.#previousGoes = this.#goes(bytes, view, at);
    return this.#previousGoes;
  }

  #goes(bytes: Bytes, view: DataView, at: number): boolean {
    switch (view.getUint8(at + RECORD.type)) {
      case RECORD_TYPE.removed:
        return true;
      case RECORD_TYPE.prepare:
        return this.#isEndless(readU64(view, at + RECORD.position)) || this.#isHidden(bytes, view, at);
      case RECORD_TYPE.draft:
        return this.#drafts.removes(bytes, view, at);
      case RECORD_TYPE.commit:
        // It would only keep two runs of removed records apart.
        return this.#previousGoes;
      default:
        return false;
    }
  }

  /** Where transactions begin and end, as RecordFollower sees it. */
  #follow(view: DataView, record: number, position: Position): void {
    const flags = view.getUint16(record + RECORD.flags, true);
    const ownType = view.getUint8(record + RECORD.type);
    const type = originalType(ownType, flags);
    if (type === RECORD_TYPE.epoch) this.#cutOff(position);
    if (type !== RECORD_TYPE.prepare) return;
    if ((flags & PREPARE_FLAG.firstOfTransaction) !== 0) this.#cutOff(position);
    if (position < this.#chunkEnd) {
      if (this.#openFrom === NONE) this.#openFrom = position;
      this.#hasOpenEvents ||= ownType === RECORD_TYPE.prepare;
    }
    if ((flags & PREPARE_FLAG.lastOfTransaction) !== 0) this.#close();
  }

  /** The transaction that was open never happened. */
  #cutOff(position: Position): void {
    if (this.#openFrom === NONE) return;
    this.#endless.push({ from: this.#openFrom, to: Math.min(position, this.#chunkEnd) });
    this.#areSomeRemoved ||= this.#hasOpenEvents;
    this.#close();
  }

  #close(): void {
    this.#openFrom = NONE;
    this.#hasOpenEvents = false;
  }

  #look(bytes: Bytes, view: DataView, record: number): void {
    const type = view.getUint8(record + RECORD.type);
    if (type === RECORD_TYPE.draft) this.#drafts.note(bytes, view, record);
    else if (type === RECORD_TYPE.removed) this.#hasRemoved = true;
    else if (type === RECORD_TYPE.prepare && !this.#areSomeRemoved)
      this.#areSomeRemoved = this.#isHidden(bytes, view, record);
  }

  #isHidden(bytes: Bytes, view: DataView, at: number): boolean {
    if (this.#rules.size === 0) return false;
    this.#place.revision = readU64(view, at + PREPARE.revision);
    const nameBytes = view.getUint16(at + PREPARE.streamBytes, true);
    return this.#rules.removes(bytes, at + PREPARE.stream, nameBytes, this.#place);
  }

  #isEndless(position: Position): boolean {
    while (this.#passed < this.#endless.length && this.#endless[this.#passed]!.to <= position) this.#passed++;
    return this.#passed < this.#endless.length && this.#endless[this.#passed]!.from <= position;
  }
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
