/** A forwarder and leaders, which are real sessions on nodes that do what a test tells them. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { ClientSession } from '../../src/net/client-session.js';
import type { AppendPort } from '../../src/net/engine-port.js';
import { Forwarder } from '../../src/net/forwarder.js';
import { MessageGarbage } from '../../src/net/message-garbage.js';
import type { SessionLimits } from '../../src/net/session-limits.js';
import type { AppendSink, Rejection } from '../../src/sequencer/pending-replies.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import type { AckPolicy } from '../../src/wire/frames.js';
import { appendFrame } from './frames.js';
import { type ScriptedEngine, ScriptedNode } from './scripted-session.js';

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Taken {
  /** What its only event has as data. */
  readonly data: string;
  readonly ackPolicy: AckPolicy;
  readonly requiresLeader: boolean;
  readonly sink: AppendSink;
  readonly token: number;
}

/** Keeps what it takes until it is told to answer. */
class Leader implements AppendPort {
  readonly taken: Taken[] = [];
  refusal: Rejection | undefined;
  /** Answers what it takes at once. */
  isQuick = false;
  #waiting: (() => void)[] = [];

  append(append: AppendCursor, sink: AppendSink, token: number): 'taken' | Rejection {
    if (this.refusal !== undefined) return this.refusal;
    append.nextEvent();
    const { bytes, dataAt, dataLength, ackPolicy, requiresLeader } = append;
    const data = new TextDecoder().decode(bytes.subarray(dataAt, dataAt + dataLength));
    this.taken.push({ data, ackPolicy, requiresLeader, sink, token });
    if (this.isQuick) queueMicrotask(() => sink.appended(token, this.taken.length, 0, false));
    for (const wake of this.#waiting.splice(0)) wake();
    return 'taken';
  }

  appendRun(): void {
    // To this leader no append is plain.
  }

  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    queueMicrotask(() => sink.rejected(token, rejection));
  }

  whenRoom(): void {
    // There always is.
  }

  whenFound(): void {
    // It looks for nothing.
  }

  /** Resolves when it has taken so many. */
  async took(count: number): Promise<string[]> {
    while (this.taken.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.taken.map(({ data }) => data);
  }

  /** Answers number `at`; its revision says which it was. */
  answer(at: number): void {
    const { sink, token } = this.taken[at]!;
    sink.appended(token, at, 100 * at, false);
  }
}

interface RunningLeader {
  readonly url: string;
  readonly leader: Leader;
  readonly node: ScriptedNode;
  /** Cuts all connections off. */
  drop(): void;
  stop(): Promise<void>;
}

const LOG_ID = 'c0ffee00-0000-4000-8000-000000000000';

async function startLeader(limits: Partial<SessionLimits> = {}): Promise<RunningLeader> {
  const leader = new Leader();
  const node = new ScriptedNode(leader as unknown as ScriptedEngine);
  node.served = { ...node.served!, limits: { ...node.served!.limits, ...limits } };
  const log = { debug: () => undefined };
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/client' });
  const garbage = new MessageGarbage();
  server.on('connection', (socket) => {
    new ClientSession(socket, '', { node, serverVersion: '0.0.0', log, garbage });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const drop = () => {
    for (const socket of server.clients) socket.terminate();
  };
  const stop = async () => {
    drop();
    await new Promise((resolve) => server.close(resolve));
  };
  cleanups.push(stop);
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/client`, leader, node, drop, stop };
}

function forwarder(patienceMs = 5_000): Forwarder {
  const made = new Forwarder({ clientName: 'test', logId: LOG_ID, patienceMs });
  cleanups.push(() => made.stop());
  return made;
}

/** A client that keeps what it is told: token and revision, or token and code. */
class Client implements AppendSink {
  readonly told: [number, number | string][] = [];
  readonly rejections: Rejection[] = [];
  #waiting: (() => void)[] = [];

  appendedParts(token: number, revisions: readonly number[]): void {
    this.appended(token, revisions.at(-1)!);
  }

  appended(token: number, revision: number): void {
    this.told.push([token, revision]);
    this.#wake();
  }

  rejected(token: number, rejection: Rejection): void {
    this.told.push([token, rejection.code]);
    this.rejections.push(rejection);
    this.#wake();
  }

  async heard(count: number): Promise<[number, number | string][]> {
    while (this.told.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.told;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const cursor = new AppendCursor();

function open(data: string, flags = 0): AppendCursor {
  const event = { id: randomBytes(16), type: 't', data: new TextEncoder().encode(data) };
  const frame = Uint8Array.from(appendFrame({ requestId: 77, stream: 's', events: [event] }));
  frame[5] = flags;
  const view = new DataView(frame.buffer);
  if (cursor.open(frame, view, 0, frame.length) !== undefined) throw new Error('no Append');
  return cursor;
}

test('appends go to the leader in order, for it alone, and its answers come back', async () => {
  const { url, leader } = await startLeader();
  const [port, client, other] = [forwarder(), new Client(), new Client()];
  port.setLeader(url);
  expect(port.append(open('a'), client, 5)).toBe('taken');
  expect(port.append(open('b', 3), other, 5)).toBe('taken');
  await leader.took(2);
  port.append(open('c', 1), client, 6);
  expect(await leader.took(3)).toEqual(['a', 'b', 'c']);
  expect(leader.taken.map(({ ackPolicy }) => ackPolicy)).toEqual(['quorum', 'quorum-and-zone', 'leader']);
  expect(leader.taken.every(({ requiresLeader }) => requiresLeader)).toBe(true);
  for (let i = 0; i < 3; i++) leader.answer(i);
  expect(await client.heard(2)).toEqual([
    [5, 0],
    [6, 2],
  ]);
  expect(await other.heard(1)).toEqual([[5, 1]]);
  expect(port.pendingAppends).toBe(0);
});

test('what came before there was a leader is sent when there is one', async () => {
  const { url, leader } = await startLeader();
  const [port, client] = [forwarder(), new Client()];
  for (let i = 0; i < 5; i++) port.append(open(`${i}`), client, i);
  port.setLeader(url);
  expect(await leader.took(5)).toEqual(['0', '1', '2', '3', '4']);
});

test('without a leader for long an append is refused, and was not written', async () => {
  const [port, client] = [forwarder(20), new Client()];
  port.append(open('a'), client, 1);
  expect(await client.heard(1)).toEqual([[1, 'no-leader']]);
  expect(client.rejections[0]!.message).toMatch(/nothing was written/);
});

test('a leader that can not be reached is as good as none', async () => {
  const { url, stop } = await startLeader();
  await stop();
  const [port, client] = [forwarder(100), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  expect(await client.heard(1)).toEqual([[1, 'no-leader']]);
});

test('a leader of another cluster gets nothing', async () => {
  const { url, leader, node } = await startLeader();
  node.served = { ...node.served!, logId: 'c0ffee00-0000-4000-8000-00000000000f' };
  const [port, client] = [forwarder(100), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  expect(await client.heard(1)).toEqual([[1, 'no-leader']]);
  expect(leader.taken).toEqual([]);
});

test('an append that wants the leader itself is told where that is', async () => {
  const { url } = await startLeader();
  const [port, client] = [forwarder(), new Client()];
  expect(port.append(open('a', 4), client, 1)).toMatchObject({ code: 'no-leader' });
  port.setLeader(url);
  expect(port.append(open('a', 4), client, 1)).toMatchObject({ code: 'not-leader', details: { url } });
  expect(port.pendingAppends).toBe(0);
});

test('with a new leader, what was sent has an unknown outcome; what was not goes to the new one', async () => {
  const [first, second] = [await startLeader({ inFlightAppendsMax: 1 }), await startLeader()];
  const [port, client, other] = [forwarder(), new Client(), new Client()];
  port.setLeader(first.url);
  port.append(open('a'), client, 1);
  await first.leader.took(1);
  port.append(open('b'), client, 2);
  port.append(open('c'), other, 1);
  port.setLeader(second.url);
  expect(await second.leader.took(1)).toEqual(['c']);
  second.leader.answer(0);
  expect(await client.heard(2)).toEqual([
    [1, 'outcome-unknown'],
    // Sent, it would have overtaken the first.
    [2, 'no-leader'],
  ]);
  expect(await other.heard(1)).toEqual([[1, 0]]);
  expect(first.leader.taken).toHaveLength(1);
});

test('with a lost connection the same holds, and the same leader is found again', async () => {
  const { url, leader, drop } = await startLeader();
  const [port, client, other] = [forwarder(), new Client(), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  await leader.took(1);
  drop();
  expect(await client.heard(1)).toEqual([[1, 'outcome-unknown']]);
  port.append(open('b'), other, 1);
  expect(await leader.took(2)).toEqual(['a', 'b']);
});

test('what the leader refuses is refused in its words, and what it can not decide about is not sent again', async () => {
  const { url, leader } = await startLeader();
  const [port, client, other] = [forwarder(), new Client(), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  await leader.took(1);
  const details = { expected: 3, current: 4 };
  leader.taken[0]!.sink.rejected(leader.taken[0]!.token, {
    code: 'wrong-expected-revision',
    message: 'no',
    details,
  });
  await client.heard(1);
  expect(client.rejections[0]).toEqual({ code: 'wrong-expected-revision', message: 'no', details });
  leader.refusal = { code: 'no-quorum', message: 'alone', details: {} };
  port.append(open('b'), client, 2);
  expect(await client.heard(2)).toMatchObject([{}, [2, 'no-quorum']]);
  leader.refusal = undefined;
  // The leader takes nothing more over that connection.
  port.append(open('c'), other, 1);
  expect(await leader.took(2)).toEqual(['a', 'c']);
});

test('a refusal is told in its turn', async () => {
  const { url, leader } = await startLeader();
  const [port, client] = [forwarder(), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  port.refuse(client, 2, { code: 'invalid-request', message: 'no', details: {} });
  port.append(open('b'), client, 3);
  await leader.took(2);
  expect(client.told).toEqual([]);
  leader.answer(0);
  leader.answer(1);
  expect(await client.heard(3)).toEqual([
    [1, 0],
    [2, 'invalid-request'],
    [3, 1],
  ]);
});

test('no more is in flight than the leader allows, and an append too large for it never leaves', async () => {
  const { url, leader } = await startLeader({ inFlightAppendsMax: 2, appendBytesMax: 200 });
  const [port, client] = [forwarder(), new Client()];
  port.setLeader(url);
  for (let i = 0; i < 4; i++) port.append(open(`${i}`), client, i);
  port.append(open('x'.repeat(300)), client, 4);
  await leader.took(2);
  leader.answer(0);
  await leader.took(3);
  leader.answer(1);
  expect(await leader.took(4)).toEqual(['0', '1', '2', '3']);
  leader.answer(2);
  leader.answer(3);
  expect((await client.heard(5)).at(-1)).toEqual([4, 'request-too-large']);
});

test('when it holds as much as it may, appends have to wait for room, which comes with answers', async () => {
  const { url, leader } = await startLeader();
  leader.isQuick = true;
  const [port, client] = [forwarder(), new Client()];
  const data = 'x'.repeat(900_000);
  let taken = 0;
  while (port.append(open(data), client, taken) === 'taken') taken++;
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(20);
  const room = new Promise<void>((resolve) => port.whenRoom(resolve));
  port.setLeader(url);
  await room;
  expect(port.append(open('y'), client, taken)).toBe('taken');
  expect(await client.heard(taken + 1)).toHaveLength(taken + 1);
});

test('a node that leads itself refuses what it could not send', async () => {
  const [port, client] = [forwarder(), new Client()];
  port.append(open('a'), client, 1);
  port.refuseUnsent();
  expect(await client.heard(1)).toEqual([[1, 'no-leader']]);
});

test('stopped, it answers what is open, and takes nothing more', async () => {
  const { url, leader } = await startLeader();
  const [port, client] = [forwarder(), new Client()];
  port.setLeader(url);
  port.append(open('a'), client, 1);
  await leader.took(1);
  port.stop();
  expect(await client.heard(1)).toEqual([[1, 'shutting-down']]);
  expect(port.append(open('b'), client, 2)).toMatchObject({ code: 'shutting-down' });
});
