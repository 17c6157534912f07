/** A server on loopback that says what a test has it say, and a load of a few requests on a client of it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { FrameEnd } from '../../../bench/peers/frame-socket.js';
import type { PeerTarget } from '../../../bench/peers/peer.js';

/** What a connection answers to each frame that comes; `begin` is said at once. */
export interface Conversation {
  readonly frameEnd: FrameEnd;
  readonly begin?: Uint8Array | string;
  answer(frame: Buffer, socket: Socket): void;
}

/** Runs `body` with the port of a server where each connection is a conversation of its own. */
export async function withServer(
  conversation: () => Conversation,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const { frameEnd, begin, answer } = conversation();
    if (begin !== undefined) socket.write(begin);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let end = frameEnd(bytes, 0); end > 0 && end <= bytes.length; end = frameEnd(bytes, 0)) {
        answer(Buffer.from(bytes.subarray(0, end)), socket);
        bytes = bytes.subarray(end);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

export interface Outcome {
  readonly succeeded: number;
  readonly failed: number;
}

/** Has `slots` requests open until each slot was answered `rounds` times. */
export async function driven(target: PeerTarget, slots: number, rounds: number): Promise<Outcome> {
  let succeeded = 0;
  let failed = 0;
  const answered = new Array<number>(slots).fill(0);
  await new Promise<void>((resolve) => {
    target.completed = (slot, isGood) => {
      if (isGood) succeeded++;
      else failed++;
      answered[slot] = answered[slot]! + 1;
      if (answered[slot]! < rounds) setImmediate(() => target.submit(slot));
      else if (answered.every((count) => count === rounds)) resolve();
    };
    for (let slot = 0; slot < slots; slot++) target.submit(slot);
  });
  await target.close();
  return { succeeded, failed };
}
