/**
 * Records the slow and obvious way, written from docs/formats.md with numbers instead of the code's constants: the second
 * implementation that the real one is compared with. The CRC goes bit by bit.
 */

/** What seal fills in is derived from the record before. */
export interface NaiveRecord {
  readonly type: number;
  readonly flags: number;
  readonly epoch: number;
  readonly body: Uint8Array;
}

/** A record in the log: where, how long, and its bytes as sealed. */
export interface NaiveSealed extends NaiveRecord {
  readonly position: number;
  readonly length: number;
  readonly bytes: Buffer;
}

export function naiveCrc(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
}

/** Seals `record` behind `before` (none: it is the first of the log). */
export function naiveSeal(record: NaiveRecord, before: NaiveSealed | undefined): NaiveSealed {
  const length = 44 + record.body.length;
  const position = before === undefined ? 0 : before.position + before.bytes.length;
  const bytes = Buffer.alloc(Math.ceil(length / 8) * 8);
  bytes.writeUInt32LE(length, 4);
  bytes.writeBigUInt64LE(BigInt(position), 8);
  bytes.writeBigUInt64LE(BigInt(timestampAt(position)), 16);
  bytes.writeUInt32LE(record.epoch, 24);
  // Behind what was removed the log goes on from what stood there.
  const chainAt = before?.type === 7 ? 44 : 0;
  bytes.writeUInt32LE(before === undefined ? 0 : before.bytes.readUInt32LE(chainAt), 28);
  bytes.writeUInt32LE(before === undefined ? 0 : before.length, 32);
  bytes.set(record.body, 44);
  bytes.writeUInt32LE(naiveCrc(bytes.subarray(44)), 36);
  bytes.writeUInt8(record.type, 40);
  bytes.writeUInt8(1, 41);
  bytes.writeUInt16LE(record.flags, 42);
  bytes.writeUInt32LE(naiveCrc(bytes.subarray(4, 44)), 0);
  return { ...record, position, length, bytes };
}

/** What stands for a record that was removed. */
export function naiveRemoved(sealed: NaiveSealed): NaiveSealed {
  const bytes = Buffer.from(sealed.bytes);
  bytes.fill(0, 44);
  sealed.bytes.copy(bytes, 44, 0, 4);
  bytes.writeUInt8(7, 40);
  bytes.writeUInt16LE((sealed.flags & 3) + 256 * sealed.type, 42);
  bytes.writeUInt32LE(naiveCrc(bytes.subarray(44)), 36);
  bytes.writeUInt32LE(naiveCrc(bytes.subarray(4, 44)), 0);
  return { ...sealed, type: 7, bytes };
}

/** The timestamp that records of the tests have. */
export function timestampAt(position: number): number {
  return 1_700_000_000_000_000 + position;
}

export interface NaiveEvent {
  readonly stream: string;
  readonly type?: string;
  readonly metadata?: Uint8Array;
  readonly data: Uint8Array;
}

export function prepareBody(event: NaiveEvent, revision: number, transactionOffset: number): Buffer {
  const stream = Buffer.from(event.stream);
  const type = Buffer.from(event.type ?? 'tested');
  const metadata = Buffer.from(event.metadata ?? new Uint8Array(0));
  const fixed = Buffer.alloc(36);
  fixed.writeUInt32LE(transactionOffset, 0);
  fixed.writeBigUInt64LE(BigInt(revision), 4);
  fixed.writeUInt32LE(revision + 1, 12); // the event id: any 16 bytes
  fixed.writeUInt16LE(stream.length, 28);
  fixed.writeUInt16LE(type.length, 30);
  fixed.writeUInt32LE(metadata.length, 32);
  return Buffer.concat([fixed, stream, type, metadata, event.data]);
}

export function commitBody(committed: number): Buffer {
  const body = Buffer.alloc(12);
  body.writeBigUInt64LE(BigInt(committed), 4);
  return body;
}

export function epochBody(): Buffer {
  return Buffer.concat([Buffer.alloc(4), Buffer.from('018f4e5c00007000800000000000e001', 'hex')]);
}
