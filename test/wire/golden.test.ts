import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type Appended,
  checkGossip,
  decodeAppended,
  decodeError,
  decodeGossipReply,
  decodeStreamInfo,
  decodeStreamInfoReply,
  type ErrorContent,
  encodeAppendedParts,
  encodeError,
  encodeGossip,
  encodeGossipReply,
  encodeStreamInfo,
  encodeStreamInfoReply,
} from '../../src/wire/answer-frames.js';
import type { Decoded } from '../../src/wire/fields.js';
import type { OpenFrame } from '../../src/wire/frame-reader.js';
import type { FrameWriter } from '../../src/wire/frame-writer.js';
import { EVENTS_PREFIX_BYTES } from '../../src/wire/frames.js';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from '../../src/wire/hello-frames.js';
import {
  checkCancel,
  decodeCredit,
  decodeEventsPrefix,
  decodeReadAll,
  decodeReadStream,
  encodeCancel,
  encodeCredit,
  encodeEmptyEvents,
  encodeReadAll,
  encodeReadStream,
  fillEventsPrefix,
} from '../../src/wire/read-frames.js';
import { countEvents } from '../../src/wire/record-view.js';
import { openFrame, readGolden, written } from './golden-frames.js';

const END = Number.POSITIVE_INFINITY;
const BIG = 2 ** 40 + 8;

interface Golden<T> {
  readonly name: string;
  readonly requestId: number;
  readonly frame: T;
  readonly encode: (writer: FrameWriter, requestId: number, frame: T) => void;
  readonly decode: (frame: OpenFrame) => Decoded<T>;
}

/** Lets the table below hold frames of different types. */
function golden<T>(entry: Golden<T>): Golden<unknown> {
  return entry as unknown as Golden<unknown>;
}

const hello = { lowestVersion: 1, highestVersion: 1, clientName: 'golden-test' };
const welcome = {
  version: 1,
  messageBytesMax: 33_558_528,
  appendBytesMax: 33_554_432,
  eventBytesMax: 16_777_216,
  inFlightAppendsMax: 4096,
  openReadsMax: 64,
  logId: new Uint8Array(Buffer.from('018f4e5c00007000800000000000a001', 'hex')),
  serverVersion: '0.1.0',
};
const stream = 'orders-1';
const revisionExpected = {
  code: 'wrong-expected-revision' as const,
  message: 'expected revision 4, found 5',
  details: { stream, expected: 4, current: 5 },
};
const late = { code: 'protocol-error' as const, message: 'no Hello within 5 s', details: {} };
const notLeader = {
  code: 'not-leader' as const,
  message: 'node-2 leads',
  details: { leader: '10.0.0.2:2113', url: 'ws://10.0.0.2:2113/client' },
};
const appended = { revision: 2 ** 33 + 3, position: BIG, duplicate: false };

const FRAMES = [
  golden({
    name: 'hello',
    requestId: 0,
    frame: hello,
    encode: (w, _, f) => encodeHello(w, f),
    decode: decodeHello,
  }),
  golden({
    name: 'welcome',
    requestId: 0,
    frame: welcome,
    encode: (w, _, f) => encodeWelcome(w, f),
    decode: decodeWelcome,
  }),
  ...[
    { name: 'appended', requestId: 7, frame: appended },
    { name: 'appended-duplicate', requestId: 8, frame: { revision: 0, position: 64, duplicate: true } },
  ].map((entry) =>
    golden({
      ...entry,
      encode: (w, id, f) => w.appended(id, f.duplicate ? 1 : 0, f.revision, f.position),
      decode: decodeAppended,
    }),
  ),
  golden<Appended>({
    name: 'appended-parts',
    requestId: 7,
    frame: { revision: 1, position: BIG, duplicate: false, revisions: [2 ** 33 + 3, 1] },
    encode: (w, id, f) => encodeAppendedParts(w, id, { ...f, revisions: f.revisions! }),
    decode: decodeAppended,
  }),
  ...[
    {
      name: 'read-stream',
      requestId: 9,
      frame: {
        from: 5,
        count: 100,
        isBackwards: false,
        windowBytes: 4_194_304,
        consistency: 'local' as const,
        atLeast: 0,
        stream,
      },
    },
    {
      name: 'read-stream-backwards',
      requestId: 10,
      frame: {
        from: END,
        count: END,
        isBackwards: true,
        windowBytes: 65_536,
        consistency: 'leader' as const,
        atLeast: 0,
        stream,
      },
    },
    {
      name: 'subscribe-stream',
      requestId: 18,
      frame: {
        from: END,
        count: END,
        isBackwards: false,
        windowBytes: 4_194_304,
        consistency: 'local' as const,
        atLeast: 0,
        isLive: true,
        stream,
      },
    },
  ].map((entry) => golden({ ...entry, encode: encodeReadStream, decode: decodeReadStream })),
  ...[
    {
      name: 'read-all',
      requestId: 11,
      frame: {
        from: BIG,
        count: END,
        isBackwards: false,
        windowBytes: 4_194_304,
        consistency: 'local' as const,
        atLeast: BIG + 120,
      },
    },
    {
      name: 'read-all-backwards',
      requestId: 12,
      frame: {
        from: END,
        count: 1,
        isBackwards: true,
        windowBytes: 0,
        consistency: 'linearizable' as const,
        atLeast: 0,
      },
    },
    {
      name: 'subscribe-all-filtered',
      requestId: 17,
      frame: {
        from: BIG,
        count: END,
        isBackwards: false,
        windowBytes: 4_194_304,
        consistency: 'local' as const,
        atLeast: BIG + 1,
        isLive: true,
        isAfter: true,
        filter: [
          { field: 'stream', kind: 'prefix', patterns: ['order-', 'é'] },
          { field: 'type', kind: 'regex', patterns: ['Placed$'] },
        ] as const,
      },
    },
  ].map((entry) => golden({ ...entry, encode: encodeReadAll, decode: decodeReadAll })),
  golden({
    name: 'credit',
    requestId: 11,
    frame: { bytes: 1_048_576 },
    encode: (w, id, f) => encodeCredit(w, id, f.bytes),
    decode: decodeCredit,
  }),
  golden({
    name: 'cancel',
    requestId: 11,
    frame: {},
    encode: (w, id) => encodeCancel(w, id),
    decode: (frame) => checkCancel(frame) ?? { kind: 'ok', frame: {} },
  }),
  ...[
    {
      name: 'stream-info',
      requestId: 13,
      frame: { stream, consistency: 'local' as const, atLeast: BIG },
    },
    {
      name: 'stream-info-linearizable',
      requestId: 15,
      frame: { stream, consistency: 'linearizable' as const, atLeast: 0 },
    },
  ].map((entry) => golden({ ...entry, encode: encodeStreamInfo, decode: decodeStreamInfo })),
  golden({
    name: 'gossip',
    requestId: 16,
    frame: {},
    encode: (w, id) => encodeGossip(w, id),
    decode: (frame) => checkGossip(frame) ?? { kind: 'ok', frame: {} },
  }),
  golden({
    name: 'gossip-reply',
    requestId: 16,
    frame: { gossip: { members: [{ state: 'Leader', isAlive: true }], serverPort: 2113 } },
    encode: (w, id, f) => encodeGossipReply(w, id, f.gossip),
    decode: decodeGossipReply,
  }),
  ...[
    { name: 'stream-info-reply', requestId: 13, frame: { revision: 2 ** 33 + 3, position: BIG } },
    { name: 'stream-info-reply-none', requestId: 14, frame: { revision: -1, position: 0 } },
  ].map((entry) => golden({ ...entry, encode: encodeStreamInfoReply, decode: decodeStreamInfoReply })),
  ...[
    { name: 'error', requestId: 7, frame: { number: 1, ...revisionExpected } },
    { name: 'error-connection', requestId: 0, frame: { number: 10, ...late } },
    { name: 'error-not-leader', requestId: 9, frame: { number: 25, ...notLeader } },
  ].map((entry) =>
    golden<ErrorContent & { readonly number: number }>({
      ...entry,
      encode: (w, id, { code, message, details }) => encodeError(w, id, { code, message, details }),
      decode: (frame) => decodeError(frame) as Decoded<ErrorContent & { number: number }>,
    }),
  ),
  ...[
    {
      name: 'events-cancelled',
      requestId: 12,
      frame: { requestId: 12, flags: 3, eventCount: 0, next: END, head: 5 },
    },
    {
      name: 'events-caught-up',
      requestId: 18,
      frame: { requestId: 18, flags: 12, eventCount: 0, next: 0, head: END },
    },
  ].map((entry) =>
    golden({ ...entry, encode: (w, _, f) => encodeEmptyEvents(w, f), decode: decodeEventsPrefix }),
  ),
];

describe.each(FRAMES)('$name', ({ name, requestId, frame, encode, decode }) => {
  const bytes = readGolden(name);

  test('is written as in the golden file', () => {
    expect(written((writer) => encode(writer, requestId, frame))).toEqual(bytes);
  });

  test('is read as what was meant', () => {
    const open = openFrame(bytes);
    expect(open.requestId).toBe(requestId);
    expect(decode(open)).toEqual({ kind: 'ok', frame });
  });

  test('is refused when cut or longer, and never read out of bounds', () => {
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    for (let length = 12; length <= longer.length; length++) {
      if (length === bytes.length) continue;
      const message = longer.slice(0, length);
      new DataView(message.buffer).setUint32(0, length, true);
      if (!name.startsWith('events-') || length < bytes.length) {
        expect(decode(openFrame(message)).kind, `length ${length}`).toBe('invalid');
      }
    }
  });

  test('is refused with a flag that no version knows', () => {
    const message = bytes.slice();
    message[5]! |= 0x80;
    expect(decode(openFrame(message)).kind).toBe('invalid');
  });
});

test('an Events frame is filled in around its records, which are counted', () => {
  const bytes = readGolden('events');
  const frame = bytes.slice();
  frame.fill(0xee, 0, EVENTS_PREFIX_BYTES);
  const prefix = { requestId: 11, flags: 1, eventCount: 1, next: 2 ** 20, head: 2 ** 20 };
  fillEventsPrefix(frame, prefix);
  expect(frame).toEqual(bytes);
  const open = openFrame(bytes);
  expect(decodeEventsPrefix(open)).toEqual({ kind: 'ok', frame: prefix });
  expect(countEvents(open.view, EVENTS_PREFIX_BYTES, bytes.length - EVENTS_PREFIX_BYTES)).toBe(1);
});

const OTHERS = [
  'append',
  'append-any',
  'append-leader-only',
  'append-parts',
  'append-step',
  'append-step-commit',
  'events',
];

test('every golden file is looked at', () => {
  const names = readdirSync(new URL('../golden/wire/', import.meta.url));
  const seen = [...FRAMES.map((frame) => frame.name), ...OTHERS];
  expect(names.map((name) => name.replace('.hex', '')).sort()).toEqual(seen.sort());
});
