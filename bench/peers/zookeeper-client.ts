/**
 * As much of ZooKeeper's protocol (jute: big-endian fields, each message behind its length) as a durable append needs: a session, and creating
 * sequential nodes, pipelined over one connection. Main thread.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { counted, int32 } from './big-endian.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

const LENGTH_BYTES = 4;
const SESSION_TIMEOUT_MS = 40_000;
const PASSWORD_BYTES = 16;
const CREATE = 1;
const PERSISTENT = 0;
const PERSISTENT_SEQUENTIAL = 2;
const ALL_PERMISSIONS = 31;
/** Events lie below as many nodes as our streams are. */
const PARENTS = 16;
/** Where an answer has what. */
const ANSWER = { id: 4, error: 16 } as const;
const NODE_EXISTS = -110;

/** Where a message ends, its length included. */
export function juteFrameEnd(bytes: Buffer, at: number): number {
  return bytes.length - at < LENGTH_BYTES ? -1 : at + LENGTH_BYTES + bytes.readInt32BE(at);
}

/** Asks for a new session. */
export function encodeSession(): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + 4 + 8 + 4 + 8 + 4 + PASSWORD_BYTES + 1);
  bytes.writeInt32BE(bytes.length - LENGTH_BYTES, 0);
  bytes.writeInt32BE(SESSION_TIMEOUT_MS, 16);
  bytes.writeInt32BE(PASSWORD_BYTES, 28);
  return bytes;
}

/** Creates a node. `flags`: 2 = a number is put behind its name. */
export function encodeCreate(id: number, path: string, data: Uint8Array, flags: number): Buffer {
  const body = Buffer.concat([
    int32(id),
    int32(CREATE),
    counted(path),
    counted(data),
    int32(1),
    int32(ALL_PERMISSIONS),
    counted('world'),
    counted('anyone'),
    int32(flags),
  ]);
  return counted(body);
}

/** What a node says of itself: `leader`, `follower`; undefined if it doesn't serve yet. Throws `CairnError`. */
export async function zooKeeperMode(port: number): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  try {
    await once(socket, 'connect');
    socket.write('srvr');
    await once(socket, 'close');
  } catch (error) {
    throw new CairnError('connection-lost', `no connection to port ${port}`, { port }, error);
  } finally {
    socket.destroy();
  }
  return /^Mode: (\w+)$/m.exec(text)?.[1];
}

/** Appends over one session. */
export async function zooKeeperTarget(port: number, { inFlight, eventBytes }: PeerLoad): Promise<PeerTarget> {
  const socket = await FrameSocket.connect(port, juteFrameEnd);
  socket.write(encodeSession());
  await socket.next();
  const empty = new Uint8Array(0);
  for (let parent = 0; parent < PARENTS; parent++) {
    socket.write(encodeCreate(0, `/b${parent}`, empty, PERSISTENT));
    const error = (await socket.next()).readInt32BE(ANSWER.error);
    if (error !== 0 && error !== NODE_EXISTS) throw refusalOf(error);
  }
  const data = benchData(eventBytes);
  const requests = Array.from({ length: inFlight }, (_, slot) =>
    encodeCreate(slot, `/b${slot % PARENTS}/e`, data, PERSISTENT_SEQUENTIAL),
  );
  const target = new SocketTarget([socket], (slot) => socket.write(requests[slot]!));
  socket.listen((bytes, start) => {
    const slot = bytes.readInt32BE(start + ANSWER.id);
    const error = bytes.readInt32BE(start + ANSWER.error);
    if (error === 0) target.succeeded(slot);
    else target.failed(slot, refusalOf(error));
  });
  return target;
}

function refusalOf(error: number): CairnError {
  return new CairnError('invalid-request', `ZooKeeper refused: error ${error}`, { error });
}
