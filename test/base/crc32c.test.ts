import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/base/crc32c.js';
import { naiveCrc } from '../log/naive-records.js';

describe('CRC-32C', () => {
  test.each([
    ['the check value of the catalogues', Buffer.from('123456789'), 0xe3069283],
    ['RFC 3720: 32 bytes of zeros', Buffer.alloc(32), 0x8a9136aa],
    ['RFC 3720: 32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['RFC 3720: ascending bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['RFC 3720: descending bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    ['nothing', Buffer.alloc(0), 0],
  ])('gives the published value: %s', (_, bytes, expected) => {
    expect(crc32c(bytes, 0, bytes.length, 0)).toBe(expected);
  });

  test('equals the bit-by-bit form at every offset and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), fc.nat(40), (bytes, before, behind) => {
        const at = Math.min(before, bytes.length);
        const length = Math.max(0, bytes.length - at - behind);
        expect(crc32c(bytes, at, length, 0)).toBe(naiveCrc(bytes.subarray(at, at + length)));
      }),
    );
  });

  test('goes on from a seed as if both parts were one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (a, b) => {
        const whole = Buffer.concat([a, b]);
        const seed = crc32c(a, 0, a.length, 0);
        expect(crc32c(b, 0, b.length, seed)).toBe(crc32c(whole, 0, whole.length, 0));
      }),
    );
  });

  test('reads shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64)).fill(7);
    expect(crc32c(shared, 1, 63, 0)).toBe(naiveCrc(Buffer.alloc(63, 7)));
  });
});
