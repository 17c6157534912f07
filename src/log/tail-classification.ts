/**
 * Behind the last valid record of the log: is it the torn rest of a write that nobody was told of, or is something damaged that
 * was acknowledged? The rules and their reasons are in docs/formats.md, "Recovery"; the numbers here are theirs. Pure but
 * for reading; runs at start. It answers "torn" only where a crash can have left exactly this behind.
 */
import { assert } from '../base/assert.js';
import { alignDown, alignUp, isZero, readU64 } from '../base/bytes.js';
import { type ChainState, type RecordKernel, VERIFY_STOP, type VerifyStop } from '../base/ports.js';
import type { ChunkReader } from './chunk-reader.js';
import { describeStop } from './chunk-scan.js';
import { decodeHeader } from './decoded-record.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  occupiedBytes,
  RECORD,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  RECORD_OCCUPIED_MIN,
  RECORD_TYPE,
  RECORD_VERSION,
  recordTypeName,
} from './record.js';
import { findHeader, stateBefore } from './resync.js';
import { firstNonZero, lastNonZero } from './zeros.js';

/** What a disk writes whole: each one is as it was before a crash, or as it should be after. */
const SECTOR_BYTES = 512;

/** The chunk's data from the first invalid record (or from the end of the log) on. */
export interface Tail {
  /** Open on the chunk; where it stands does not matter. */
  readonly reader: ChunkReader;
  /** X: behind the last valid record. */
  readonly state: Readonly<ChainState>;
  /** Why the record there is not valid. */
  readonly stop: VerifyStop;
  /** Where the chunk ends. */
  readonly chunkEnd: number;
  /** Whether a Commit record behind X proves that what it names was durable before it was written (rule 1). */
  readonly areCommitsProof: boolean;
}

/**
 * `clean`: nothing but zeros. `torn`: to be zeroed up to `to`. `damaged`: `reason` says which of the rules holds, for the
 * record at X. `unknown`: the record at X has a type or version of a later format.
 */
export type TailVerdict =
  | { readonly kind: 'clean' }
  | { readonly kind: 'torn'; readonly to: number }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly type: number; readonly version: number };

/** Decides about a tail. Throws `DiskError`. */
export function classifyTail(kernel: RecordKernel, tail: Tail): TailVerdict {
  const { position } = tail.state;
  const room = tail.chunkEnd - position;
  if (room < RECORD_OCCUPIED_MIN) {
    return { kind: 'damaged', reason: `${room} bytes are left of the chunk, too few for a record` };
  }
  const last = lastNonZeroPosition(tail.reader, position, tail.chunkEnd);
  if (last === undefined) return { kind: 'clean' };
  const unknown = unknownRecord(kernel, tail);
  if (unknown !== undefined) return unknown;
  const to = alignUp(last + 1, RECORD_ALIGNMENT);
  const contradiction = tail.areCommitsProof ? commitBehind(kernel, tail, to) : undefined;
  const reason = contradiction ?? wholeYetInvalid(tail);
  return reason === undefined ? { kind: 'torn', to } : { kind: 'damaged', reason };
}

/** The first position in `[from, to)` whose byte is not zero. */
export function firstNonZeroPosition(reader: ChunkReader, from: number, to: number): number | undefined {
  reader.seek(from, to);
  while (reader.more()) {
    const at = firstNonZero(reader.bytes, reader.at, reader.length);
    if (at >= 0) return reader.position + (at - reader.at);
    reader.skip(reader.length);
  }
  return undefined;
}

/** The last one. */
export function lastNonZeroPosition(reader: ChunkReader, from: number, to: number): number | undefined {
  let last: number | undefined;
  reader.seek(from, to);
  while (reader.more()) {
    const at = lastNonZero(reader.bytes, reader.at, reader.length);
    if (at >= 0) last = reader.position + (at - reader.at);
    reader.skip(reader.length);
  }
  return last;
}

/** A header whose checksum and position are right, yet of a type or version that this code does not know. */
function unknownRecord(kernel: RecordKernel, tail: Tail): TailVerdict | undefined {
  const { reader, state, stop, chunkEnd } = tail;
  if (stop !== VERIFY_STOP.badHeader) return undefined;
  reader.seek(state.position, chunkEnd);
  reader.require(RECORD_HEADER_BYTES);
  const { crc, position, type, version } = decodeHeader(reader.bytes, reader.at);
  const from = reader.at + RECORD.length;
  const isChecked = kernel.crc32c(reader.bytes, from, RECORD_HEADER_BYTES - RECORD.length, 0) === crc;
  const isKnown = version === RECORD_VERSION && recordTypeName(type) !== undefined;
  if (!isChecked || isKnown || position !== state.position) return undefined;
  return { kind: 'unknown', type, version };
}

/** Rule 1: a valid Commit record behind X that calls more than X committed. Says what it found. */
function commitBehind(kernel: RecordKernel, tail: Tail, to: number): string | undefined {
  const { reader, state, stop } = tail;
  const end = Math.min(tail.chunkEnd, alignUp(to + COMMIT_LENGTH, RECORD_ALIGNMENT));
  reader.seek(state.position, end);
  // A valid header says where the next record begins; behind any other, every multiple of 8 may be a beginning.
  let step = stop === VERIFY_STOP.badBody ? requireOccupied(reader) : RECORD_ALIGNMENT;
  for (;;) {
    if (reader.position + step >= end) return undefined;
    if (step <= reader.length) reader.skip(step);
    else reader.seek(reader.position + step, end);
    step = findHeader(kernel, reader, end);
    const committed = committedHere(kernel, reader, state.epoch);
    if (committed > state.position) {
      return `${describeStop(stop)}; the Commit record at ${reader.position} calls what is before ${committed} committed`;
    }
  }
}

/** What the valid Commit record at the reader's place calls committed; 0 if there is none. */
function committedHere(kernel: RecordKernel, reader: ChunkReader, epochMin: number): number {
  if (!reader.require(COMMIT_LENGTH)) return 0;
  const { bytes, at } = reader;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COMMIT_LENGTH);
  if (view.getUint8(RECORD.type) !== RECORD_TYPE.commit) return 0;
  if (view.getUint32(RECORD.epoch, true) < epochMin) return 0;
  if (kernel.verify(bytes, at, COMMIT_LENGTH, stateBefore(bytes, at)) !== VERIFY_STOP.end) return 0;
  const committed = readU64(view, COMMIT.committed);
  return committed <= reader.position ? committed : 0;
}

/**
 * Rules 4 and 5: no sector of the record at X (or of its header, if that isn't valid) is in its old state, zeros from X on. All
 * of them reached the disk, so the write wasn't torn there, and yet the record is not valid. Says so.
 */
function wholeYetInvalid(tail: Tail): string | undefined {
  const { reader, state, stop, chunkEnd } = tail;
  const from = state.position;
  reader.seek(from, chunkEnd);
  reader.require(RECORD_HEADER_BYTES);
  const isBody = stop === VERIFY_STOP.badBody;
  // Padding ought to be zeros and was zeros before: no tear makes it anything else.
  if (isBody && reader.bytes[reader.at + RECORD.type] === RECORD_TYPE.padding) return describeStop(stop);
  const covered = isBody ? requireOccupied(reader) : RECORD_HEADER_BYTES;
  const to = Math.min(chunkEnd, alignUp(from + covered, SECTOR_BYTES));
  reader.require(to - from);
  for (let sector = from; sector < to; ) {
    const sectorEnd = alignDown(sector, SECTOR_BYTES) + SECTOR_BYTES;
    if (isZero(reader.bytes, reader.at + (sector - from), sectorEnd - sector)) return undefined;
    sector = sectorEnd;
  }
  return describeStop(stop);
}

/** The bytes that the record at the reader's place, whose header is valid, occupies. */
function requireOccupied(reader: ChunkReader): number {
  assert(reader.require(RECORD_HEADER_BYTES), 'a valid header is whole');
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.at, RECORD_HEADER_BYTES);
  return occupiedBytes(view.getUint32(RECORD.length, true));
}
