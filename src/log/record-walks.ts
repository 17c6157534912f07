/**
 * Walks over records that were verified or sealed, for {@link RecordKernel}: what native/record_walks.cc does, in plain JavaScript. Pure; any thread.
 */
import { assert } from '../base/assert.js';
import { readU64 } from '../base/bytes.js';
import type { Bytes, EventSearch, RangeSurvey } from '../base/ports.js';
import {
  COMMIT,
  occupiedBytes,
  originalType,
  PREPARE,
  PREPARE_FLAG,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH_MAX,
  RECORD_OCCUPIED_MIN,
  RECORD_TYPE,
} from './record.js';
import { streamHashAt } from './stream-hash.js';

/** How the names of metadata streams begin, `$$`. */
export const METADATA_PREFIX_HALFWORD = 0x2424;

/** See {@link RecordKernel.survey}. */
export function survey(bytes: Bytes, at: number, length: number, found: RangeSurvey): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  Object.assign(found, { bytes: 0, records: 0, largestBytes: 0, last: 0, boundary: -1, isNotable: false });
  while (found.bytes < length) {
    const record = found.bytes;
    const occupied = wholeRecordAt(view, record);
    if (occupied === undefined || isBeyond(view, record, found.durable)) return;
    note(view, record, found);
    found.largestBytes = Math.max(found.largestBytes, occupied);
    found.last = record;
    found.bytes += occupied;
    found.records++;
    if (!found.isInTransaction) found.boundary = found.bytes;
  }
}

/** What a record changes in what is found about transactions and epochs. */
function note(view: DataView, record: number, found: RangeSurvey): void {
  const flags = view.getUint16(record + RECORD.flags, true);
  const type = originalType(view.getUint8(record + RECORD.type), flags);
  const epoch = view.getUint32(record + RECORD.epoch, true);
  if (epoch > found.epoch || type === RECORD_TYPE.epoch || type === RECORD_TYPE.membership)
    found.isNotable = true;
  found.epoch = Math.max(found.epoch, epoch);
  if (type === RECORD_TYPE.prepare) found.isInTransaction = (flags & PREPARE_FLAG.lastOfTransaction) === 0;
  if (type === RECORD_TYPE.epoch) found.isInTransaction = false;
}

function isBeyond(view: DataView, record: number, durable: number): boolean {
  const isCommit = view.getUint8(record + RECORD.type) === RECORD_TYPE.commit;
  return isCommit && readU64(view, record + COMMIT.committed) > durable;
}

/** The bytes that the record takes; undefined if it isn't whole. */
function wholeRecordAt(view: DataView, record: number): number | undefined {
  const left = view.byteLength - record;
  if (left < RECORD_OCCUPIED_MIN) return undefined;
  const length = view.getUint32(record + RECORD.length, true);
  const isLength = length >= RECORD_HEADER_BYTES && length <= RECORD_LENGTH_MAX;
  return isLength && occupiedBytes(length) <= left ? occupiedBytes(length) : undefined;
}

/** See {@link RecordKernel.findEvents}. Records begin at multiples of 8, in memory as in the log, so names are read as words, without a view for each. */
export function findEvents(bytes: Bytes, at: number, length: number, { filter, found }: EventSearch): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, view.byteLength >>> 2);
  let count = 0;
  let record = 0;
  while (record < length && count + 1 < found.length) {
    const occupied = wholeRecordAt(view, record);
    assert(occupied !== undefined, 'findEvents: the range holds records');
    const nameBytes = nameBytesOf(view, record, occupied);
    if (nameBytes !== undefined && isWanted(words, (record + PREPARE.stream) >>> 2, nameBytes, filter))
      found[++count] = record;
    record += occupied;
  }
  found[0] = record;
  return count;
}

/** How long the name of an event's stream is; undefined if the record is no event. */
function nameBytesOf(view: DataView, record: number, occupied: number): number | undefined {
  if (view.getUint8(record + RECORD.type) !== RECORD_TYPE.prepare || occupied < PREPARE.stream)
    return undefined;
  const nameBytes = view.getUint16(record + PREPARE.streamBytes, true);
  return nameBytes <= occupied - PREPARE.stream ? nameBytes : undefined;
}

function isWanted(words: Uint32Array, name: number, nameBytes: number, filter: Uint32Array): boolean {
  const isMetadata = nameBytes >= 2 && (words[name]! & 0xffff) === METADATA_PREFIX_HALFWORD;
  return isMetadata || hasBit(filter, streamHashAt(words, name, nameBytes));
}

/** Whether the bit of a stream's hash is set. */
function hasBit(filter: Uint32Array, hash: number): boolean {
  return ((filter[(hash & (32 * filter.length - 1)) >>> 5]! >>> (hash & 31)) & 1) === 1;
}

/** Sets the bit of a stream's hash. */
export function setBit(filter: Uint32Array, hash: number): void {
  filter[(hash & (32 * filter.length - 1)) >>> 5]! |= 1 << (hash & 31);
}
