/**
 * Records in a readable form, for tools and tests: everything here allocates, so the hot path reads fields in place
 * (`record.ts`) instead. Pure; any thread. Nothing here checks checksums; whoever calls has done that, or wants to see.
 */
import { formatUuid, isZero, readU64 } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  DRAFT_NAME,
  EPOCH,
  EPOCH_LENGTH,
  EVENT_TYPE_BYTES_MAX,
  originalType,
  PREPARE,
  PREPARE_FLAG,
  PREPARE_HEADER_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
  REMOVED,
  REMOVED_LENGTH_MIN,
  type RecordTypeName,
  recordTypeName,
  STREAM_NAME_BYTES_MAX,
} from './record.js';

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
  | {
      readonly kind: 'draft';
      readonly transactionId: string;
      readonly step: number;
      /** The Append frame of the step, and what came of it if it was the last. */
      readonly content: Bytes;
    }
  /** Stands for a record of this type that a scavenge has removed. */
  | { readonly kind: 'removed'; readonly originalType: RecordTypeName; readonly originalCrc: number }
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
    case 'draft':
      return decodeDraft(record);
    case 'removed':
      return decodeRemoved(header, record);
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

function decodeDraft(record: Bytes): RecordBody {
  const contentAt = PREPARE.stream + DRAFT_NAME.bytes;
  if (record.length < contentAt) return malformed(`a Draft of ${record.length} bytes`);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  return {
    kind: 'draft',
    transactionId: formatUuid(record, PREPARE.eventId),
    step: readU64(view, PREPARE.revision),
    content: record.subarray(contentAt),
  };
}

function decodeRemoved({ type, flags }: RecordHeader, record: Bytes): RecordBody {
  const original = recordTypeName(originalType(type, flags));
  if (original === undefined || original === 'removed' || record.length < REMOVED_LENGTH_MIN)
    return malformed('a Removed record that stands for nothing that there is');
  const originalCrc = new DataView(record.buffer, record.byteOffset).getUint32(REMOVED.originalCrc, true);
  return { kind: 'removed', originalType: original, originalCrc };
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
    case 'draft':
      return `step ${body.step} of transaction ${body.transactionId}, ${body.content.length} bytes`;
    case 'removed':
      return `stands for a ${body.originalType} record that was removed`;
    case 'padding':
      return 'fills the chunk';
    case 'malformed':
      return body.reason;
  }
}
