/**
 * A connection whose frames are taken before ws sees them: messages arrive whole, in order and once, however they are cut into pieces and whatever
 * stands between, and ws gets all else as it came.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameIntake } from '../../src/net/frame-intake.js';
import { noise } from '../native/disks.js';
import { until } from '../process/within.js';

const DEADLINE_MS = 20_000;
const PAYLOAD_MAX = 300_000;
const ACCEPTED = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n');
const REFUSED = Buffer.from('HTTP/1.1 409 Conflict\r\nconnection: close\r\n\r\n');
const BINARY = 0x82;

/** A frame as a server sends it. */
function frame(first: number, payload: Uint8Array, mask = 0): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = mask | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

interface Taken {
  readonly messages: Buffer[];
  readonly passed: Buffer;
}

/** What comes of bytes that are read in pieces of these lengths, over and over, as far as there is room. */
function take(bytes: Uint8Array, pieces: readonly number[]): Taken {
  const intake = new FrameIntake(PAYLOAD_MAX);
  const messages: Buffer[] = [];
  const passed: Buffer[] = [];
  intake.message = (payload) => messages.push(Buffer.from(payload));
  intake.passOn = (rest) => passed.push(rest);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const room = intake.onread.buffer();
    const piece = bytes.subarray(at, at + Math.min(room.length, pieces[i % pieces.length]!));
    expect(piece.length).toBeGreaterThan(0);
    room.set(piece);
    expect(intake.onread.callback(piece.length)).toBe(true);
    at += piece.length;
  }
  return { messages, passed: Buffer.concat(passed) };
}

const lengths = fc.oneof(
  fc.nat(200),
  fc.integer({ min: 120, max: 130 }),
  fc.integer({ min: 65_530, max: 65_540 }),
  fc.nat(PAYLOAD_MAX),
);
/** Binary and whole mostly; ping, pong, text, fragments, reserved bits, masked, too large. */
const frames = fc.array(
  fc.record({
    first: fc.oneof({ weight: 6, arbitrary: fc.constant(BINARY) }, { weight: 1, arbitrary: fc.nat(255) }),
    length: fc.oneof(
      { weight: 9, arbitrary: lengths },
      { weight: 1, arbitrary: fc.constant(PAYLOAD_MAX + 1) },
    ),
    mask: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(0x80) }),
  }),
  { maxLength: 12 },
);
const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2 ** 21 })), {
  minLength: 1,
  maxLength: 5,
});

test('whole binary frames are messages, all else is passed on, whatever the pieces', () => {
  fc.assert(
    fc.property(frames, pieces, (list, cuts) => {
      // A million reads of a byte would show no more.
      const total = list.reduce((sum, { length }) => sum + length, 0);
      const reads = cuts.map((cut) => Math.max(cut, Math.ceil(total / 5000)));
      const made = list.map(({ first, length, mask }, i) => ({
        bytes: frame(first, noise(length, i + 1), mask),
        payload: noise(length, i + 1),
        isMessage: first === BINARY && mask === 0 && length <= PAYLOAD_MAX,
      }));
      const taken = take(Buffer.concat([ACCEPTED, ...made.map(({ bytes }) => bytes)]), reads);
      const expected = made.filter(({ isMessage }) => isMessage);
      expect(taken.messages.length).toBe(expected.length);
      for (const [i, { payload }] of expected.entries())
        expect(Buffer.compare(taken.messages[i]!, payload)).toBe(0);
      const rest = made.filter(({ isMessage }) => !isMessage).map(({ bytes }) => bytes);
      expect(Buffer.compare(taken.passed, Buffer.concat([ACCEPTED, ...rest]))).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('behind a refusal nothing is a frame', () => {
  const bytes = Buffer.concat([REFUSED, frame(BINARY, noise(50, 1))]);
  for (const cut of [1, 7, 1000]) {
    const { messages, passed } = take(bytes, [cut]);
    expect(messages).toEqual([]);
    expect(Buffer.compare(passed, bytes)).toBe(0);
  }
});

test('what one large frame needed is given back', () => {
  const intake = new FrameIntake(40_000_000);
  intake.passOn = () => undefined;
  let received = 0;
  intake.message = (payload) => {
    received += payload.length;
  };
  let largest = 0;
  const read = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const room = intake.onread.buffer();
      largest = Math.max(largest, room.buffer.byteLength);
      const piece = bytes.subarray(at, at + Math.min(room.length, 65_536));
      room.set(piece);
      intake.onread.callback(piece.length);
      at += piece.length;
    }
  };
  read(ACCEPTED);
  read(frame(BINARY, new Uint8Array(32_000_000)));
  expect(received).toBe(32_000_000);
  expect(largest).toBeLessThan(33_000_000);
  expect(intake.onread.buffer().buffer.byteLength).toBeLessThan(3_000_000);
});

test('on a real connection ws goes on as if nothing were: pings are answered, fragments put together, the end is orderly', async () => {
  const server = createServer();
  const upgrades = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const intake = new FrameIntake(PAYLOAD_MAX);
  const taken: number[] = [];
  intake.message = (payload) => taken.push(payload.length);
  let pongs = 0;
  upgrades.on('connection', (peer) => {
    peer.on('pong', () => pongs++);
    // In one go with the handshake.
    peer.send(noise(100_000, 1));
    peer.ping();
    peer.send(noise(10, 1), { fin: false });
    peer.send(noise(20, 1), { fin: true });
    peer.send(noise(200_000, 1));
    peer.on('message', (data: Buffer) => peer.close(4000 + data.length));
  });
  const passed: number[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, {
    createConnection: intake.connect,
    perMessageDeflate: false,
  });
  socket.on('message', (data: Buffer) => passed.push(data.length));
  await until(DEADLINE_MS, 'all is there', () => taken.length === 2 && passed.length === 1 && pongs === 1);
  expect(taken).toEqual([100_000, 200_000]);
  expect(passed).toEqual([30]);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.send(noise(7, 1));
  expect(await closed).toBe(4007);
  await new Promise((resolve) => server.close(resolve));
});
