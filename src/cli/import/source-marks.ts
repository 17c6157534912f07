/**
 * The mark that an import leaves on every event, in its metadata: from which source it is, which row of it, and a checksum of the
 * source up to and with that row. The last mark in a stream is all that a later run needs to go on there, however long ago
 * the first one was; and it tells a changed source. Pure.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { formatUuid } from '../../base/bytes.js';

/** Which row, and what the source was up to there. */
export interface RowMark {
  /** From 1. */
  readonly row: number;
  /** CRC-32 (IEEE 802.3) of the header, if there is one, and of all rows up to this one, as they stand in the source. */
  readonly check: number;
}

/** The checksum of a source, row by row. */
export class SourceCheck {
  #check: number;

  constructor(header: Buffer) {
    this.#check = crc32(header);
  }

  /** Takes in the next row; returns the checksum up to and with it. */
  add(row: Buffer): number {
    this.#check = crc32(row, this.#check);
    return this.#check;
  }
}

/** Writes and reads the marks of one source. */
export class SourceMarks {
  readonly #prefix: Buffer;

  /** `source` says what is imported and how it is spread over streams: two runs go on from each other if it is the same. */
  constructor(readonly source: string) {
    this.#prefix = Buffer.from(`{"$source":${JSON.stringify(source)},"$row":`);
  }

  /** Most bytes of {@link metadata}: a row's number has at most 16 digits. */
  get metadataBytesMax(): number {
    return this.#prefix.length + 16 + ',"$check":"12345678"}'.length;
  }

  /** The metadata of the event that is made of a row. */
  metadata({ row, check }: RowMark): Buffer {
    const rest = `${row},"$check":"${hex32(check)}"}`;
    const length = this.#prefix.length;
    const metadata = Buffer.allocUnsafe(length + rest.length);
    this.#prefix.copy(metadata);
    metadata.write(rest, length, 'latin1');
    return metadata;
  }

  /** The mark in an event's metadata; undefined if it has none of this source. */
  read(metadata: Uint8Array): RowMark | undefined {
    const { length } = this.#prefix;
    if (metadata.length <= length || this.#prefix.compare(metadata, 0, length) !== 0) return undefined;
    const text = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.byteLength).toString();
    const { $row, $check } = JSON.parse(text) as { $row: number; $check: string };
    return { row: $row, check: Number.parseInt($check, 16) };
  }

  /** The middle of the ids of this source's events in one stream: what tells them from all others. */
  idMiddle(stream: string): string {
    const hash = createHash('sha256').update(this.source).update('\0').update(stream).digest();
    return formatUuid(asUuid(hash), 0).slice(8, 24);
  }
}

/**
 * The id of the event that is made of a row, the same in every run: a UUID of version 8 (RFC 9562, section 5.8) with the
 * checksum in front and the row's number at the end.
 */
export function eventId(middle: string, { row, check }: RowMark): string {
  return `${hex32(check)}${middle}${hex48(row)}`;
}

/** A UUID of version 8 for a row that has a name of its own in its stream. */
export function namedEventId(stream: string, name: string): string {
  return formatUuid(asUuid(createHash('sha256').update(stream).update('\0').update(name).digest()), 0);
}

/** Sets version 8 and the variant in the first 16 bytes. */
function asUuid(bytes: Buffer): Buffer {
  bytes[6] = 0x80 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The low 32 bits as 8 digits: by a table, because this is done twice for each row. */
function hex32(value: number): string {
  return HEX[value >>> 24]! + HEX[(value >>> 16) & 0xff]! + HEX[(value >>> 8) & 0xff]! + HEX[value & 0xff]!;
}

/** A number below 2^48 as 12 digits. */
function hex48(value: number): string {
  const high = Math.floor(value / 2 ** 32);
  return HEX[high >>> 8]! + HEX[high & 0xff]! + hex32(value);
}
