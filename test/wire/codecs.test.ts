import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkGossip,
  decodeAppended,
  decodeError,
  decodeGossipReply,
  decodeStreamInfo,
  decodeStreamInfoReply,
  encodeError,
  encodeStreamInfo,
  encodeStreamInfoReply,
} from '../../src/wire/answer-frames.js';
import type { OpenFrame } from '../../src/wire/frame-reader.js';
import { READ_CONSISTENCIES } from '../../src/wire/frames.js';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from '../../src/wire/hello-frames.js';
import { FILTER_RULES_MAX, RULE_PATTERNS_MAX } from '../../src/wire/read-filter.js';
import {
  checkCancel,
  decodeCredit,
  decodeEventsPrefix,
  decodeReadAll,
  decodeReadStream,
  encodeReadAll,
  encodeReadStream,
} from '../../src/wire/read-frames.js';
import { countEvents, isEventRecord, recordStride } from '../../src/wire/record-view.js';
import { openFrame, readGolden, written } from './golden-frames.js';

const END = Number.POSITIVE_INFINITY;
const u32 = fc.nat(0xffffffff);
const u64 = fc.maxSafeNat();
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const consistency = fc.constantFrom(...READ_CONSISTENCIES);
const requestId = fc.integer({ min: 1, max: 0xffffffff });

test('Hello and Welcome come back as they were', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), text, (version, clientName) => {
      const hello = { lowestVersion: version, highestVersion: 0xffff, clientName };
      expect(decodeHello(openFrame(written((writer) => encodeHello(writer, hello))))).toEqual({
        kind: 'ok',
        frame: hello,
      });
    }),
  );
  const welcome = fc.record({
    version: fc.nat(0xffff),
    messageBytesMax: u32,
    appendBytesMax: u32,
    eventBytesMax: u32,
    inFlightAppendsMax: u32,
    openReadsMax: u32,
    logId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    serverVersion: text,
  });
  fc.assert(
    fc.property(welcome, (frame) => {
      expect(decodeWelcome(openFrame(written((writer) => encodeWelcome(writer, frame))))).toEqual({
        kind: 'ok',
        frame,
      });
    }),
  );
});

test('reads come back as they were', () => {
  const read = fc.oneof(
    fc.record({ from: u64, isBackwards: fc.boolean() }),
    fc.constant({ from: END, isBackwards: true }),
  );
  const count = fc.oneof(fc.constant(END), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
  fc.assert(
    fc.property(
      read,
      count,
      u32,
      name,
      requestId,
      consistency,
      u64,
      (range, most, windowBytes, stream, id, fresh, atLeast) => {
        const all = { ...range, count: most, windowBytes, consistency: fresh, atLeast };
        const allBytes = written((writer) => encodeReadAll(writer, id, all));
        expect(decodeReadAll(openFrame(allBytes))).toEqual({ kind: 'ok', frame: all });
        const streamBytes = written((writer) => encodeReadStream(writer, id, { ...all, stream }));
        expect(decodeReadStream(openFrame(streamBytes))).toEqual({ kind: 'ok', frame: { ...all, stream } });
      },
    ),
  );
});

test('subscriptions and filters come back as they were', () => {
  const place = fc.oneof(
    fc.record({ from: u64, isLive: fc.constant(true) }),
    fc.record({ from: u64, isLive: fc.constant(true), isAfter: fc.constant(true) }),
    fc.constant({ from: END, isLive: true }),
  );
  const field = fc.constantFrom('stream' as const, 'type' as const);
  const rule = fc.oneof(
    fc.record({
      field,
      kind: fc.constant('prefix' as const),
      patterns: fc.array(name, { minLength: 1, maxLength: RULE_PATTERNS_MAX }),
    }),
    fc.record({ field, kind: fc.constant('regex' as const), patterns: fc.tuple(name) }),
  );
  const filter = fc.array(rule, { minLength: 1, maxLength: FILTER_RULES_MAX });
  fc.assert(
    fc.property(place, filter, requestId, consistency, u64, (range, rules, id, fresh, atLeast) => {
      const common = { count: END, isBackwards: false, windowBytes: 1, consistency: fresh, atLeast };
      const all = { ...range, ...common, filter: rules };
      const bytes = written((writer) => encodeReadAll(writer, id, all));
      expect(decodeReadAll(openFrame(bytes))).toEqual({ kind: 'ok', frame: all });
    }),
  );
});

test('answers come back as they were', () => {
  fc.assert(
    fc.property(
      requestId,
      u64,
      u64,
      fc.boolean(),
      name,
      consistency,
      (id, revision, position, duplicate, stream, fresh) => {
        const appended = written((writer) => writer.appended(id, duplicate ? 1 : 0, revision, position));
        expect(decodeAppended(openFrame(appended))).toEqual({
          kind: 'ok',
          frame: { revision, position, duplicate },
        });
        const question = { stream, consistency: fresh, atLeast: position };
        const info = written((writer) => encodeStreamInfo(writer, id, question));
        expect(decodeStreamInfo(openFrame(info))).toEqual({ kind: 'ok', frame: question });
        const reply = written((writer) => encodeStreamInfoReply(writer, id, { revision, position }));
        expect(decodeStreamInfoReply(openFrame(reply))).toEqual({
          kind: 'ok',
          frame: { revision, position },
        });
      },
    ),
  );
  fc.assert(
    fc.property(text, fc.dictionary(name, fc.oneof(text, fc.integer())), (message, details) => {
      const error = { code: 'disk-full' as const, message, details };
      const bytes = written((writer) => encodeError(writer, 1, error));
      expect(decodeError(openFrame(bytes))).toEqual({ kind: 'ok', frame: { number: 8, ...error } });
    }),
  );
});

test.each([
  ['a read of no events', 'read-stream', 20, [0, 0, 0, 0, 0, 0, 0, 0], decodeReadStream],
  ['a read from beyond 2^53', 'read-stream', 12, [0, 0, 0, 0, 0, 0, 32, 0], decodeReadStream],
  ['forwards from the end', 'read-all', 12, [255, 255, 255, 255, 255, 255, 255, 255], decodeReadAll],
  ['a stream name that is not UTF-8', 'stream-info', 22, [0xff], decodeStreamInfo],
  ['a consistency that nobody knows', 'read-all', 5, [6], decodeReadAll],
  ['a question of a consistency that nobody knows', 'stream-info', 5, [6], decodeStreamInfo],
  ['a question backwards', 'stream-info', 5, [1], decodeStreamInfo],
  ['a read of a log that has no end', 'read-all', 32, new Array(8).fill(255), decodeReadAll],
  ['a GossipReply that is no object', 'gossip-reply', 12, [0x5b], decodeGossipReply],
  ['another magic', 'hello', 12, [0], decodeHello],
  ['an empty range of versions', 'hello', 16, [2], decodeHello],
  ['a request id in a Hello', 'hello', 8, [1], decodeHello],
  [
    'an Appended without a revision',
    'appended',
    12,
    [255, 255, 255, 255, 255, 255, 255, 255],
    decodeAppended,
  ],
  ['revision −2', 'stream-info-reply-none', 12, [0xfe], decodeStreamInfoReply],
  ['an Error that is not JSON', 'error', 16, [0x5b], decodeError],
  ['cancelled, yet not last', 'events-cancelled', 5, [2], decodeEventsPrefix],
  ['cancelled, and caught up', 'events-cancelled', 5, [7], decodeEventsPrefix],
  ['a subscription backwards', 'subscribe-stream', 5, [9], decodeReadStream],
  ['a read after the end', 'subscribe-stream', 5, [24], decodeReadStream],
  ['a stream with a filter', 'subscribe-stream', 5, [40], decodeReadStream],
  ['a read backwards after an event', 'read-all', 5, [17], decodeReadAll],
  ['a filter that is said and not there', 'read-all', 5, [32], decodeReadAll],
  ['a filter of no rules', 'subscribe-all-filtered', 40, [0], decodeReadAll],
  ['a filter of too many rules', 'subscribe-all-filtered', 40, [5], decodeReadAll],
  ['a rule about what nobody knows', 'subscribe-all-filtered', 42, [3], decodeReadAll],
  ['a kind of pattern that nobody knows', 'subscribe-all-filtered', 43, [0], decodeReadAll],
  ['two regular expressions in one rule', 'subscribe-all-filtered', 43, [2], decodeReadAll],
  ['a rule without patterns', 'subscribe-all-filtered', 44, [0], decodeReadAll],
  ['a pattern that is not UTF-8', 'subscribe-all-filtered', 48, [0xff], decodeReadAll],
  ['a pattern beyond the end', 'subscribe-all-filtered', 46, [0, 2], decodeReadAll],
])('refused: %s', (_, file, at, bytes, decode: (frame: OpenFrame) => { kind: string }) => {
  const frame = readGolden(file);
  frame.set(bytes, at);
  expect(decode(openFrame(frame)).kind).toBe('invalid');
});

test.each(['{}', '[]', 'null', '{"message":1,"details":{}}', '{"message":""}'])(
  'refused: an Error that says %s',
  (body) => {
    const frame = written((writer) => {
      writer.begin(0xff, 0, 1);
      writer.u32(1);
      writer.utf8(body);
      writer.end();
    });
    expect(decodeError(openFrame(frame)).kind).toBe('invalid');
  },
);

test('an error number of a later version is handed on', () => {
  const frame = readGolden('error');
  new DataView(frame.buffer).setUint16(12, 9999, true);
  expect(decodeError(openFrame(frame))).toMatchObject({
    kind: 'ok',
    frame: { number: 9999, code: undefined },
  });
});

test('no decoder throws, or reads out of bounds, on any bytes', () => {
  const decoders: ((frame: OpenFrame) => unknown)[] = [
    decodeHello,
    decodeWelcome,
    decodeReadStream,
    decodeReadAll,
    decodeCredit,
    checkCancel,
    decodeEventsPrefix,
    decodeAppended,
    decodeStreamInfo,
    decodeStreamInfoReply,
    checkGossip,
    decodeGossipReply,
    decodeError,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(63), u32, (body, flags, id) => {
      const frame = written((writer) => {
        writer.begin(0xff, flags, id);
        writer.bytes(body);
        writer.end();
      });
      for (const decode of decoders) decode(openFrame(frame));
    }),
  );
});

test('records are counted only if they are whole, and then none reaches out of the range', () => {
  const records = readGolden('events').slice(32);
  const check = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let left = countEvents(view, 0, bytes.length);
    if (left < 0) return false;
    let at = 0;
    for (; at < bytes.length; at += recordStride(view, at)) if (isEventRecord(view, at)) left--;
    expect(at).toBe(bytes.length);
    expect(left).toBe(0);
    return true;
  };
  expect(check(records)).toBe(true);
  expect(check(new Uint8Array(0))).toBe(true);
  for (let length = 1; length < records.length; length++) {
    expect(check(records.slice(0, length))).toBe(length === 136);
  }
  fc.assert(
    fc.property(fc.nat(records.length - 1), fc.nat(255), (at, byte) => {
      const damaged = records.slice();
      damaged[at] = byte;
      check(damaged);
    }),
  );
});
