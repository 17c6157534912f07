/**
 * Where things stand in the records of an Events frame: the part of docs/formats.md, "Record" and "Prepare", that a
 * client needs. Pure, any thread, browsers too. Nothing here checks checksums: the server has, and TCP has.
 */

import { alignUp, readU64 } from '../base/bytes.js';

/** Offsets in a record that is an event, from the record's start. Integers are little-endian. */
export const EVENT_RECORD = {
  length: 4,
  position: 8,
  timestamp: 16,
  type: 40,
  flags: 42,
  revision: 48,
  id: 56,
  streamLength: 72,
  typeLength: 74,
  metadataLength: 76,
  stream: 80,
} as const;

/** `type` of a record that is an event. */
const PREPARE_TYPE = 1;
/** Bit of `flags`: the data is JSON. */
export const PREPARE_IS_JSON = 4;

const RECORD_BYTES_MIN = 44;

/** Bytes from the start of the record at `at` to the start of the next. */
export function recordStride(view: DataView, at: number): number {
  return alignUp(view.getUint32(at + EVENT_RECORD.length, true), 8);
}

export function isEventRecord(view: DataView, at: number): boolean {
  return view.getUint8(at + EVENT_RECORD.type) === PREPARE_TYPE;
}

/**
 * Counts the events among the records in `view[at, at+length)`, or returns −1 if these are not whole records one behind
 * the other, or one's parts don't fit into it. After this every record of the range can be read without a check.
 */
export function countEvents(view: DataView, at: number, length: number): number {
  const end = at + length;
  let events = 0;
  let record = at;
  while (record < end) {
    if (record + RECORD_BYTES_MIN > end) return -1;
    const recordBytes = view.getUint32(record + EVENT_RECORD.length, true);
    if (recordBytes < RECORD_BYTES_MIN) return -1;
    if (isEventRecord(view, record)) {
      if (!isWhole(view, record, recordBytes, end)) return -1;
      events++;
    }
    record += alignUp(recordBytes, 8);
  }
  return record === end ? events : -1;
}

/**
 * One more than the position of event number `number` among the records from `at` on: whoever has the log up to there has the event. The
 * records have been counted, so there is such an event.
 */
export function endOfEvent(view: DataView, at: number, number: number): number {
  let record = at;
  for (let left = number; ; record += recordStride(view, record)) {
    if (!isEventRecord(view, record)) continue;
    if (left-- === 0) return readU64(view, record + EVENT_RECORD.position) + 1;
  }
}

function isWhole(view: DataView, at: number, recordBytes: number, end: number): boolean {
  if (recordBytes < EVENT_RECORD.stream || at + recordBytes > end) return false;
  const streamLength = view.getUint16(at + EVENT_RECORD.streamLength, true);
  const typeLength = view.getUint16(at + EVENT_RECORD.typeLength, true);
  const metadataLength = view.getUint32(at + EVENT_RECORD.metadataLength, true);
  return EVENT_RECORD.stream + streamLength + typeLength + metadataLength <= recordBytes;
}
