/**
 * As much of PostgreSQL's protocol (version 3) as a durable append needs: log in without a password, run SQL, and insert with a prepared
 * statement. A connection has one transaction at a time, so there is a connection for each request in flight. Main thread.
 */
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { counted, int16, int32 } from './big-endian.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

export const DATABASE_USER = 'bench';
const PROTOCOL_VERSION = 196_608;
const STREAMS = 16;
const KIND_BYTES = 1;
const BINARY = 1;

/** Kinds of messages. */
const READY = 0x5a;
const FAILED = 0x45;
const ROW = 0x44;

/** Where a message ends: a kind, and a length that counts itself. */
export function postgresFrameEnd(bytes: Buffer, at: number): number {
  return bytes.length - at < 5 ? -1 : at + KIND_BYTES + bytes.readInt32BE(at + KIND_BYTES);
}

/** The first message of a connection, which has no kind. */
export function encodeStartup(): Buffer {
  const text = `user\0${DATABASE_USER}\0database\0postgres\0\0`;
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE(PROTOCOL_VERSION, 4);
  bytes.write(text, 8);
  return bytes;
}

export function encodeMessage(kind: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind, 0);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

/** Runs the prepared statement `insert` with a number and bytes, in a transaction of its own. */
export function encodeInsert(stream: number, data: Uint8Array): Buffer {
  const parameters = [counted(int32(stream)), counted(data)];
  const bind = Buffer.concat([
    Buffer.from('\0insert\0'),
    ...[1, BINARY, parameters.length].map(int16),
    ...parameters,
    int16(0),
  ]);
  const execute = Buffer.concat([Buffer.from('\0'), int32(0)]);
  return Buffer.concat([
    encodeMessage('B', bind),
    encodeMessage('E', execute),
    encodeMessage('S', Buffer.alloc(0)),
  ]);
}

/** The message of an ErrorResponse. */
export function errorText(frame: Buffer): string {
  const fields = frame.subarray(5).toString('utf8').split('\0');
  return fields.find((field) => field.startsWith('M'))?.slice(1) ?? 'unknown error';
}

/** A connection that is logged in. Throws `CairnError`. */
export async function connectPostgres(port: number): Promise<FrameSocket> {
  const socket = await FrameSocket.connect(port, postgresFrameEnd);
  socket.write(encodeStartup());
  try {
    await untilReady(socket);
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** Runs one statement; answers with the first column of its first row. */
export async function runSql(socket: FrameSocket, sql: string): Promise<string | undefined> {
  socket.write(encodeMessage('Q', Buffer.from(`${sql}\0`)));
  return await untilReady(socket);
}

async function untilReady(socket: FrameSocket): Promise<string | undefined> {
  let value: string | undefined;
  let failure: CairnError | undefined;
  for (;;) {
    const frame = await socket.next();
    if (frame[0] === FAILED) {
      failure = refusalOf(frame);
      // Before the login there is nothing more to come.
      if (frame.includes('FATAL')) throw failure;
    }
    if (frame[0] === ROW) value ??= frame.subarray(11, 11 + frame.readInt32BE(7)).toString('utf8');
    if (frame[0] !== READY) continue;
    if (failure !== undefined) throw failure;
    return value;
  }
}

/** Inserts, one a transaction. */
export async function postgresTarget(port: number, { inFlight, eventBytes }: PeerLoad): Promise<PeerTarget> {
  const prepare = encodeMessage(
    'P',
    Buffer.from('insert\0INSERT INTO events (stream, data) VALUES ($1, $2)\0\0\0'),
  );
  const sync = encodeMessage('S', Buffer.alloc(0));
  const sockets: FrameSocket[] = [];
  for (let index = 0; index < inFlight; index++) {
    const socket = await connectPostgres(port);
    sockets.push(socket);
    socket.write(Buffer.concat([prepare, sync]));
    await untilReady(socket);
  }
  const data = benchData(eventBytes);
  const inserts = Array.from({ length: STREAMS }, (_, stream) => encodeInsert(stream, data));
  const target = new SocketTarget(sockets, (slot, socket) => socket.write(inserts[slot % STREAMS]!));
  sockets.forEach((socket, slot) => {
    let failure: CairnError | undefined;
    socket.listen((bytes, start, end) => {
      if (bytes[start] === FAILED) failure = refusalOf(bytes.subarray(start, end));
      if (bytes[start] !== READY) return;
      const outcome = failure;
      failure = undefined;
      if (outcome === undefined) target.succeeded(slot);
      else target.failed(slot, outcome);
    });
  });
  return target;
}

function refusalOf(frame: Buffer): CairnError {
  return new CairnError('invalid-request', `PostgreSQL refused: ${errorText(frame)}`);
}
