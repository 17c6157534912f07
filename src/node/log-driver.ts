/**
 * Carries out what the core wants done to the log, in order: raw ranges, records of its own, truncations. An operation that can't be done
 * now, because the ring or the disk is full or something is not durable yet, waits at the head of the line, and all behind it with it.
 * Main thread, synchronous; `pump` is called whenever something may have become possible.
 */
import { assert } from '../base/assert.js';
import { readU64 } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import { type Bytes, type ChainState, newSurvey } from '../base/ports.js';
import type { Position, TimestampUs } from '../base/units.js';
import type { AppendedRecord } from '../cluster/effects.js';
import { chainBehind, occupiedBytes, RECORD, RECORD_TYPE } from '../log/record.js';
import type { Truncation } from '../log/truncation.js';
import { admitAll } from '../log/write-batches.js';
import type { LogStore } from './log-store.js';

export type LogOperation =
  | { readonly kind: 'write'; readonly bytes: Bytes; readonly isCatchUp: boolean }
  | { readonly kind: 'append'; readonly record: AppendedRecord }
  | { readonly kind: 'truncate'; readonly to: Position };

export interface LogDriverHost {
  readonly store: LogStore;
  /** Frames and publishes the record, and tells the core. False: there is no room yet. */
  appendRecord(record: AppendedRecord): boolean;
  truncated(end: Readonly<ChainState>): void;
  /** The log can't be kept on: end the process. */
  failed(error: CairnError): void;
}

/** Bytes in wait: a leader's window and a range, which may be one large record; so this is far more than there can be. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;

export class LogDriver {
  readonly #host: LogDriverHost;
  #operations: LogOperation[] = [];
  /** Of the writes among them. */
  #waitingBytes = 0;
  /** Of the last record: none gets an older one. */
  #lastTimestampUs: TimestampUs;
  #isTruncating = false;
  #isPumping = false;
  readonly #survey = newSurvey();

  constructor(host: LogDriverHost, lastTimestampUs: TimestampUs) {
    this.#host = host;
    this.#lastTimestampUs = lastTimestampUs;
  }

  /** Of the last record that this node hasn't framed itself. */
  get lastTimestampUs(): TimestampUs {
    return this.#lastTimestampUs;
  }

  /** Whether everything asked for is in the log, if not durable. */
  get isIdle(): boolean {
    return this.#operations.length === 0;
  }

  /** The bytes of a write are the caller's again when this returns. */
  add(operation: LogOperation): void {
    if (operation.kind === 'write') {
      // Nothing to be done, and so nothing to wait behind.
      if (operation.bytes.length === 0) return;
      this.#waitingBytes += operation.bytes.length;
      assert(this.#waitingBytes <= WAITING_BYTES_MAX, 'what is asked of the log is bounded by a window');
      if (operation.isCatchUp) admitAll(this.#operations);
    }
    this.#operations.push(operation);
    this.pump();
    if (operation.kind === 'write') this.#keepLast();
  }

  /** Nearly always it is in the ring by now; what has to wait is copied. */
  #keepLast(): void {
    const last = this.#operations.at(-1);
    if (last?.kind === 'write')
      this.#operations[this.#operations.length - 1] = { ...last, bytes: new Uint8Array(last.bytes) };
  }

  /** Goes on as far as it goes. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#operations.length > 0 && !this.#isTruncating && this.#advance());
    this.#isPumping = false;
  }

  /** Does what the head of the line wants, if it can be done now. */
  #advance(): boolean {
    const operation = this.#operations[0]!;
    switch (operation.kind) {
      case 'write':
        return this.#write(operation);
      case 'append':
        if (!this.#host.appendRecord(operation.record)) return false;
        this.#operations.shift();
        return true;
      case 'truncate':
        return this.#truncate(operation.to);
    }
  }

  /** Takes as much as fits into the chunk and goes with one sync; the rest stays at the head of the line. */
  #write(operation: Extract<LogOperation, { kind: 'write' }>): boolean {
    const { bytes, isCatchUp } = operation;
    const { store } = this.#host;
    const { producer, chunkSize } = store;
    const chunkRoom = chunkSize - (producer.framed % chunkSize);
    const wanted = Math.min(bytes.length, chunkRoom);
    const survey = this.#survey;
    // No Commit in one unsynced batch with what it names: log/write-batches.ts.
    survey.durable = isCatchUp ? Number.POSITIVE_INFINITY : store.durable;
    store.kernel.survey(bytes, 0, wanted, survey);
    const { bytes: length, records, largestBytes, last } = survey;
    assert(
      length === wanted || bytes[length + RECORD.type] === RECORD_TYPE.commit,
      'ranges are whole records',
    );
    if (length === 0) return false;
    // Before anything else: for such a record there will never be room.
    const { apronBytes } = producer.memory.descriptor;
    if (largestBytes > apronBytes) {
      this.#host.failed(recordTooLarge(largestBytes, apronBytes));
      return false;
    }
    if (!store.hasRoom(length)) {
      store.hurryIndex();
      return false;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + last, length - last);
    this.#lastTimestampUs = readU64(view, RECORD.timestamp);
    producer.take(bytes.subarray(0, length), records, stateBehind(view));
    store.notePublished();
    this.#waitingBytes -= length;
    if (length === bytes.length) this.#operations.shift();
    else this.#operations[0] = { ...operation, bytes: bytes.subarray(length) };
    return true;
  }

  #truncate(to: Position): boolean {
    const { store } = this.#host;
    if (store.durable < store.producer.framed) return false;
    this.#isTruncating = true;
    store.truncate(to, (truncation) => this.#truncated(to, truncation));
    return false;
  }

  #truncated(to: Position, truncation: Truncation): void {
    if (truncation.kind === 'refused') {
      this.#host.failed(truncationRefused(to, truncation));
      return;
    }
    this.#isTruncating = false;
    this.#lastTimestampUs = truncation.lastTimestampUs;
    this.#operations.shift();
    this.#host.truncated(truncation.end);
    this.pump();
  }
}

/** What the log continues with behind the record that the view is of. */
function stateBehind(view: DataView): ChainState {
  const previousLength = view.getUint32(RECORD.length, true);
  const position = readU64(view, RECORD.position) + occupiedBytes(previousLength);
  return { position, chain: chainBehind(view, 0), previousLength, epoch: view.getUint32(RECORD.epoch, true) };
}

/** Invariant 5, seen on the disk: who leads would have this node forget what was committed. */
function truncationRefused(
  to: Position,
  { position, committed }: Extract<Truncation, { kind: 'refused' }>,
): CairnError {
  return new CairnError(
    'log-corrupt',
    `the leader's log ends or parts at ${to}, but the Commit record at ${position} says that all before ${committed} was committed: nothing was cut; ` +
      'this node and the leader do not belong together, or one of them has lost data',
    { to, position, committed },
  );
}

function recordTooLarge(bytes: number, limit: number): CairnError {
  return new CairnError(
    'invalid-configuration',
    `the leader sends a record of ${bytes} bytes, and this node's limits allow ${limit}: give it the MaxAppendEventSize of the other nodes`,
    { bytes, limit },
  );
}
