/**
 * What a record of the log looks like: offsets, types, flags and limits, as in docs/formats.md, and a readable form of a
 * record for tools. Pure; any thread. The offsets are relative to the start of a record, and every integer is
 * little-endian. The hot path reads fields through these constants; `decodeRecord` allocates and is for tools and tests.
 */
import { alignUp, formatUuid, isZero, readU64 } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';

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

export const RECORD_TYPE = { prepare: 1, commit: 2, epoch: 3, membership: 4, padding: 5 } as const;

export type RecordTypeName = keyof typeof RECORD_TYPE;

/** Bits of a Prepare's `flags`. */
export const PREPARE_FLAG = { firstOfTransaction: 1, lastOfTransaction: 2, json: 4 } as const;

export const RECORD_VERSION = 1;
export const RECORD_HEADER_BYTES = 44;
export const PREPARE_HEADER_BYTES = 80;
export const COMMIT_LENGTH = 56;
export const EPOCH_LENGTH = 64;
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
];

/** The fields that every record has. `crc`, `chain` and `bodyCrc` are as stored, unchecked. */
export interface RecordHeader {
  readonly crc: number;
  readonly length: number;
  readonly position: number;
  readonly timestampUs: number;
  readonly epoch: number;
  readonly chain: number;
  readonly previousLength: number;
  readonly bodyCrc: number;
  readonly type: number;
  readonly version: number;
  readonly flags: number;
}

/** What a record says, by type. `malformed` = the fields contradict each other or the record's length. */
export type RecordBody =
  | {
      readonly kind: 'prepare';
      readonly transactionOffset: number;
      readonly revision: number;
      readonly eventId: string;
      readonly stream: string;
      readonly eventType: string;
      readonly metadata: Bytes;
      readonly data: Bytes;
      readonly isFirst: boolean;
      readonly isLast: boolean;
      readonly isJson: boolean;
    }
  | { readonly kind: 'commit'; readonly committed: number }
  | { readonly kind: 'epoch'; readonly instanceId: string }
  | { readonly kind: 'membership'; readonly content: Bytes }
  | { readonly kind: 'padding' }
  | { readonly kind: 'malformed'; readonly reason: string };

export interface DecodedRecord {
  readonly header: RecordHeader;
  readonly body: RecordBody;
}

/** Reads the header at `at`, checking nothing. The caller has made sure of 44 bytes. */
export function decodeHeader(bytes: Bytes, at: number): RecordHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEADER_BYTES);
  return {
    crc: view.getUint32(RECORD.crc, true),
    length: view.getUint32(RECORD.length, true),
    position: readU64(view, RECORD.position),
    timestampUs: readU64(view, RECORD.timestamp),
    epoch: view.getUint32(RECORD.epoch, true),
    chain: view.getUint32(RECORD.chain, true),
    previousLength: view.getUint32(RECORD.previousLength, true),
    bodyCrc: view.getUint32(RECORD.bodyCrc, true),
    type: view.getUint8(RECORD.type),
    version: view.getUint8(RECORD.version),
    flags: view.getUint16(RECORD.flags, true),
  };
}

/**
 * Reads the record at `at`, of which all `length` bytes are there and whose header makes sense. Checksums are not
 * looked at. `metadata`, `data` and `content` are views into `bytes`.
 */
export function decodeRecord(bytes: Bytes, at: number): DecodedRecord {
  const header = decodeHeader(bytes, at);
  const record = bytes.subarray(at, at + header.length);
  return { header, body: decodeBody(header, record) };
}

function decodeBody(header: RecordHeader, record: Bytes): RecordBody {
  switch (recordTypeName(header.type)) {
    case 'prepare':
      return decodePrepare(header, record);
    case 'commit':
      return decodeCommit(header, record);
    case 'epoch':
      if (record.length !== EPOCH_LENGTH) return malformed(`an Epoch record of ${record.length} bytes`);
      return { kind: 'epoch', instanceId: formatUuid(record, EPOCH.instanceId) };
    case 'membership':
      return { kind: 'membership', content: record.subarray(RECORD.body) };
    case 'padding':
      if (!isZero(record, RECORD.body, record.length - RECORD.body))
        return malformed('Padding that is not zeros');
      return { kind: 'padding' };
    case undefined:
      return malformed(`unknown record type ${header.type}`);
  }
}

function decodePrepare(header: RecordHeader, record: Bytes): RecordBody {
  if (record.length < PREPARE_HEADER_BYTES) return malformed(`a Prepare of ${record.length} bytes`);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const streamBytes = view.getUint16(PREPARE.streamBytes, true);
  const typeBytes = view.getUint16(PREPARE.typeBytes, true);
  if (streamBytes < 1 || streamBytes > STREAM_NAME_BYTES_MAX)
    return malformed(`stream name of ${streamBytes} bytes`);
  if (typeBytes < 1 || typeBytes > EVENT_TYPE_BYTES_MAX) return malformed(`event type of ${typeBytes} bytes`);
  const typeAt = PREPARE.stream + streamBytes;
  const metadataAt = typeAt + typeBytes;
  const dataAt = metadataAt + view.getUint32(PREPARE.metadataBytes, true);
  if (dataAt > record.length) return malformed('stream, type and metadata are longer than the record');
  return {
    kind: 'prepare',
    transactionOffset: view.getUint32(PREPARE.transactionOffset, true),
    revision: readU64(view, PREPARE.revision),
    eventId: formatUuid(record, PREPARE.eventId),
    stream: decodeText(record.subarray(PREPARE.stream, typeAt)),
    eventType: decodeText(record.subarray(typeAt, metadataAt)),
    metadata: record.subarray(metadataAt, dataAt),
    data: record.subarray(dataAt),
    isFirst: (header.flags & PREPARE_FLAG.firstOfTransaction) !== 0,
    isLast: (header.flags & PREPARE_FLAG.lastOfTransaction) !== 0,
    isJson: (header.flags & PREPARE_FLAG.json) !== 0,
  };
}

function decodeCommit(header: RecordHeader, record: Bytes): RecordBody {
  if (record.length !== COMMIT_LENGTH) return malformed(`a Commit of ${record.length} bytes`);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const committed = readU64(view, COMMIT.committed);
  if (committed > header.position) return malformed(`a Commit that reaches beyond itself, to ${committed}`);
  return { kind: 'commit', committed };
}

function malformed(reason: string): RecordBody {
  return { kind: 'malformed', reason };
}

/** TextDecoder refuses shared memory, Buffer's own decoder does not. */
function decodeText(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** One line about a record, for people: type, position, length, epoch, and what its type has. */
export function describeRecord(record: DecodedRecord): string {
  const { header, body } = record;
  const type = recordTypeName(header.type) ?? `type ${header.type}`;
  return `${type} at ${header.position}, ${header.length} bytes, epoch ${header.epoch}: ${describeBody(body)}`;
}

function describeBody(body: RecordBody): string {
  switch (body.kind) {
    case 'prepare':
      return `${body.stream} @${body.revision} ${body.eventType}, ${body.data.length} bytes of data`;
    case 'commit':
      return `committed before ${body.committed}`;
    case 'epoch':
      return `leader ${body.instanceId}`;
    case 'membership':
      return `${body.content.length} bytes`;
    case 'padding':
      return 'fills the chunk';
    case 'malformed':
      return body.reason;
  }
}
