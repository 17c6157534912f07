/**
 * What recovery wants to know about the records at the end of the log, besides that they are valid: how many there are, when
 * the last was written, what is committed, and whether a transaction is left open. Pure. Also catches what no checksum
 * can: records that contradict their place. Nothing is allocated per record.
 */
import { readU64 } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  EVENT_TYPE_BYTES_MAX,
  occupiedBytes,
  originalType,
  PREPARE,
  PREPARE_FLAG,
  PREPARE_HEADER_BYTES,
  RECORD,
  RECORD_TYPE,
  STREAM_NAME_BYTES_MAX,
} from './record.js';

export class TailSummary {
  recordCount = 0;
  /** Records of which a scavenge has left nothing. */
  removedCount = 0;
  lastTimestampUs = 0;
  /** The highest position that a Commit record calls committed. */
  committed = 0;
  /** Position of the first record of the transaction that has begun but not ended, perhaps in an earlier chunk. */
  openTransaction: number | undefined;
  /** Whether it began in an earlier chunk, and what there is of it here are Removed records, which do not say where: it is the chunk's start then. */
  isOpenFromBefore = false;
  /** The first record whose fields contradict each other. A valid checksum makes it a bug of the writer, not of the disk. */
  contradiction: { readonly position: number; readonly reason: string } | undefined;

  readonly #chunkSize: number;

  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Takes in the next verified records of one chunk, from its first one on. */
  note(bytes: Bytes, at: number, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = at + length;
    for (let record = at; record < end; ) {
      this.#noteRecord(view, record);
      this.recordCount++;
      this.lastTimestampUs = readU64(view, record + RECORD.timestamp);
      record += occupiedBytes(view.getUint32(record + RECORD.length, true));
    }
  }

  #noteRecord(view: DataView, record: number): void {
    switch (view.getUint8(record + RECORD.type)) {
      case RECORD_TYPE.prepare:
        this.#notePrepare(view, record);
        break;
      case RECORD_TYPE.commit:
        this.#noteCommit(view, record);
        break;
      case RECORD_TYPE.removed:
        this.#noteRemoved(view, record);
        break;
      case RECORD_TYPE.epoch:
        this.openTransaction = undefined;
        break;
      case RECORD_TYPE.padding:
        this.#notePadding(view, record);
        break;
      default:
        break;
    }
  }

  #notePrepare(view: DataView, record: number): void {
    const flags = view.getUint16(record + RECORD.flags, true);
    const offset = view.getUint32(record + PREPARE.transactionOffset, true);
    const begin = readU64(view, record + RECORD.position) - offset;
    if (begin < 0 || !fitsItsLength(view, record)) {
      this.#contradict(view, record, 'the fields of the Prepare record contradict its length or position');
    }
    this.openTransaction = (flags & PREPARE_FLAG.lastOfTransaction) !== 0 ? undefined : begin;
    this.isOpenFromBefore = false;
  }

  /** Whether a transaction is open behind it is the same as behind the record that it stands for. */
  #noteRemoved(view: DataView, record: number): void {
    this.removedCount++;
    const flags = view.getUint16(record + RECORD.flags, true);
    if (originalType(RECORD_TYPE.removed, flags) !== RECORD_TYPE.prepare) return;
    const position = readU64(view, record + RECORD.position);
    const isFirst = (flags & PREPARE_FLAG.firstOfTransaction) !== 0;
    const isLast = (flags & PREPARE_FLAG.lastOfTransaction) !== 0;
    const isFromBefore = !isFirst && this.openTransaction === undefined;
    if (isFirst || isFromBefore) {
      this.openTransaction = position;
      this.isOpenFromBefore = isFromBefore;
    }
    if (isLast) this.openTransaction = undefined;
  }

  #noteCommit(view: DataView, record: number): void {
    const isCommit = view.getUint32(record + RECORD.length, true) === COMMIT_LENGTH;
    const committed = isCommit ? readU64(view, record + COMMIT.committed) : Number.POSITIVE_INFINITY;
    if (committed > readU64(view, record + RECORD.position)) {
      this.#contradict(view, record, 'the Commit record reaches beyond itself');
    } else if (committed > this.committed) this.committed = committed;
  }

  #notePadding(view: DataView, record: number): void {
    const position = readU64(view, record + RECORD.position);
    const end = position + occupiedBytes(view.getUint32(record + RECORD.length, true));
    if (position % this.#chunkSize === 0 || end % this.#chunkSize !== 0) {
      this.#contradict(view, record, 'the Padding record does not fill the rest of its chunk');
    }
  }

  #contradict(view: DataView, record: number, reason: string): void {
    this.contradiction ??= { position: readU64(view, record + RECORD.position), reason };
  }
}

/** Whether a Prepare's stream, type and metadata have allowed lengths and fit into the record. */
function fitsItsLength(view: DataView, record: number): boolean {
  const length = view.getUint32(record + RECORD.length, true);
  if (length < PREPARE_HEADER_BYTES) return false;
  const streamBytes = view.getUint16(record + PREPARE.streamBytes, true);
  const typeBytes = view.getUint16(record + PREPARE.typeBytes, true);
  if (streamBytes < 1 || streamBytes > STREAM_NAME_BYTES_MAX) return false;
  if (typeBytes < 1 || typeBytes > EVENT_TYPE_BYTES_MAX) return false;
  const metadataBytes = view.getUint32(record + PREPARE.metadataBytes, true);
  return PREPARE_HEADER_BYTES + streamBytes + typeBytes + metadataBytes <= length;
}
