/**
 * As much of gRPC over HTTP/2 (RFC 9113, without TLS) as etcd's Put needs: one connection, a stream for each request, pipelined. Main thread. Node's
 * own HTTP/2 client costs as much processor time for a request as etcd does, which would measure the client. Answers are
 * not decoded: a message on a stream is a yes, and an end without one is a no.
 */
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { int32 } from './big-endian.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEAD_BYTES = 9;
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;
/** What a connection may send before the other side gives more; for streams it is as much, which no request comes near. */
const INITIAL_WINDOW_BYTES = 65_535;
/** What we give the other side, once: an answer has some tens of bytes. */
const OUR_WINDOW_BYTES = 2 ** 30;
const STREAMS = 16;
const COUNTER_DIGITS = 10;
const NOTHING = Buffer.alloc(0);

/** Where a frame ends. */
export function http2FrameEnd(bytes: Buffer, at: number): number {
  return bytes.length - at < HEAD_BYTES ? -1 : at + HEAD_BYTES + bytes.readUIntBE(at, 3);
}

export function encodeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of a Put (RFC 7541): by index where the static table has them, else as they are. */
export function encodeHeaders(authority: string): Buffer {
  return Buffer.concat([
    Buffer.of(0x83, 0x86, 0x04),
    text('/etcdserverpb.KV/Put'),
    Buffer.of(0x01),
    text(authority),
    Buffer.of(0x0f, 0x10),
    text('application/grpc'),
    Buffer.of(0x00),
    text('te'),
    text('trailers'),
  ]);
}

/** A PutRequest behind gRPC's prefix. */
export function encodePut(key: string, value: Uint8Array): Buffer {
  const name = Buffer.from(key);
  const message = Buffer.concat([
    Buffer.of(0x0a),
    varint(name.length),
    name,
    Buffer.of(0x12),
    varint(value.length),
    value,
  ]);
  return Buffer.concat([Buffer.of(0), int32(message.length), message]);
}

/** Puts each event under a key of its own. */
export async function etcdTarget(port: number, load: PeerLoad): Promise<PeerTarget> {
  const socket = await FrameSocket.connect(port, http2FrameEnd);
  return new PutConnection(socket, `127.0.0.1:${port}`, load.eventBytes).target;
}

class PutConnection {
  readonly target: SocketTarget;
  readonly #socket: FrameSocket;
  readonly #headers: Buffer;
  readonly #data: Uint8Array;
  readonly #putBytes: number;
  /** Stream → slot. */
  readonly #open = new Map<number, number>();
  /** Slots that wait for the other side to give more window; no more than there are slots. */
  readonly #waiting: number[] = [];
  #window = INITIAL_WINDOW_BYTES;
  #puts = 0;

  constructor(socket: FrameSocket, authority: string, eventBytes: number) {
    this.#socket = socket;
    this.#headers = encodeHeaders(authority);
    this.#data = benchData(eventBytes);
    this.#putBytes = encodePut(this.#key(0), this.#data).length;
    socket.write(PREFACE);
    socket.write(encodeFrame(FRAME.settings, 0, 0, NOTHING));
    socket.write(encodeFrame(FRAME.windowUpdate, 0, 0, int32(OUR_WINDOW_BYTES)));
    this.target = new SocketTarget([socket], (slot) => {
      if (this.#window >= this.#putBytes) this.#send(slot);
      else this.#waiting.push(slot);
    });
    socket.listen((bytes, start, end) => this.#received(bytes, start, end));
  }

  #key(number: number): string {
    return `bench/${String(number % STREAMS).padStart(2, '0')}/${String(number).padStart(COUNTER_DIGITS, '0')}`;
  }

  #send(slot: number): void {
    const number = this.#puts++;
    // Clients use odd streams.
    const stream = 2 * number + 1;
    const put = encodePut(this.#key(number), this.#data);
    this.#window -= put.length;
    this.#open.set(stream, slot);
    this.#socket.write(encodeFrame(FRAME.headers, FLAG.endHeaders, stream, this.#headers));
    this.#socket.write(encodeFrame(FRAME.data, FLAG.endStream, stream, put));
  }

  #received(bytes: Buffer, start: number, end: number): void {
    const flags = bytes[start + 4]!;
    const stream = bytes.readInt32BE(start + 5);
    const payload = start + HEAD_BYTES;
    switch (bytes[start + 3]) {
      case FRAME.data:
        if (end > payload) this.#answered(stream, true);
        break;
      case FRAME.headers:
        if ((flags & FLAG.endStream) !== 0) this.#answered(stream, false);
        break;
      case FRAME.reset:
        this.#answered(stream, false);
        break;
      case FRAME.windowUpdate:
        if (stream === 0) this.#window += bytes.readInt32BE(payload);
        while (this.#window >= this.#putBytes && this.#waiting.length > 0) this.#send(this.#waiting.shift()!);
        break;
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) this.#socket.write(encodeFrame(FRAME.settings, FLAG.ack, 0, NOTHING));
        break;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0)
          this.#socket.write(encodeFrame(FRAME.ping, FLAG.ack, 0, bytes.subarray(payload, end)));
        break;
      default:
        break;
    }
  }

  #answered(stream: number, isGood: boolean): void {
    const slot = this.#open.get(stream);
    if (slot === undefined) return;
    this.#open.delete(stream);
    if (isGood) this.target.succeeded(slot);
    else this.target.failed(slot, new CairnError('invalid-request', 'etcd refused a put'));
  }
}

/** No Huffman code: a length in seven bits, and the bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
