import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/cluster/message-codec.js';
import { KIND_NUMBER, MESSAGE_BYTES_MAX, RANGE_BYTES_MAX } from '../../src/cluster/message-kinds.js';
import type { Message } from '../../src/cluster/messages.js';
import { anyMessage, anyMessageOf, MESSAGE_KINDS } from './arbitrary-messages.js';
import { idOf } from './ids.js';

const RUNS = { numRuns: 60 };

const envelope = {
  clusterId: idOf(0xa),
  from: idOf(1),
  fromName: 'node-1:2113',
  start: 3,
  nonce: 7,
  to: idOf(2),
};

function rangeOf(bytes: Uint8Array): Message {
  return { ...envelope, kind: 'range', epoch: 1, attempt: 1, position: 64, commit: 0, bytes };
}

describe.each(MESSAGE_KINDS)('%s', (kind) => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyMessageOf(kind), (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
      RUNS,
    );
  });

  test('is not accepted cut short or with bytes behind it', () => {
    fc.assert(
      fc.property(anyMessageOf(kind), fc.uint8Array({ minLength: 1, maxLength: 9 }), (message, garbage) => {
        const bytes = encodeMessage(message);
        // The bytes of a range are what is left of the message: it may end at each word of them.
        const wordsAt = message.kind === 'range' ? bytes.length - message.bytes.length : bytes.length;
        for (let length = 0; length < bytes.length; length++) {
          if (length >= wordsAt && (length - wordsAt) % 8 === 0) continue;
          expect(decodeMessage(bytes.subarray(0, length)).kind).toBe('invalid');
        }
        if (kind === 'range' && garbage.length % 8 === 0) return;
        expect(decodeMessage(Buffer.concat([bytes, garbage])).kind).toBe('invalid');
      }),
      { numRuns: 15 },
    );
  });
});

test('bytes that nobody has made are no message, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeMessage(bytes).kind).toBe('invalid');
    }),
  );
});

test('whatever is flipped in a message, what is still accepted is a message that says the same when encoded again', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyMessage, flips, (message, changes) => {
      const bytes = encodeMessage(message).slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const decoded = decodeMessage(bytes);
      if (decoded.kind === 'invalid') return;
      expect(Buffer.compare(encodeMessage(decoded), bytes)).toBe(0);
    }),
    { numRuns: 2000 },
  );
});

test('a decoder does not remember what it was given before', () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 8 }), (messages) => {
      const encoded = messages.map(encodeMessage);
      decodeMessage(new Uint8Array(20));
      expect(encoded.map((bytes) => decodeMessage(bytes))).toEqual(messages);
    }),
    RUNS,
  );
});

test("a range's bytes are a view into the message, also in shared memory", () => {
  const bytes = encodeMessage(rangeOf(new Uint8Array(64).fill(9)));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const decoded = decodeMessage(shared);
  expect(decoded).toMatchObject({ kind: 'range', fromName: 'node-1:2113', position: 64 });
  if (decoded.kind !== 'range') return;
  expect(decoded.bytes.buffer).toBe(shared.buffer);
  expect([...decoded.bytes]).toEqual(new Array(64).fill(9));
});

test('the longest range fits, and what is longer is refused on both sides', () => {
  const bytes = encodeMessage(rangeOf(new Uint8Array(RANGE_BYTES_MAX)));
  expect(bytes.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
  expect(decodeMessage(bytes).kind).toBe('range');
  const longer = new Uint8Array(bytes.length + 8);
  longer.set(bytes);
  expect(decodeMessage(longer)).toEqual({
    kind: 'invalid',
    reason: `range: ${RANGE_BYTES_MAX + 8} bytes, more than ${RANGE_BYTES_MAX}`,
  });
  expect(() => encodeMessage(rangeOf(new Uint8Array(RANGE_BYTES_MAX + 8)))).toThrow('a range is at most');
});

test.each<[string, Partial<Message> & object]>([
  ['a sender without an id', { from: '' }],
  ['a sender without a name', { fromName: '' }],
  ['an id that is none', { to: 'node-2' }],
  ['an id in capitals', { to: idOf(0xab).toUpperCase() }],
  ['a name that is too long', { fromName: 'x'.repeat(265) }],
  ['a name of half a character', { fromName: '\ud800' }],
  ['half a start', { start: 1.5 }],
  ['a start beyond 2^53', { start: 2 ** 53 }],
  ['a position between words', { durable: 12 } as object],
  ['a position before the log', { durable: -8 } as object],
  ['epoch 0', { epoch: 0 } as object],
  ['an epoch beyond 2^32', { epoch: 2 ** 32 } as object],
])('%s dies at its sender', (_, fault) => {
  const ack = { ...envelope, kind: 'ack', epoch: 1, attempt: 1, durable: 8 };
  expect(() => encodeMessage({ ...ack, ...fault } as Message)).toThrow();
});

test.each<[string, number, number]>([
  ['version', 0, 2],
  ['kind', 1, 255],
  ['flags', 2, 1],
])('another %s is no message', (_, at, value) => {
  const bytes = encodeMessage({ ...envelope, kind: 'accept', epoch: 1 }).slice();
  bytes[at] = value;
  expect(decodeMessage(bytes).kind).toBe('invalid');
});

test('a name that is not UTF-8 is refused, also where it looks like one that is known', () => {
  const bytes = encodeMessage({ ...envelope, kind: 'accept', epoch: 1, fromName: 'ü' }).slice();
  const at = Buffer.from(bytes).indexOf(Buffer.from('ü'));
  bytes[at + 1] = 0x28;
  expect(decodeMessage(bytes)).toEqual({ kind: 'invalid', reason: 'accept: a text that is not UTF-8' });
});

test('no two kinds share a number', () => {
  const numbers = Object.values(KIND_NUMBER);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(Object.keys(KIND_NUMBER).sort()).toEqual([...MESSAGE_KINDS].sort());
});
