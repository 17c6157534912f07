/** What strangers, broken clients and fuzzers send: each gets the documented answer, and nobody else notices. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { decodeStreamInfoReply, encodeGossip, encodeStreamInfo } from '../../src/wire/answer-frames.js';
import { APPEND_PREFIX_BYTES, EVENT_PREFIX_BYTES, OPCODE } from '../../src/wire/frames.js';
import { encodeCancel, encodeCredit } from '../../src/wire/read-frames.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../process/node-process.js';
import { until } from '../process/within.js';
import {
  appendFrame,
  helloFrame,
  joined,
  randomEvent,
  readAllFrame,
  readStreamFrame,
  written,
} from './frames.js';
import { RawClient } from './raw-client.js';

let folder: string;
let node: NodeProcess;
let bystander: RawClient;
let appended = 0;

beforeAll(async () => {
  folder = temporaryFolder();
  node = await NodeProcess.start({ folder });
  ({ client: bystander } = await RawClient.greeted(node.url));
});

/** After every test somebody else, connected all the time, appends and is answered. */
afterEach(async () => {
  bystander.send(appendFrame({ requestId: 1, stream: 'bystander', events: [randomEvent(100)] }));
  const answer = await bystander.next();
  expect(answer?.opcode).toBe(OPCODE.appended);
  expect(answer?.view.getUint32(answer.at + 12, true)).toBe(appended++);
});

afterAll(async () => {
  await endAllNodes();
  removeFolder(folder);
});

const HELLO = helloFrame();
const LOCAL = { consistency: 'local', atLeast: 0 } as const;

/** A copy with some bytes replaced. */
function bent(frame: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(bytes, at);
  return copy;
}

/** A frame of header and body with the length that it has. */
function frame(opcode: number, requestId: number, body: readonly number[] = []): Uint8Array {
  const bytes = Uint8Array.of(0, 0, 0, 0, opcode, 0, 0, 0, 0, 0, 0, 0, ...body);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(8, requestId, true);
  return bytes;
}

const EVENT = randomEvent(10);
const APPEND = appendFrame({ requestId: 5, stream: 'stream', events: [EVENT] });
const READ = readAllFrame(5);
const EVENTS_AT = APPEND_PREFIX_BYTES + 'stream'.length;
const TYPE_AT = EVENTS_AT + EVENT_PREFIX_BYTES;

const BEFORE_HELLO: readonly [string, Uint8Array][] = [
  ['an append before the Hello', APPEND],
  ['a read before the Hello', READ],
  ['a Welcome', frame(OPCODE.welcome, 0)],
  ['another magic number', bent(HELLO, 12, 0x47, 0x45, 0x54, 0x20)],
  ['a Hello with a request id', bent(HELLO, 8, 1)],
  ['a Hello with flags', bent(HELLO, 5, 1)],
  ['a Hello without its end', frame(OPCODE.hello, 0, [0x43, 0x49, 0x52, 0x4e, 1])],
  ['a Hello whose name runs over its end', bent(HELLO, 20, 0xff, 0xff)],
  ['a Hello whose name is not UTF-8', bent(HELLO, 22, 0xff)],
  ['a Hello with a range of versions that is empty', bent(HELLO, 16, 2, 0, 1, 0)],
  ['a Hello with a name of 300 bytes', helloFrame({ clientName: 'n'.repeat(300) })],
  ['an empty message', new Uint8Array(0)],
  ['half a header', HELLO.subarray(0, 7)],
];

test.each(BEFORE_HELLO)(
  'instead of a Hello, %s: protocol-error, and the connection is closed',
  async (_name, bytes) => {
    const client = await RawClient.open(node.url);
    client.send(bytes);
    expect(await client.nextError()).toMatchObject({ code: 'protocol-error', requestId: 0 });
    expect(await client.closed).toEqual({ code: 1002, reason: 'protocol-error' });
  },
);

test('a text message: protocol-error', async () => {
  const client = await RawClient.open(node.url);
  client.socket.send('hello');
  expect(await client.nextError()).toMatchObject({ code: 'protocol-error', requestId: 0 });
  expect(await client.closed).toEqual({ code: 1002, reason: 'protocol-error' });
});

test('a version that this server does not speak: version-mismatch, naming both', async () => {
  const client = await RawClient.open(node.url);
  client.send(helloFrame({ lowestVersion: 7, highestVersion: 9 }));
  const error = await client.nextError();
  expect(error).toMatchObject({ code: 'version-mismatch', requestId: 0 });
  expect(error.message).toMatch(/version 1\b.*7 to 9/);
  expect(await client.closed).toEqual({ code: 1002, reason: 'version-mismatch' });
});

test('more than a Hello needs, and no Hello: protocol-error before the message is whole', async () => {
  const client = await RawClient.open(node.url);
  // ws would gather up to a megabyte of it before anyone saw a byte.
  client.socket.send(new Uint8Array(70_000), { fin: false });
  expect(await client.nextError()).toMatchObject({ code: 'protocol-error', requestId: 0 });
  client.socket.terminate();
});

const BREAKS_PROTOCOL: readonly [string, Uint8Array][] = [
  ['an empty message', new Uint8Array(0)],
  ['a second Hello', HELLO],
  ['an opcode that nobody knows', frame(0x42, 5)],
  ['an opcode of the server', frame(OPCODE.appended, 5, new Array(16).fill(0))],
  ['an Error', frame(OPCODE.error, 5, [1, 0, 0, 0, 0x7b, 0x7d])],
  ['a length below that of a header', bent(APPEND, 0, 11, 0, 0, 0)],
  ['a length of 0', bent(APPEND, 0, 0, 0, 0, 0)],
  ['a length beyond the message', bent(APPEND, 0, APPEND.length + 1)],
  ['a length of 4 GiB', bent(APPEND, 0, 0xff, 0xff, 0xff, 0xff)],
  ['a byte behind the last frame', joined([APPEND, Uint8Array.of(0)])],
  ['byte 6 not zero', bent(APPEND, 6, 1)],
  ['byte 7 not zero', bent(APPEND, 7, 1)],
  ['a request id of 0', bent(APPEND, 8, 0)],
  ['a Credit without a number', frame(OPCODE.credit, 5)],
  ['a Cancel with a body', frame(OPCODE.cancel, 5, [0])],
  ['two reads of one id at a time', joined([readAllFrame(5, { windowBytes: 0 }), readAllFrame(5)])],
];

test.each(BREAKS_PROTOCOL)('%s: protocol-error, and the connection is closed', async (_name, bytes) => {
  const { client } = await RawClient.greeted(node.url);
  client.send(bytes);
  for (;;) {
    // Requests in front of the fault, in the same message, are answered.
    const answer = await client.next();
    if (answer?.opcode !== OPCODE.error || answer.requestId !== 0) {
      expect(answer?.opcode).toBeOneOf([OPCODE.appended, OPCODE.error]);
      continue;
    }
    break;
  }
  expect(await client.closed).toEqual({ code: 1002, reason: 'protocol-error' });
});

test('requests in front of what breaks the protocol take effect', async () => {
  const { client } = await RawClient.greeted(node.url);
  const stream = 'in-front';
  client.send(appendFrame({ requestId: 1, stream, events: [randomEvent(1)] }), frame(0x42, 2));
  expect(await client.closed).toMatchObject({ code: 1002 });
  const { client: next } = await RawClient.greeted(node.url);
  // The append is on its way to the disk when its connection is gone.
  await until(10_000, 'the append is committed', async () => {
    next.send(written((writer) => encodeStreamInfo(writer, 1, { ...LOCAL, stream })));
    const answer = decodeStreamInfoReply((await next.next())!);
    return answer.kind === 'ok' && answer.frame.revision === 0;
  });
  await next.close();
});

test('a message beyond the limit that Welcome names: closed with 1009', async () => {
  const { client, welcome } = await RawClient.greeted(node.url);
  client.socket.send(new Uint8Array(welcome.messageBytesMax + 1));
  expect(await client.closed).toMatchObject({ code: 1009 });
});

const HUGE = [0xff, 0xff, 0xff, 0x7f];

const INVALID: readonly [string, Uint8Array][] = [
  ['an append without a stream', bent(APPEND, 20, 0, 0)],
  ['a stream name that runs over the end', bent(APPEND, 20, 0xff, 0x03)],
  [
    'a stream name of more than 1024 bytes',
    appendFrame({ requestId: 5, stream: 'x'.repeat(1025), events: [EVENT] }),
  ],
  ['a stream name that is not UTF-8', bent(APPEND, APPEND_PREFIX_BYTES, 0xc0, 0x80)],
  ['an append of no events', bent(APPEND, 22, 0, 0)],
  ['a count of 65,535 events, and one event', bent(APPEND, 22, 0xff, 0xff)],
  [
    'a count of one event, and two',
    bent(appendFrame({ requestId: 5, stream: 's', events: [EVENT, EVENT] }), 22, 1),
  ],
  ['an expected revision of −3', bent(APPEND, 12, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ['an expected revision beyond 2^53', bent(APPEND, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['an append with unknown flags', bent(APPEND, 5, 16)],
  ['an append of a header only', frame(OPCODE.append, 5)],
  ['an append cut in its prefix', frame(OPCODE.append, 5, [0, 0, 0])],
  ['an event without a type', bent(APPEND, EVENTS_AT + 16, 0, 0)],
  ['an event with unknown flags', bent(APPEND, EVENTS_AT + 18, 2)],
  ['an event type that is not UTF-8', bent(APPEND, TYPE_AT, 0xff)],
  ['metadata of 2 GiB', bent(APPEND, EVENTS_AT + 20, ...HUGE)],
  ['data of 2 GiB', bent(APPEND, EVENTS_AT + 24, ...HUGE)],
  ['data and metadata that add up to 2^32', bent(APPEND, EVENTS_AT + 20, ...HUGE, ...HUGE)],
  ['a read with unknown flags', bent(READ, 5, 6)],
  ['a read of no events', readAllFrame(5, { count: 0 })],
  ['a read forwards from the end of all', bent(READ, 12, ...new Array(8).fill(0xff))],
  ['a read from beyond 2^53', bent(READ, 12, 0, 0, 0, 0, 0, 0, 0x40, 0)],
  ['a read with a byte too many', frame(OPCODE.readAll, 5, new Array(29).fill(1))],
  ['a read of a stream without a name', frame(OPCODE.readStream, 5, new Array(30).fill(0))],
  ['a read of a stream whose name runs over the end', bent(readStreamFrame(5, { stream: 's' }), 40, 2, 0)],
  ['a question about a stream without a name', frame(OPCODE.streamInfo, 5, new Array(10).fill(0))],
  [
    'a question about a stream whose name is not UTF-8',
    frame(OPCODE.streamInfo, 5, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff]),
  ],
];

test.each(INVALID)('%s: invalid-request, and the connection goes on', async (_name, bytes) => {
  const { client } = await RawClient.greeted(node.url);
  client.send(bytes, appendFrame({ requestId: 6, stream: 'goes-on', events: [randomEvent(1)] }));
  expect(await client.nextError()).toMatchObject({ code: 'invalid-request', requestId: 5 });
  expect(await client.next()).toMatchObject({ opcode: OPCODE.appended, requestId: 6 });
  await client.close();
});

test('an event, or an append, beyond the limits that Welcome names: request-too-large, with the limit', async () => {
  const { client, welcome } = await RawClient.greeted(node.url);
  const { eventBytesMax, appendBytesMax } = welcome;
  client.send(appendFrame({ requestId: 5, stream: 's', events: [randomEvent(eventBytesMax)] }));
  expect(await client.nextError()).toMatchObject({
    code: 'request-too-large',
    requestId: 5,
    details: { limit: eventBytesMax },
  });
  const many = Array.from({ length: 5 }, () => randomEvent(appendBytesMax / 5));
  client.send(appendFrame({ requestId: 6, stream: 's', events: many }));
  expect(await client.nextError()).toMatchObject({
    code: 'request-too-large',
    requestId: 6,
    details: { limit: appendBytesMax },
  });
  await client.close();
});

test('an event as large as Welcome allows is taken', async () => {
  const { client, welcome } = await RawClient.greeted(node.url);
  const event = randomEvent(welcome.eventBytesMax - 'random'.length);
  client.send(appendFrame({ requestId: 5, stream: 's', events: [event] }));
  expect(await client.next()).toMatchObject({ opcode: OPCODE.appended });
  await client.close();
});

test('two events of one append with the same id: event-id-conflict', async () => {
  const { client } = await RawClient.greeted(node.url);
  client.send(appendFrame({ requestId: 5, stream: 's', events: [EVENT, EVENT] }));
  expect(await client.nextError()).toMatchObject({ code: 'event-id-conflict', requestId: 5 });
  await client.close();
});

test('Credit and Cancel for reads that are not open are for nobody', async () => {
  const { client } = await RawClient.greeted(node.url);
  client.send(
    written((writer) => encodeCredit(writer, 77, 1)),
    written((writer) => encodeCancel(writer, 78)),
    APPEND,
  );
  expect(await client.next()).toMatchObject({ requestId: 5 });
  await client.close();
});

/** A connection that is made anew whenever the server closes it. */
class Victim {
  #client: RawClient | undefined;
  connections = 0;

  /** Sends the message, then asks something; resolves to how the server took it. */
  async provoke(message: Uint8Array): Promise<'closed' | 'answered'> {
    if (this.#client === undefined || this.#client.isClosed) {
      this.#client = (await RawClient.greeted(node.url)).client;
      this.connections++;
    }
    const client = this.#client;
    client.send(message);
    client.send(written((writer) => encodeStreamInfo(writer, PROBE_ID, { ...LOCAL, stream: 'probe' })));
    for (;;) {
      const answer = await client.next();
      if (answer === undefined) break;
      if (answer.requestId === PROBE_ID && answer.opcode === OPCODE.streamInfoReply) return 'answered';
    }
    expect((await client.closed).code).toBe(1002);
    return 'closed';
  }

  async close(): Promise<void> {
    if (this.#client?.isClosed === false) await this.#client.close();
  }
}

const PROBE_ID = 0xfeed_beef;

test('random bytes end the connection, or are answered, and never harm the node', async () => {
  const victim = new Victim();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      await victim.provoke(bytes);
    }),
    { numRuns: 150 },
  );
  await victim.close();
});

const VALID_FRAMES = [
  APPEND,
  appendFrame({ requestId: 9, stream: 'x', expected: -1, events: [randomEvent(0), randomEvent(50)] }),
  READ,
  readAllFrame(11, { isBackwards: true, from: Number.POSITIVE_INFINITY, count: 3 }),
  readStreamFrame(12, { stream: 'bystander', count: 2 }),
  written((writer) => encodeCredit(writer, 5, 1000)),
  written((writer) => encodeCancel(writer, 5)),
  written((writer) => encodeGossip(writer, 14)),
  written((writer) => encodeStreamInfo(writer, 13, { ...LOCAL, stream: 'bystander' })),
];

test('good frames with some bytes changed end the connection, or are answered, and never harm the node', async () => {
  const victim = new Victim();
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  const frames = fc.array(fc.constantFrom(...VALID_FRAMES), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(frames, fc.array(change, { maxLength: 4 }), async (chosen, changes) => {
      const bytes = Uint8Array.from(joined(chosen));
      for (const { at, byte } of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
      await victim.provoke(bytes);
    }),
    { numRuns: 300 },
  );
  expect(victim.connections).toBeGreaterThan(1);
  await victim.close();
});
