/**
 * As much of AMQP 0-9-1 as a durable append needs: log in, declare a quorum queue, and publish with confirms. Main thread. A confirm carries the
 * number of a message on its channel, or says "all up to this one".
 */
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { counted, int16, int32 } from './big-endian.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

const QUEUE = 'bench';
const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
const FRAME = { method: 1, header: 2, body: 3 } as const;
const FRAME_END = 0xce;
const HEAD_BYTES = 7;
const FRAME_BYTES_MAX = 131_072;
const CHANNEL = 1;
const BASIC = 60;
const PERSISTENT = 2;
const HAS_DELIVERY_MODE = 0x1000;
const DURABLE = 2;

/** Class and method as one number. */
const METHOD = {
  connectionStart: 10 * 65_536 + 10,
  connectionStartOk: 10 * 65_536 + 11,
  connectionTune: 10 * 65_536 + 30,
  connectionTuneOk: 10 * 65_536 + 31,
  connectionOpen: 10 * 65_536 + 40,
  connectionOpenOk: 10 * 65_536 + 41,
  channelOpen: 20 * 65_536 + 10,
  channelOpenOk: 20 * 65_536 + 11,
  queueDeclare: 50 * 65_536 + 10,
  queueDeclareOk: 50 * 65_536 + 11,
  confirmSelect: 85 * 65_536 + 10,
  confirmSelectOk: 85 * 65_536 + 11,
  publish: BASIC * 65_536 + 40,
  ack: BASIC * 65_536 + 80,
  nack: BASIC * 65_536 + 120,
} as const;

/** Where a frame ends: head, as many bytes as that says, and an end mark. */
export function amqpFrameEnd(bytes: Buffer, at: number): number {
  return bytes.length - at < HEAD_BYTES ? -1 : at + HEAD_BYTES + bytes.readUInt32BE(at + 3) + 1;
}

export function encodeFrame(type: number, channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type), int16(channel), counted(payload), Buffer.of(FRAME_END)]);
}

/** A persistent message to the queue: publish, header and body, as they go out together. */
export function encodePublish(data: Uint8Array): Buffer {
  const method = Buffer.concat([int32(METHOD.publish), int16(0), short(''), short(QUEUE), Buffer.of(0)]);
  const header = Buffer.concat([
    int16(BASIC),
    int16(0),
    int32(0),
    int32(data.length),
    int16(HAS_DELIVERY_MODE),
    Buffer.of(PERSISTENT),
  ]);
  return Buffer.concat([
    encodeFrame(FRAME.method, CHANNEL, method),
    encodeFrame(FRAME.header, CHANNEL, header),
    encodeFrame(FRAME.body, CHANNEL, data),
  ]);
}

/** Which slot each message that was not confirmed yet belongs to. Pure. */
export class Confirms {
  readonly #slots = new Map<number, number>();
  #next = 1;
  #lowest = 1;

  /** The next message of the channel is this slot's. */
  published(slot: number): void {
    this.#slots.set(this.#next++, slot);
  }

  /** The slots that a confirm speaks for. */
  confirmed(tag: number, isMultiple: boolean): number[] {
    const slots: number[] = [];
    const first = isMultiple ? this.#lowest : tag;
    for (let each = first; each <= tag; each++) {
      const slot = this.#slots.get(each);
      if (slot !== undefined) slots.push(slot);
      this.#slots.delete(each);
    }
    if (isMultiple) this.#lowest = Math.max(this.#lowest, tag + 1);
    return slots;
  }
}

/** Publishes over one channel of one connection. */
export async function amqpTarget(port: number, { inFlight: _, eventBytes }: PeerLoad): Promise<PeerTarget> {
  const socket = await connectAmqp(port);
  socket.write(methodFrame(METHOD.confirmSelect, Buffer.of(0)));
  await answerTo(socket, METHOD.confirmSelectOk);
  const message = encodePublish(benchData(eventBytes));
  const confirms = new Confirms();
  const target = new SocketTarget([socket], (slot) => {
    confirms.published(slot);
    socket.write(message);
  });
  socket.listen((bytes, start, end) => {
    if (bytes[start] !== FRAME.method) return;
    const at = start + HEAD_BYTES;
    const method = bytes.readUInt32BE(at);
    if (method !== METHOD.ack && method !== METHOD.nack) {
      // The channel or the connection is being closed.
      target.failedAll(refusalOf(bytes.subarray(start, end)));
      return;
    }
    const tag = bytes.readUInt32BE(at + 4) * 2 ** 32 + bytes.readUInt32BE(at + 8);
    const isMultiple = (bytes[at + 12]! & 1) === 1;
    for (const slot of confirms.confirmed(tag, isMultiple)) {
      if (method === METHOD.ack) target.succeeded(slot);
      else target.failed(slot, new CairnError('invalid-request', 'RabbitMQ did not take a message'));
    }
  });
  return target;
}

/** Makes the queue: a quorum queue over `replicas` nodes, led by the one at `port`. Throws `CairnError`. */
export async function declareQuorumQueue(port: number, replicas: number): Promise<void> {
  const socket = await connectAmqp(port);
  try {
    const table = Buffer.concat([
      Buffer.concat([short('x-queue-type'), Buffer.from('S'), counted('quorum')]),
      Buffer.concat([short('x-quorum-initial-group-size'), Buffer.from('I'), int32(replicas)]),
    ]);
    const body = Buffer.concat([int16(0), short(QUEUE), Buffer.of(DURABLE), counted(table)]);
    socket.write(methodFrame(METHOD.queueDeclare, body));
    await answerTo(socket, METHOD.queueDeclareOk);
  } finally {
    socket.close();
  }
}

/** A connection that is logged in, with a channel. Throws `CairnError`. */
export async function connectAmqp(port: number): Promise<FrameSocket> {
  const socket = await FrameSocket.connect(port, amqpFrameEnd);
  try {
    socket.write(PROTOCOL_HEADER);
    await answerTo(socket, METHOD.connectionStart);
    const login = Buffer.concat([counted(''), short('PLAIN'), counted('\0guest\0guest'), short('en_US')]);
    socket.write(methodFrame(METHOD.connectionStartOk, login, 0));
    await answerTo(socket, METHOD.connectionTune);
    // One channel, no heartbeat: a run is over sooner.
    const limits = Buffer.concat([int16(CHANNEL), int32(FRAME_BYTES_MAX), int16(0)]);
    socket.write(methodFrame(METHOD.connectionTuneOk, limits, 0));
    const host = Buffer.concat([short('/'), short(''), Buffer.of(0)]);
    socket.write(methodFrame(METHOD.connectionOpen, host, 0));
    await answerTo(socket, METHOD.connectionOpenOk);
    socket.write(methodFrame(METHOD.channelOpen, short('')));
    await answerTo(socket, METHOD.channelOpenOk);
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

async function answerTo(socket: FrameSocket, expected: number): Promise<void> {
  const frame = await socket.next();
  if (frame[0] !== FRAME.method || frame.readUInt32BE(HEAD_BYTES) !== expected) throw refusalOf(frame);
}

function methodFrame(method: number, body: Uint8Array, channel: number = CHANNEL): Buffer {
  return encodeFrame(FRAME.method, channel, Buffer.concat([int32(method), body]));
}

/** Of a Close: its code and text. */
function refusalOf(frame: Buffer): CairnError {
  const at = HEAD_BYTES + 4;
  const said = frame.length > at + 3 ? frame.subarray(at + 3, at + 3 + frame[at + 2]!).toString('utf8') : '';
  return new CairnError('invalid-request', `RabbitMQ refused: ${said}`);
}

function short(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}
