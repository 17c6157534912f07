/** What a session does with a node of a cluster, which may not lead, may not know, and may not be up to date. */
import { beforeEach, expect, test } from 'vitest';
import type { LogReader } from '../../src/reader/log-reader.js';
import type { LogRead } from '../../src/reader/read-page.js';
import type { Rejection } from '../../src/sequencer/pending-replies.js';
import {
  decodeGossipReply,
  decodeStreamInfoReply,
  encodeGossip,
  encodeStreamInfo,
} from '../../src/wire/answer-frames.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { EVENTS_CANCELLED, EVENTS_LAST, EVENTS_PREFIX_BYTES, OPCODE } from '../../src/wire/frames.js';
import { encodeCancel } from '../../src/wire/read-frames.js';
import { appendFrame, helloFrame, joined, randomEvent, readAllFrame, written } from './frames.js';
import { openSession, ScriptedEngine, ScriptedNode, ScriptedSocket } from './scripted-session.js';

let socket: ScriptedSocket;
let engine: ScriptedEngine;
let node: ScriptedNode;

beforeEach(() => {
  socket = new ScriptedSocket();
  engine = new ScriptedEngine();
  node = new ScriptedNode(engine);
  openSession(socket, engine, node);
});

const append = (requestId: number) => appendFrame({ requestId, stream: 's', events: [randomEvent(1)] });
const refusal = (code: Rejection['code']): Rejection => ({ code, message: code, details: {} });
const NOT_LEADER: Rejection = {
  code: 'not-leader',
  message: 'b leads',
  details: { leader: 'b:2113', url: 'ws://b:2113/client' },
};

/** All callbacks that are due have run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Opcode, request id and flags of all frames sent since the Welcome. */
function answers(): [number, number, number][] {
  const seen: [number, number, number][] = [];
  const frames = new FrameReader();
  for (const message of socket.sent) {
    frames.open(message);
    while (frames.next()) seen.push([frames.opcode, frames.requestId, frames.flags]);
  }
  return seen.filter(([opcode]) => opcode !== OPCODE.welcome);
}

/** A log without events. */
const EMPTY_LOG = {
  readAll: (): LogRead => ({
    nextPage: async () => ({
      kind: 'page',
      bytes: new Uint8Array(EVENTS_PREFIX_BYTES),
      release: () => undefined,
      eventCount: 0,
      next: 0,
      head: 0,
      isLast: true,
    }),
  }),
  streamInfo: async () => ({ revision: 7, position: 700 }),
} as unknown as LogReader;

test('a node without a cluster says so after the Hello, and closes', () => {
  node.served = undefined;
  socket.receive(helloFrame());
  expect(socket.errors()).toMatchObject([{ code: 'no-cluster' }]);
  expect(socket.closedWith).toBe(1013);
});

test('limits are those that the node has when the client says Hello', async () => {
  node.served = { ...node.served!, limits: { ...node.served!.limits, inFlightAppendsMax: 1 } };
  socket.receive(helloFrame());
  node.served = { ...node.served, limits: { ...node.served.limits, inFlightAppendsMax: 100 } };
  socket.receive(joined([append(1), append(2)]));
  await turn();
  expect(socket.errors()).toMatchObject([{ code: 'too-many-requests' }]);
  expect(engine.taken).toEqual([1]);
});

test('behind an append that nobody can decide about, no other of the connection is taken', async () => {
  socket.receive(helloFrame());
  socket.receive(append(1));
  engine.refusal = NOT_LEADER;
  socket.receive(append(2));
  engine.refusal = undefined;
  socket.receive(joined([append(3), append(4)]));
  await turn();
  expect(engine.taken).toEqual([1]);
  expect(answers().map(([opcode, requestId]) => [opcode, requestId])).toEqual([
    [OPCODE.appended, 1],
    [OPCODE.error, 2],
    [OPCODE.error, 3],
    [OPCODE.error, 4],
  ]);
  expect(socket.errors().map(({ code, details }) => [code, details])).toEqual(
    new Array(3).fill(['not-leader', NOT_LEADER.details]),
  );
});

test('behind an append with an unknown outcome, others are refused and their outcome is known', async () => {
  socket.receive(helloFrame());
  const session = openSession(socket, engine, node);
  session.rejected(1, refusal('outcome-unknown'));
  const other = new ScriptedSocket();
  const second = openSession(other, engine, node);
  other.receive(helloFrame());
  second.rejected(1, refusal('outcome-unknown'));
  other.receive(append(2));
  await turn();
  expect(engine.taken).toEqual([]);
  expect(other.errors().map(({ code }) => code)).toEqual(['outcome-unknown', 'no-leader']);
});

test('a refusal that is about one append alone does not keep later ones from being taken', async () => {
  socket.receive(helloFrame());
  engine.refuse = (sink, token, rejection) => sink.rejected(token, rejection);
  const invalid = Uint8Array.from(append(1));
  invalid[20] = 0;
  invalid[21] = 0;
  socket.receive(joined([invalid, append(2)]));
  await turn();
  expect(socket.errors()).toMatchObject([{ code: 'invalid-request' }]);
  expect(engine.taken).toEqual([2]);
});

test('a read says how fresh it must be, and one that may begin at once does', async () => {
  node.served = { ...node.served!, reader: EMPTY_LOG };
  socket.receive(helloFrame());
  socket.receive(
    joined([
      readAllFrame(1),
      readAllFrame(2, { consistency: 'leader', atLeast: 640 }),
      written((writer) =>
        encodeStreamInfo(writer, 3, { stream: 's', consistency: 'linearizable', atLeast: 8 }),
      ),
    ]),
  );
  await turn();
  expect(node.admitted).toEqual([
    ['local', 0],
    ['leader', 640],
    ['linearizable', 8],
  ]);
  expect(answers().sort(([, a], [, b]) => a - b)).toEqual([
    [OPCODE.events, 1, EVENTS_LAST],
    [OPCODE.events, 2, EVENTS_LAST],
    [OPCODE.streamInfoReply, 3, 0],
  ]);
});

test('a read that can not be answered here is refused, at once or later', async () => {
  node.served = { ...node.served!, reader: EMPTY_LOG };
  socket.receive(helloFrame());
  node.admission = NOT_LEADER;
  socket.receive(readAllFrame(1, { consistency: 'leader' }));
  node.admission = Promise.resolve(refusal('no-quorum'));
  socket.receive(readAllFrame(2, { consistency: 'linearizable' }));
  socket.receive(
    written((writer) =>
      encodeStreamInfo(writer, 3, { stream: 's', consistency: 'linearizable', atLeast: 0 }),
    ),
  );
  await turn();
  expect(socket.errors()).toMatchObject([
    { code: 'not-leader', details: { url: 'ws://b:2113/client' } },
    { code: 'no-quorum' },
    { code: 'no-quorum' },
  ]);
});

test('a read waits until it may begin; one cancelled meanwhile ends at once, and its id is free', async () => {
  node.served = { ...node.served!, reader: EMPTY_LOG };
  socket.receive(helloFrame());
  let admit: (rejection: Rejection | undefined) => void = () => undefined;
  node.admission = new Promise((resolve) => {
    admit = resolve;
  });
  socket.receive(readAllFrame(1));
  socket.receive(readAllFrame(2));
  await turn();
  expect(answers()).toEqual([]);
  socket.receive(written((writer) => encodeCancel(writer, 2)));
  await turn();
  expect(answers()).toEqual([[OPCODE.events, 2, EVENTS_LAST | EVENTS_CANCELLED]]);
  node.admission = undefined;
  socket.receive(readAllFrame(2));
  await turn();
  admit(undefined);
  await turn();
  expect(answers().slice(1)).toEqual([
    [OPCODE.events, 2, EVENTS_LAST],
    [OPCODE.events, 1, EVENTS_LAST],
  ]);
});

test('reads that wait to begin count as open, and end with the connection', async () => {
  node.served = { ...node.served!, reader: EMPTY_LOG, limits: { ...node.served!.limits, openReadsMax: 2 } };
  socket.receive(helloFrame());
  let admit: (rejection: Rejection | undefined) => void = () => undefined;
  node.admission = new Promise((resolve) => {
    admit = resolve;
  });
  socket.receive(joined([readAllFrame(1), readAllFrame(2), readAllFrame(3)]));
  await turn();
  expect(socket.errors()).toMatchObject([{ code: 'too-many-requests' }]);
  socket.receive(readAllFrame(2));
  expect(socket.errors()).toMatchObject([{}, { code: 'protocol-error' }]);
  const sent = socket.sent.length;
  admit(undefined);
  await turn();
  expect(socket.sent).toHaveLength(sent);
});

test('who asks for gossip is told who is in the cluster', async () => {
  socket.receive(helloFrame());
  socket.receive(written((writer) => encodeGossip(writer, 5)));
  await turn();
  expect(answers()).toEqual([[OPCODE.gossipReply, 5, 0]]);
  const frames = new FrameReader();
  frames.open(socket.sent.at(-1)!);
  while (frames.next() && frames.opcode !== OPCODE.gossipReply);
  expect(decodeGossipReply(frames)).toEqual({ kind: 'ok', frame: { gossip: node.gossip() } });
  expect(decodeStreamInfoReply(frames).kind).toBe('invalid');
});
