/**
 * The loops over record bytes in plain JavaScript: what the addon does natively, as its oracle in tests and as the fallback
 * where there is no addon. Pure; any thread. One view per call, none per record. Both kernels check in the same order,
 * so that they agree on every input, damaged ones included.
 */
import { assert } from '../base/assert.js';
import { readU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import {
  type Bytes,
  type ChainState,
  type RecordKernel,
  VERIFY_STOP,
  type VerifyStop,
} from '../base/ports.js';
import {
  chainBehind,
  occupiedBytes,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH_MAX,
  RECORD_TYPE,
  RECORD_VERSION,
} from './record.js';
import { findEvents, survey } from './record-walks.js';

const TYPE_MIN = RECORD_TYPE.prepare;
const TYPE_MAX = RECORD_TYPE.removed;
/** The header's checksum covers what follows it. */
const HEADER_CRC_FROM = RECORD.length;
const HEADER_CRC_BYTES = RECORD_HEADER_BYTES - HEADER_CRC_FROM;

export const javascriptKernel: RecordKernel = { crc32c, copyRuns, seal, verify, survey, findEvents };

/** Up to here a loop is faster than making a view for `set`. */
const LOOP_COPY_BYTES_MAX = 40;

function copyRuns(source: Bytes, target: Bytes, runs: Int32Array, count: number): void {
  for (let word = 0; word < 3 * count; word += 3) {
    const [from, to, length] = [runs[word]!, runs[word + 1]!, runs[word + 2]!];
    assert(from + length <= source.length && to + length <= target.length, 'copyRuns: every run lies inside');
    if (length > LOOP_COPY_BYTES_MAX) target.set(source.subarray(from, from + length), to);
    else for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
  }
}

function seal(bytes: Bytes, at: number, length: number, state: ChainState): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = at + length;
  let count = 0;
  for (let record = at; record < end; count++) {
    assert(end - record >= RECORD_HEADER_BYTES, 'seal: the range ends inside a header');
    const recordLength = view.getUint32(record + RECORD.length, true);
    const occupied = occupiedBytes(recordLength);
    assert(isLength(recordLength) && record + occupied <= end, 'seal: the range ends inside a record');
    assert(readU64(view, record + RECORD.position) === state.position, 'seal: a record is not in its place');
    const bodyCrc = crc32c(bytes, record + RECORD.body, occupied - RECORD.body, 0);
    view.setUint32(record + RECORD.chain, state.chain, true);
    view.setUint32(record + RECORD.previousLength, state.previousLength, true);
    view.setUint32(record + RECORD.bodyCrc, bodyCrc, true);
    const crc = crc32c(bytes, record + HEADER_CRC_FROM, HEADER_CRC_BYTES, 0);
    view.setUint32(record + RECORD.crc, crc, true);
    advance(state, view, record, occupied);
    record += occupied;
  }
  return count;
}

function verify(bytes: Bytes, at: number, length: number, state: ChainState): VerifyStop {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = at + length;
  let record = at;
  while (record < end) {
    if (end - record < RECORD_HEADER_BYTES) return VERIFY_STOP.partial;
    if (!isHeader(bytes, view, record)) return VERIFY_STOP.badHeader;
    if (readU64(view, record + RECORD.position) !== state.position) return VERIFY_STOP.badPosition;
    if (view.getUint32(record + RECORD.epoch, true) < state.epoch) return VERIFY_STOP.badPosition;
    if (view.getUint32(record + RECORD.chain, true) !== state.chain) return VERIFY_STOP.badChain;
    if (view.getUint32(record + RECORD.previousLength, true) !== state.previousLength) {
      return VERIFY_STOP.badChain;
    }
    const occupied = occupiedBytes(view.getUint32(record + RECORD.length, true));
    if (record + occupied > end) return VERIFY_STOP.partial;
    const bodyCrc = crc32c(bytes, record + RECORD.body, occupied - RECORD.body, 0);
    if (view.getUint32(record + RECORD.bodyCrc, true) !== bodyCrc) return VERIFY_STOP.badBody;
    advance(state, view, record, occupied);
    record += occupied;
  }
  return VERIFY_STOP.end;
}

/** Whether the 44 bytes at `record` are a header of this version with a right checksum. Cheap refusals first. */
function isHeader(bytes: Bytes, view: DataView, record: number): boolean {
  const type = view.getUint8(record + RECORD.type);
  if (type < TYPE_MIN || type > TYPE_MAX) return false;
  if (view.getUint8(record + RECORD.version) !== RECORD_VERSION) return false;
  if (!isLength(view.getUint32(record + RECORD.length, true))) return false;
  const crc = crc32c(bytes, record + HEADER_CRC_FROM, HEADER_CRC_BYTES, 0);
  return view.getUint32(record + RECORD.crc, true) === crc;
}

function isLength(length: number): boolean {
  return length >= RECORD_HEADER_BYTES && length <= RECORD_LENGTH_MAX;
}

function advance(state: ChainState, view: DataView, record: number, occupied: number): void {
  state.position += occupied;
  state.chain = chainBehind(view, record);
  state.previousLength = view.getUint32(record + RECORD.length, true);
  state.epoch = view.getUint32(record + RECORD.epoch, true);
}
