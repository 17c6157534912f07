import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHUNK_SIZE_MAX,
  CHUNK_SIZE_MIN,
  chunkFileName,
  chunkOf,
  decodeChunkHeader,
  decodeFooter,
  fileOffsetOf,
  footerOffsetOf,
  isChunkSize,
  paddingBefore,
  parseFileName,
  temporaryFileName,
} from '../../src/log/chunk.js';
import { occupiedBytes, PREPARE_LENGTH_MAX, RECORD_LENGTH_MAX } from '../../src/log/record.js';
import { readGolden } from './golden-formats.js';
import { naiveCrc } from './naive-records.js';

/** The golden block with some bytes replaced, and its checksum made right again if so wished. */
function altered(name: string, at: number, bytes: readonly number[], isSealed: boolean): Uint8Array {
  const block = readGolden(name);
  block.set(bytes, at);
  if (isSealed) new DataView(block.buffer).setUint32(4092, naiveCrc(block.subarray(0, 4092)), true);
  return block;
}

describe('a block', () => {
  test('with any byte changed is damaged', () => {
    fc.assert(
      fc.property(fc.nat(4095), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const header = readGolden('chunk-header.hex');
        header[at]! ^= change;
        expect(decodeChunkHeader(header).kind).toBe('damaged');
        const footer = readGolden('chunk-footer.hex');
        footer[at]! ^= change;
        expect(decodeFooter(footer).kind).toBe('damaged');
      }),
    );
  });

  test('of zeros is an absent footer, but a damaged header', () => {
    expect(decodeFooter(new Uint8Array(4096))).toEqual({ kind: 'absent' });
    expect(decodeChunkHeader(new Uint8Array(4096)).kind).toBe('damaged');
  });

  test('of a later format is named as such, not as damaged', () => {
    const header = altered('chunk-header.hex', 8, [3], true);
    expect(decodeChunkHeader(header)).toEqual({ kind: 'unknown-version', version: 3 });
    const footer = altered('chunk-footer.hex', 8, [3], true);
    expect(decodeFooter(footer)).toEqual({ kind: 'unknown-version', version: 3 });
  });

  test('with fields that this version does not know, or a size that no log may have, is refused', () => {
    expect(decodeChunkHeader(altered('chunk-header.hex', 64, [1], true)).kind).toBe('damaged');
    expect(decodeFooter(altered('chunk-footer.hex', 72, [1], true)).kind).toBe('damaged');
    expect(decodeChunkHeader(altered('chunk-header.hex', 16, [1], true)).kind).toBe('damaged');
  });
});

describe('a position', () => {
  test('has one place: its chunk, and behind the header block of that file', () => {
    expect([chunkOf(0, 65_536), fileOffsetOf(0, 65_536)]).toEqual([0, 4096]);
    expect([chunkOf(65_535, 65_536), fileOffsetOf(65_535, 65_536)]).toEqual([0, 69_631]);
    expect([chunkOf(65_536, 65_536), fileOffsetOf(65_536, 65_536)]).toEqual([1, 4096]);
    const far = 900_000 * CHUNK_SIZE_MAX + 8;
    expect([chunkOf(far, CHUNK_SIZE_MAX), fileOffsetOf(far, CHUNK_SIZE_MAX)]).toEqual([900_000, 4104]);
    expect(footerOffsetOf(65_536)).toBe(69_632);
  });

  test.each([
    [CHUNK_SIZE_MIN, true],
    [CHUNK_SIZE_MAX, true],
    [65_536 + 4096, true],
    [65_536 + 512, false],
    [CHUNK_SIZE_MIN - 4096, false],
    [CHUNK_SIZE_MAX + 4096, false],
    [Number.NaN, false],
  ])('is in chunks of an allowed size only: %d %s', (size, allowed) => {
    expect(isChunkSize(size)).toBe(allowed);
  });
});

describe('Padding', () => {
  test('stands exactly where a record would cross the end or leave too little', () => {
    const end = 65_536;
    expect(paddingBefore(end - 200, 200, 65_536)).toBe(0);
    expect(paddingBefore(end - 200, 152, 65_536)).toBe(0);
    expect(paddingBefore(end - 200, 160, 65_536)).toBe(200);
    expect(paddingBefore(end - 200, 192, 65_536)).toBe(200);
    expect(paddingBefore(end - 200, 208, 65_536)).toBe(200);
    expect(paddingBefore(end, 65_536, 65_536)).toBe(0);
    expect(() => paddingBefore(end, 65_528, 65_536)).toThrow('must fit');
  });

  test('leaves a rest that a Padding record fits into, and is never longer than a record may be', () => {
    const chunkSize = 134_217_728;
    fc.assert(
      fc.property(
        fc.nat(chunkSize / 8),
        fc.integer({ min: 44, max: PREPARE_LENGTH_MAX }),
        (eighth, length) => {
          const position = eighth * 8 === chunkSize ? 0 : eighth * 8;
          const padding = paddingBefore(position, occupiedBytes(length), chunkSize);
          expect(padding).toBeLessThanOrEqual(RECORD_LENGTH_MAX);
          const end = position + padding + occupiedBytes(length);
          const left = chunkOf(end - 1, chunkSize) * chunkSize + chunkSize - end;
          // A position that no writer leaves (a rest of 8 to 40) is not this function's to mend.
          if (padding === 0 || padding >= 48) expect(left === 0 || left >= 48).toBe(true);
        },
      ),
    );
  });
});

describe('a file name', () => {
  test('survives the way there and back', () => {
    expect(chunkFileName(7, 12)).toBe('chunk-000007.000012');
    expect(parseFileName('chunk-000007.000012')).toEqual({ kind: 'chunk', chunkNumber: 7, version: 12 });
    expect(temporaryFileName(999_999, 0)).toBe('chunk-999999.000000.tmp');
    expect(parseFileName('chunk-999999.000000.tmp')).toEqual({
      kind: 'temporary',
      chunkNumber: 999_999,
      version: 0,
    });
    expect(() => chunkFileName(1_000_000, 0)).toThrow('six digits');
  });

  test.each([
    'chunk-7.0',
    'chunk-0000007.000000',
    'chunk-000007.000000.bak',
    'CHUNK-000007.000000',
    'chunk-',
  ])('that only resembles a chunk is malformed: %s', (name) =>
    expect(parseFileName(name)).toEqual({ kind: 'malformed' }),
  );

  test.each(['lock', 'chunks', 'index', '.chunk-000001.000000', ''])('of something else: %s', (name) =>
    expect(parseFileName(name)).toEqual({ kind: 'other' }),
  );
});
