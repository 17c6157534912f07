/**
 * Cuts one direction of a connection into what travels together: the head of an HTTP message, a WebSocket frame (RFC 6455, section 5.2), or, where
 * it is neither, the bytes as they came. Pure. Nothing is changed and nothing is lost: the pieces together are the bytes.
 */

export interface Piece {
  readonly kind: 'head' | 'frame' | 'raw';
  readonly bytes: Buffer;
  /** Of a frame: where its payload begins. */
  readonly payloadAt: number;
  /** Of a frame: the key that its payload is masked with, where it begins in the frame; -1 = it isn't. */
  readonly maskAt: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** What looks like a head and has no end by then is passed on as it is. */
const HEAD_BYTES_MAX = 64 * 1024;
const MASK_BYTES = 4;

export class FrameSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** As many bytes are needed before it is worth looking again. */
  #wanted = 1;
  #state: 'head' | 'frames' | 'raw' = 'head';

  /** What follows on a head is WebSocket frames (`true`), or anything. Call from the `head` piece's taker. */
  switched(isWebSocket: boolean): void {
    this.#state = isWebSocket ? 'frames' : 'raw';
  }

  /** Hands on all that is complete now. After a head the taker says, by {@link switched}, what follows. */
  push(bytes: Buffer, take: (piece: Piece) => void): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    while (this.#restBytes > 0 && this.#restBytes >= this.#wanted) {
      const all = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest);
      const piece = this.#first(all);
      if (piece === undefined) {
        this.#rest = [all];
        return;
      }
      const left = all.subarray(piece.bytes.length);
      this.#rest = left.length === 0 ? [] : [left];
      this.#restBytes = left.length;
      this.#wanted = 1;
      take(piece);
    }
  }

  #first(all: Buffer): Piece | undefined {
    if (this.#state === 'frames') return this.#frame(all);
    if (this.#state === 'head') {
      const end = all.indexOf(HEAD_END);
      if (end >= 0) return plain('head', all.subarray(0, end + HEAD_END.length));
      this.#wanted = all.length + 1;
      if (all.length < HEAD_BYTES_MAX) return undefined;
      this.#state = 'raw';
    }
    return plain('raw', all);
  }

  #frame(all: Buffer): Piece | undefined {
    const header = all.length < 2 ? 2 : frameHeaderBytes(all[1]!);
    if (all.length < header) {
      this.#wanted = header;
      return undefined;
    }
    const isMasked = (all[1]! & 0x80) !== 0;
    const maskAt = isMasked ? header - MASK_BYTES : -1;
    const total = header + payloadBytes(all);
    if (all.length < total) {
      this.#wanted = total;
      return undefined;
    }
    return { kind: 'frame', bytes: all.subarray(0, total), payloadAt: header, maskAt };
  }
}

/** The payload of a frame, unmasked; without a mask a view. */
export function payloadOf({ bytes, payloadAt, maskAt }: Piece): Buffer {
  const payload = bytes.subarray(payloadAt);
  if (maskAt < 0 || bytes.readUInt32BE(maskAt) === 0) return payload;
  const plain = Buffer.allocUnsafe(payload.length);
  for (let at = 0; at < payload.length; at++) plain[at] = payload[at]! ^ bytes[maskAt + (at & 3)]!;
  return plain;
}

function plain(kind: 'head' | 'raw', bytes: Buffer): Piece {
  return { kind, bytes, payloadAt: 0, maskAt: -1 };
}

function frameHeaderBytes(second: number): number {
  const length = second & 0x7f;
  const extended = length === 127 ? 8 : length === 126 ? 2 : 0;
  return 2 + extended + ((second & 0x80) === 0 ? 0 : MASK_BYTES);
}

function payloadBytes(frame: Buffer): number {
  const length = frame[1]! & 0x7f;
  if (length === 126) return frame.readUInt16BE(2);
  return length === 127 ? Number(frame.readBigUInt64BE(2)) : length;
}
