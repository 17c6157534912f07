import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientUrl } from '../../src/client/address.js';
import { EventIds } from '../../src/client/event-ids.js';
import { NameDecoder, NameEncoder } from '../../src/client/names.js';
import { type ClientOptions, reconnectDelayMs, resolveOptions } from '../../src/client/options.js';

test.each([
  ['localhost', 'ws://localhost:2113/client'],
  ['127.0.0.1:3000', 'ws://127.0.0.1:3000/client'],
  ['[::1]:3000', 'ws://[::1]:3000/client'],
  ['[::1]', 'ws://[::1]:2113/client'],
  ['ws://127.0.0.1:2113', 'ws://127.0.0.1:2113/client'],
  ['ws://127.0.0.1:2113/', 'ws://127.0.0.1:2113/client'],
  ['http://127.0.0.1:2113', 'ws://127.0.0.1:2113/client'],
  ['https://cairn.example', 'wss://cairn.example/client'],
  ['wss://cairn.example/proxy/client?shard=2', 'wss://cairn.example/proxy/client?shard=2'],
])('the address %s means %s', (address, url) => {
  expect(clientUrl(address)).toBe(url);
});

test.each(['', 'ftp://host', 'ws://', 'host:99999', 'ws://user:secret@host', 'ws://host/#part', 'two words'])(
  'refused as an address: %j',
  (address) => {
    expect(() => clientUrl(address)).toThrowError(expect.objectContaining({ code: 'invalid-request' }));
  },
);

test.each<ClientOptions>([
  { requestTimeoutMs: 0 },
  { requestTimeoutMs: Number.NaN },
  { requestTimeoutMs: 2 ** 31 },
  { maxInFlight: 0 },
  { maxQueuedBytes: -1 },
  { readWindowBytes: 100 },
  { readWindowBytes: 2 ** 32 },
  { reconnect: { attempts: -1 } },
  { reconnect: { firstDelayMs: 1.5 } },
  { name: 'x'.repeat(257) },
])('refused as options: %j', (options) => {
  expect(() => resolveOptions(options)).toThrowError(expect.objectContaining({ code: 'invalid-request' }));
});

test('pauses between attempts grow, stay in bounds, and are half random', () => {
  const policy = { attempts: 10, firstDelayMs: 50, maxDelayMs: 5000 };
  expect([1, 2, 3, 8, 50].map((attempt) => reconnectDelayMs(policy, attempt, 0))).toEqual([
    25, 50, 100, 2500, 2500,
  ]);
  expect([1, 2, 3, 8, 50].map((attempt) => reconnectDelayMs(policy, attempt, 1))).toEqual([
    50, 100, 200, 5000, 5000,
  ]);
});

test('names come back from their bytes, also when there are more than the caches hold', () => {
  const encoder = new NameEncoder();
  const decoder = new NameDecoder();
  const check = (name: string) => {
    const bytes = encoder.encode(name, 'stream name');
    const padded = new Uint8Array(bytes.length + 3);
    padded.set(bytes, 2);
    expect(decoder.decode(padded, 2, bytes.length)).toBe(name);
  };
  for (let round = 0; round < 2; round++) for (let i = 0; i < 3000; i++) check(`stream-${i}`);
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), check));
});

test('a byte order mark is part of a name', () => {
  const bytes = new NameEncoder().encode('\ufeffname', 'stream name');
  expect(new NameDecoder().decode(bytes, 0, bytes.length)).toBe('\ufeffname');
});

test('event ids are different UUIDs of version 4', () => {
  const ids = new EventIds();
  const seen = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const at = ids.next();
    const id = new Uint8Array(ids.view.buffer, at, 16);
    expect([id[6]! >> 4, id[8]! >> 6]).toEqual([4, 2]);
    seen.add(id.join());
  }
  expect(seen.size).toBe(1000);
});
