import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OPCODE } from '../../src/wire/frames.js';
import { appendFrame, helloFrame, joined, randomEvent, written } from './frames.js';
import { openSession, ScriptedEngine, ScriptedSocket } from './scripted-session.js';

let socket: ScriptedSocket;
let engine: ScriptedEngine;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  socket = new ScriptedSocket();
  engine = new ScriptedEngine();
  openSession(socket, engine);
});

afterEach(() => {
  vi.useRealTimers();
});

function append(requestId: number): Uint8Array {
  return appendFrame({ requestId, stream: 's', events: [randomEvent(1)] });
}

test('who says no Hello within five seconds is told so and closed, and cut off if that does not help', () => {
  vi.advanceTimersByTime(4_999);
  expect(socket.closedWith).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(socket.errors()).toMatchObject([{ code: 'protocol-error', message: 'no Hello within 5 s' }]);
  expect(socket.closedWith).toBe(1002);
  expect(socket.isTerminated).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(socket.isTerminated).toBe(true);
});

test('after its Hello a client may be silent for ever', () => {
  socket.receive(helloFrame());
  vi.advanceTimersByTime(3_600_000);
  expect(socket.closedWith).toBeUndefined();
});

test('without room the socket is not read, and what came already is taken in order afterwards', () => {
  socket.receive(helloFrame());
  socket.receive(append(1));
  engine.hasRoom = false;
  socket.receive(joined([append(2), append(3)]));
  socket.receive(append(4));
  expect(engine.taken).toEqual([1]);
  expect(socket.isPaused).toBe(true);
  engine.makeRoom();
  expect(engine.taken).toEqual([1, 2, 3, 4]);
  expect(socket.isPaused).toBe(false);
});

test('while something is looked up for an append the socket is not read, and what came behind it is taken afterwards, in order', () => {
  socket.receive(helloFrame());
  engine.seeks = true;
  socket.receive(joined([append(1), append(2)]));
  socket.receive(append(3));
  expect([engine.taken, socket.isPaused]).toEqual([[], true]);
  engine.makeRoom();
  expect(engine.taken).toEqual([]);
  engine.find();
  expect([engine.taken, socket.isPaused]).toEqual([[1, 2, 3], false]);
});

test('any number of messages may have come before there was room', () => {
  socket.receive(helloFrame());
  engine.hasRoom = false;
  // As deep a recursion would overflow the stack.
  const count = 10_000;
  const message = append(7);
  for (let i = 0; i < count; i++) socket.receive(message);
  engine.makeRoom();
  expect(engine.taken).toHaveLength(count);
});

test('room that comes after the client has gone is for others', () => {
  socket.receive(helloFrame());
  engine.hasRoom = false;
  socket.receive(append(1));
  socket.emit('close');
  engine.makeRoom();
  expect(engine.taken).toEqual([]);
});

test('a client that reads nothing for thirty seconds while much waits for it is closed', async () => {
  socket.receive(helloFrame());
  socket.bufferedAmount = 9 << 20;
  socket.receive(append(1));
  await Promise.resolve();
  expect(socket.isPaused).toBe(true);
  vi.advanceTimersByTime(29_999);
  expect(socket.closedWith).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(socket.errors()).toMatchObject([{ code: 'slow-consumer' }]);
  expect(socket.closedWith).toBe(1013);
});

test('a client that reads, however slowly, is waited for, and read from again when it has caught up', async () => {
  socket.receive(helloFrame());
  socket.bufferedAmount = 9 << 20;
  socket.receive(append(1));
  await Promise.resolve();
  for (let megabytes = 8; megabytes > 1; megabytes--) {
    socket.bufferedAmount = megabytes << 20;
    vi.advanceTimersByTime(30_000);
    expect(socket.isPaused).toBe(true);
  }
  socket.bufferedAmount = 1 << 20;
  socket.drain();
  expect(socket.isPaused).toBe(false);
  vi.advanceTimersByTime(3_600_000);
  expect(socket.closedWith).toBeUndefined();
});

test('tiny requests with large answers are taken no faster than the client reads, each of them, in order', async () => {
  socket.receive(helloFrame());
  socket.isDeaf = true;
  const count = 300_000;
  const message = written((writer) => {
    for (let i = 1; i <= count; i++) {
      writer.begin(OPCODE.readStream, 0, i);
      writer.end();
    }
  });
  socket.receive(joined([message, append(count + 1)]));
  let rounds = 0;
  for (; engine.taken.length === 0; rounds++) {
    await Promise.resolve();
    expect(socket.isPaused).toBe(true);
    // The high mark, and a message.
    expect(socket.bufferedAmount).toBeLessThan(10 << 20);
    socket.bufferedAmount = 0;
    socket.drain();
  }
  await Promise.resolve();
  expect(rounds).toBeGreaterThan(1);
  expect(socket.errors()).toHaveLength(count);
  expect(socket.closedWith).toBeUndefined();
});
