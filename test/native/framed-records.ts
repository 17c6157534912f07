/** Records for the tests of the kernels: framed as the sequencer does it, with all but what seal fills in. */
import { alignUp, writeU64 } from '../../src/base/bytes.js';
import type { ChainState } from '../../src/base/ports.js';
import { RECORD, RECORD_HEADER_BYTES, RECORD_TYPE, RECORD_VERSION } from '../../src/log/record.js';
import { noise } from './disks.js';

export interface RecordToFrame {
  /** Length field: header and body. */
  readonly length: number;
  readonly type?: number;
  readonly epoch: number;
}

export interface Framed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each record begins in `bytes`. */
  readonly starts: readonly number[];
}

/** Frames the records one behind the other, the first at `position`, in memory that ends where they end. */
export function frame(position: number, records: readonly RecordToFrame[]): Framed {
  const bytes = new Uint8Array(records.reduce((sum, record) => sum + alignUp(record.length, 8), 0));
  const view = new DataView(bytes.buffer);
  const starts: number[] = [];
  let at = 0;
  for (const { length, type = RECORD_TYPE.prepare, epoch } of records) {
    starts.push(at);
    view.setUint32(at + RECORD.length, length, true);
    writeU64(view, at + RECORD.position, position + at);
    writeU64(view, at + RECORD.timestamp, 1_700_000_000_000_000 + at);
    view.setUint32(at + RECORD.epoch, epoch, true);
    view.setUint8(at + RECORD.type, type);
    view.setUint8(at + RECORD.version, RECORD_VERSION);
    bytes.set(noise(length - RECORD_HEADER_BYTES, at + 1), at + RECORD.body);
    at += alignUp(length, 8);
  }
  return { bytes, starts };
}

export function stateAt(position: number, before: Partial<ChainState> = {}): ChainState {
  return { position, chain: 0, previousLength: 0, epoch: 0, ...before };
}
