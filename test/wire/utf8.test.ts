import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUtf8 } from '../../src/wire/utf8.js';

function oracle(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function check(bytes: Uint8Array): void {
  expect(isUtf8(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)).toBe(
    oracle(bytes),
  );
}

test('agrees with the platform about any text and any bytes', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => check(new TextEncoder().encode(text))));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), check));
});

test('agrees with the platform about every pair of bytes, and every lead byte before any continuation', () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      check(Uint8Array.of(first, second));
      if (first >= 0xe0 && second >= 0x7f && second <= 0xc1) {
        check(Uint8Array.of(first, second, 0x80));
        check(Uint8Array.of(first, second, 0xbf, 0x80));
        check(Uint8Array.of(first, second, 0x80, 0x41));
      }
    }
  }
});
