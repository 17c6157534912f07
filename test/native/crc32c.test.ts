/** CRC-32C: every implementation that this processor can run gives the same as the plain one, whatever the range. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/base/crc32c.js';
import type { RecordKernel } from '../../src/base/ports.js';
import { kernelsByName } from '../../src/native/platform.js';
import { isAddonSkipped, noise, requireAddon, skipNote } from './disks.js';

const bytesOf = (length: number, at: (index: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => at(index));

/** RFC 3720, appendix B.4, and the check value of the catalogues. */
const VECTORS: readonly (readonly [string, Uint8Array, number])[] = [
  ['nothing', new Uint8Array(0), 0],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending', bytesOf(32, (i) => i), 0x46dd794e],
  ['32 descending', bytesOf(32, (i) => 31 - i), 0x113fdb5c],
  ['"123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
];

test.skipIf(isAddonSkipped)(`the addon has its table, and says what is faster${skipNote}`, () => {
  const names = requireAddon().implementations();
  expect(names.at(-1)).toBe('table');
  expect(['wide', 'sse42', 'arm', 'table']).toEqual(expect.arrayContaining(names));
  expect([...kernelsByName().keys()]).toEqual([...names, 'javascript']);
});

describe.each([...kernelsByName()])('%s', (_name, kernel: RecordKernel) => {
  test.each(VECTORS)('knows the published value for %s', (_title, bytes, expected) => {
    expect(kernel.crc32c(bytes, 0, bytes.length, 0)).toBe(expected);
  });

  test('agrees for all lengths up to 600 at all alignments', () => {
    const bytes = noise(700);
    const differing: string[] = [];
    for (let at = 0; at < 16; at++) {
      for (let length = 0; length <= 600; length++) {
        const [actual, expected] = [kernel.crc32c(bytes, at, length, 0), crc32c(bytes, at, length, 0)];
        if (actual !== expected) differing.push(`${length} bytes at ${at}: ${actual}, not ${expected}`);
      }
    }
    expect(differing).toEqual([]);
  });

  test('agrees around every length at which it changes its ways, and for megabytes', () => {
    const bytes = noise((4 << 20) + 64);
    const lengths = [768, 1024, 3 * 1024, 4096, 3 * 4096, 6 * 4096, 65_536, 1 << 20, 4 << 20];
    for (const length of lengths.flatMap((middle) => [
      middle - 9,
      middle - 1,
      middle,
      middle + 1,
      middle + 9,
    ])) {
      expect(kernel.crc32c(bytes, 3, length, 0), `${length} bytes`).toBe(crc32c(bytes, 3, length, 0));
    }
  });

  test('goes on from a seed: in pieces or at once, it is the same', () => {
    const bytes = noise(20_000);
    const cut = fc.integer({ min: 0, max: bytes.length });
    fc.assert(
      fc.property(cut, cut, (one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        let crc = kernel.crc32c(bytes, 0, first, 0);
        crc = kernel.crc32c(bytes, first, second - first, crc);
        crc = kernel.crc32c(bytes, second, bytes.length - second, crc);
        expect(crc).toBe(crc32c(bytes, 0, bytes.length, 0));
      }),
    );
  });

  test('reads nothing outside its range: memory that ends with it, and shared memory', () => {
    for (let length = 0; length <= 600; length += 7) {
      const alone = noise(length);
      const shared = new Uint8Array(new SharedArrayBuffer(length));
      shared.set(alone);
      const expected = crc32c(alone, 0, length, 0);
      expect(kernel.crc32c(alone, 0, length, 0)).toBe(expected);
      expect(kernel.crc32c(shared, 0, length, 0)).toBe(expected);
    }
  });
});
