/**
 * Is this a record, and is it whole? What comes from the disk is checked before anyone gets it, and a position that a client
 * names is checked before anything is read from there. Pure; main thread.
 */
import { readU64 } from '../base/bytes.js';
import { type Bytes, type ChainState, type RecordKernel, VERIFY_STOP } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { describeStop } from '../log/chunk-scan.js';
import {
  occupiedBytes,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH_MAX,
  RECORD_TYPE,
  RECORD_VERSION,
} from '../log/record.js';

/** A stretch of bytes, and the position in the log of its first. */
export interface Stretch {
  readonly bytes: Bytes;
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
  readonly position: Position;
}

/** How far a stretch of records is good, and what is wrong there if it isn't good to its end. */
export interface Checked {
  /** Bytes from the start of the stretch: whole records that are as they were written. */
  readonly goodBytes: number;
  /** Undefined if nothing is wrong: the stretch ends with a record, or in the middle of one whose header is good. */
  readonly damage: string | undefined;
}

export class RecordChecks {
  readonly #kernel: RecordKernel;

  constructor(kernel: RecordKernel) {
    this.#kernel = kernel;
  }

  /** Whether the stretch begins with the header of the record at its position. */
  isHeader({ bytes, view, at, length: available, position }: Stretch): boolean {
    if (available < RECORD_HEADER_BYTES) return false;
    const length = view.getUint32(at + RECORD.length, true);
    const type = view.getUint8(at + RECORD.type);
    if (readU64(view, at + RECORD.position) !== position) return false;
    if (view.getUint8(at + RECORD.version) !== RECORD_VERSION) return false;
    if (type < RECORD_TYPE.prepare || type > RECORD_TYPE.removed) return false;
    if (length < RECORD_HEADER_BYTES || length > RECORD_LENGTH_MAX) return false;
    const crc = this.#kernel.crc32c(bytes, at + RECORD.length, RECORD_HEADER_BYTES - RECORD.length, 0);
    return crc === view.getUint32(at + RECORD.crc, true);
  }

  /** Whether the body of the record at `at`, whose header is good, is as it was written. */
  isBody(bytes: Bytes, view: DataView, at: number): boolean {
    const bodyBytes = occupiedBytes(view.getUint32(at + RECORD.length, true)) - RECORD.body;
    const crc = this.#kernel.crc32c(bytes, at + RECORD.body, bodyBytes, 0);
    return crc === view.getUint32(at + RECORD.bodyCrc, true);
  }

  /** Checks the records in a stretch that begins with one: header and body of each, and that they follow one another. */
  run(stretch: Stretch): Checked {
    const { bytes, view, at, length, position } = stretch;
    if (length < RECORD_HEADER_BYTES) return { goodBytes: 0, damage: undefined };
    // What came before the first is not known here, so it is taken at its word.
    const state: ChainState = {
      position,
      chain: view.getUint32(at + RECORD.chain, true),
      previousLength: view.getUint32(at + RECORD.previousLength, true),
      epoch: view.getUint32(at + RECORD.epoch, true),
    };
    const stop = this.#kernel.verify(bytes, at, length, state);
    const isWhole = stop === VERIFY_STOP.end || stop === VERIFY_STOP.partial;
    return { goodBytes: state.position - position, damage: isWhole ? undefined : describeStop(stop) };
  }
}
