/** Records as a server would send them, without the parts that a client does not look at. */

export interface FakeEvent {
  readonly stream?: string;
  readonly type?: string;
  readonly revision: number;
  readonly position?: number;
  readonly id?: Uint8Array;
  readonly isJson?: boolean;
  readonly metadata?: string;
  readonly data?: string | Uint8Array;
  readonly createdUs?: number;
}

const utf8 = new TextEncoder();

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? utf8.encode(content) : content;
}

/** A Prepare record, padded to 8. */
export function eventRecord(event: FakeEvent): Uint8Array {
  const stream = bytesOf(event.stream ?? 'orders-1');
  const type = bytesOf(event.type ?? 'Placed');
  const metadata = bytesOf(event.metadata ?? '');
  const data = bytesOf(event.data ?? `{"n":${event.revision}}`);
  const length = 80 + stream.length + type.length + metadata.length + data.length;
  const bytes = new Uint8Array(Math.ceil(length / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, length, true);
  view.setBigUint64(8, BigInt(event.position ?? event.revision * 200), true);
  view.setBigUint64(16, BigInt(event.createdUs ?? 1_700_000_000_000_000), true);
  view.setUint8(40, 1);
  view.setUint8(41, 1);
  view.setUint16(42, (event.isJson ?? true) ? 7 : 3, true);
  view.setBigUint64(48, BigInt(event.revision), true);
  bytes.set(event.id ?? new Uint8Array(16).fill(event.revision), 56);
  view.setUint16(72, stream.length, true);
  view.setUint16(74, type.length, true);
  view.setUint32(76, metadata.length, true);
  let at = 80;
  for (const part of [stream, type, metadata, data]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A Commit record: no event, to be skipped. */
export function commitRecord(): Uint8Array {
  const bytes = new Uint8Array(56);
  bytes[4] = 56;
  bytes[40] = 2;
  return bytes;
}
