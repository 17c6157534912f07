import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alignDown,
  alignUp,
  bytesEqual,
  formatUuid,
  isZero,
  parseUuid,
  readI64,
  readU64,
  writeI64,
  writeU64,
} from '../../src/base/bytes.js';

const BELOW_2_53 = Number.MAX_SAFE_INTEGER;

describe('64-bit integers', () => {
  test('come back as they were written, and stand as BigInt would write them', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const view = new DataView(new ArrayBuffer(16));
        writeU64(view, 3, value);
        expect(view.getBigUint64(3, true)).toBe(BigInt(value));
        expect(readU64(view, 3)).toBe(value);
      }),
    );
  });

  test('with a sign too', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const view = new DataView(new ArrayBuffer(8));
        writeI64(view, 0, value);
        expect(view.getBigInt64(0, true)).toBe(BigInt(value));
        expect(readI64(view, 0)).toBe(value);
      }),
    );
  });

  test('all ones read as 2^64', () => {
    const view = new DataView(new Uint8Array(8).fill(0xff).buffer);
    expect(readU64(view, 0)).toBe(2 ** 64);
  });
});

describe('alignment', () => {
  test.each([
    [0, 0, 0],
    [1, 0, 4096],
    [4096, 4096, 4096],
    [4097, 4096, 8192],
    [BELOW_2_53 - 4096, BELOW_2_53 - 8191, BELOW_2_53 - 4095],
  ])('of %i', (value, down, up) => {
    expect(alignDown(value, 4096)).toBe(down);
    expect(alignUp(value, 4096)).toBe(up);
  });
});

describe('runs of bytes', () => {
  test('are equal only where every byte is', () => {
    const a = Uint8Array.of(9, 1, 2, 3);
    const b = Uint8Array.of(1, 2, 3, 4);
    expect(bytesEqual(a, 1, b, 0, 3)).toBe(true);
    expect(bytesEqual(a, 0, b, 0, 3)).toBe(false);
  });

  test('are zero only where every byte is', () => {
    const bytes = Uint8Array.of(1, 0, 0, 0, 1);
    expect(isZero(bytes, 1, 3)).toBe(true);
    expect(isZero(bytes, 1, 4)).toBe(false);
    expect(isZero(bytes, 0, 0)).toBe(true);
  });
});

describe('UUIDs', () => {
  test('survive the way to text and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (id) => {
        const target = new Uint8Array(20);
        expect(parseUuid(formatUuid(id, 0), target, 4)).toBe(true);
        expect(target.subarray(4)).toEqual(id);
      }),
    );
  });

  test.each(['', 'x', '018f4e5c-0000-7000-8000-00000000a00', '018f4e5c000070008000000000000a001a'])(
    'are refused, and nothing is written: "%s"',
    (text) => {
      const target = new Uint8Array(16);
      expect(parseUuid(text, target, 0)).toBe(false);
      expect(isZero(target, 0, 16)).toBe(true);
    },
  );
});
