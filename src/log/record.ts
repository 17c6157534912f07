/**
 * What a record of the log looks like: offsets, types, flags and limits, as in docs/formats.md.
 * Pure; any thread. The offsets are relative to the start of a record, and every integer is little-endian. Everyone on
 * the hot path reads and writes fields in place through these constants; `decoded-record.ts` is for tools.
 */
import { alignUp } from '../base/bytes.js';
import type { ChainState } from '../base/ports.js';

/** What the first record of all continues. */
export const LOG_START: Readonly<ChainState> = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

/** Offsets of the fields that every record has. */
export const RECORD = {
  /** u32: CRC-32C of the rest of the header, bytes 4..44. */
  crc: 0,
  /** u32: header and body, without the padding to 8. */
  length: 4,
  /** u64: where in the log this record stands. */
  position: 8,
  /** u64: microseconds since the Unix epoch. */
  timestamp: 16,
  /** u32: the reign that wrote it. */
  epoch: 24,
  /** u32: `crc` of the record before; 0 in the first. */
  chain: 28,
  /** u32: `length` of the record before; 0 in the first. */
  previousLength: 32,
  /** u32: CRC-32C of bytes 44 to the end, padding included. */
  bodyCrc: 36,
  /** u8: one of {@link RECORD_TYPE}. */
  type: 40,
  /** u8: {@link RECORD_VERSION}. */
  version: 41,
  /** u16: by type. */
  flags: 42,
  body: 44,
} as const;

/** Offsets of the fields of a Prepare, one event. The stream's name follows the fixed part; then type, metadata, data. */
export const PREPARE = {
  /** u32: this record's position less that of the first record of its transaction. */
  transactionOffset: 44,
  /** u64: the event's number in its stream, from 0. */
  revision: 48,
  /** 16 bytes: UUID in network order. */
  eventId: 56,
  /** u16: bytes of the stream's name. */
  streamBytes: 72,
  /** u16: bytes of the event's type. */
  typeBytes: 74,
  /** u32: bytes of metadata. */
  metadataBytes: 76,
  stream: 80,
} as const;

/** Offsets of the fields of a Commit. */
export const COMMIT = {
  /** u64: everything before this position is committed; never above the Commit's own position. */
  committed: 48,
} as const;

/** Offsets of the fields of an Epoch record. */
export const EPOCH = {
  /** 16 bytes: the leader's instance id. */
  instanceId: 48,
} as const;

/** Offsets of the fields of a Removed record, which stands for one that a scavenge has removed. */
export const REMOVED = {
  /** u32: `crc` of the record that it stands for, from which the next one goes on. Behind it are zeros. */
  originalCrc: 44,
} as const;

/**
 * A Draft, a step of a transaction that is open, looks like a Prepare without a type: see {@link DRAFT_NAME}. A Removed record has the position,
 * length and epoch of the one that it stands for; see {@link originalType}.
 */
export const RECORD_TYPE = {
  prepare: 1,
  commit: 2,
  epoch: 3,
  membership: 4,
  padding: 5,
  draft: 6,
  removed: 7,
} as const;

/**
 * The name that a Draft has in the place of a stream's: this byte and the transaction's id. No stream has such a name, as it is not UTF-8; so
 * the index knows the steps of a transaction as it knows the events of a stream, and nobody can read them as one.
 */
export const DRAFT_NAME = { firstByte: 0xff, bytes: 17 } as const;

export type RecordTypeName = keyof typeof RECORD_TYPE;

/** Bits of a Prepare's `flags`. */
export const PREPARE_FLAG = { firstOfTransaction: 1, lastOfTransaction: 2, json: 4 } as const;

/** `flags` of a Removed record: those of the record that it stands for, as far as they say where transactions end, and from this bit on its type. */
export const REMOVED_FLAGS = { kept: 3, originalTypeShift: 8 } as const;

export const RECORD_VERSION = 1;
export const RECORD_HEADER_BYTES = 44;
export const PREPARE_HEADER_BYTES = 80;
export const COMMIT_LENGTH = 56;
export const EPOCH_LENGTH = 64;
/** Header and `originalCrc`; every record that can be removed is as long. */
export const REMOVED_LENGTH_MIN = 48;
/** Records start at multiples of this, so that their u64 fields and a scan's 8-byte steps are aligned. */
export const RECORD_ALIGNMENT = 8;
/** The least that a record occupies: a header, rounded up. What is left of a chunk is 0 or at least this. */
export const RECORD_OCCUPIED_MIN = 48;
/** 32 MiB: well above the largest event that a server lets in (16 MiB), and small enough to be read into memory whole. */
export const RECORD_LENGTH_MAX = 33_554_432;
/**
 * The longest record that is not Padding. One that doesn't fit into the rest of a chunk may miss it by up to 40 bytes (a rest
 * of 8 to 40 would be too small for Padding), and the Padding that then fills the rest must not exceed RECORD_LENGTH_MAX.
 */
export const PREPARE_LENGTH_MAX = RECORD_LENGTH_MAX - (RECORD_OCCUPIED_MIN - RECORD_ALIGNMENT);
/** Long enough for any composed name (KurrentDB's users have them up to some hundred bytes), short enough for an index. */
export const STREAM_NAME_BYTES_MAX = 1024;
/** The same as for streams: a fully qualified class name with generics fits. */
export const EVENT_TYPE_BYTES_MAX = 1024;

/** The bytes that a record of this `length` takes in the log. */
export function occupiedBytes(length: number): number {
  return alignUp(length, RECORD_ALIGNMENT);
}

/** The type of the record, or of the one that it stands for. A transaction goes on over what was removed of it. */
export function originalType(type: number, flags: number): number {
  return type === RECORD_TYPE.removed ? flags >>> REMOVED_FLAGS.originalTypeShift : type;
}

/** What the record behind the one at `view[at]` has as its `chain`. */
export function chainBehind(view: DataView, at: number): number {
  const isRemoved = view.getUint8(at + RECORD.type) === RECORD_TYPE.removed;
  return view.getUint32(at + (isRemoved ? REMOVED.originalCrc : RECORD.crc), true);
}

/** The name of a type number, or undefined if this version does not know it. */
export function recordTypeName(type: number): RecordTypeName | undefined {
  return TYPE_NAMES[type];
}

const TYPE_NAMES: readonly (RecordTypeName | undefined)[] = [
  undefined,
  'prepare',
  'commit',
  'epoch',
  'membership',
  'padding',
  'draft',
  'removed',
];
