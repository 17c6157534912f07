import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { halfSipHash, NameTable } from '../../src/base/name-table.js';

const SEED = { low: 0x1234_5678, high: 0x9abc_def0 };
const encode = (text: string) => new TextEncoder().encode(text);

describe('halfSipHash', () => {
  test('gives the published values of HalfSipHash-1-3 for the inputs 00, 00 01, 00 01 02, …', () => {
    const seed = { low: 0x03020100, high: 0x07060504 };
    const input = (length: number) => {
      const bytes = Uint8Array.from({ length: 8 }, (_, i) => (i < length ? i : 0));
      return new Int32Array(bytes.buffer);
    };
    const expected = [
      0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
    ];
    const actual = expected.map((_, length) => halfSipHash(input(length), length, seed) >>> 0);
    expect(actual).toEqual(expected);
  });
});

describe('NameTable', () => {
  test('numbers new names 0, 1, 2, … and gives a known name its number again', () => {
    const table = new NameTable(SEED);
    const names = ['a', '', 'ab', 'abc', 'abcd', 'abcde', 'order-é', 'x'.repeat(1024)];
    expect(names.map((name) => intern(table, name))).toEqual(names.map((_, i) => i));
    expect(names.map((name) => intern(table, name))).toEqual(names.map((_, i) => i));
    expect(names.map((_, i) => table.nameOf(i))).toEqual(names);
    expect(names.map((_, i) => table.bytesOf(i))).toEqual(names.map(encode));
    expect(table.size).toBe(names.length);
  });

  test('does not find what was never interned, whatever prefix or extension of it was', () => {
    const table = new NameTable(SEED);
    intern(table, 'stream-1');
    for (const name of ['stream-', 'stream-11', 'stream-2', 'tream-1', '', 'stream-1\0'])
      expect(find(table, name)).toBe(-1);
  });

  test('reads the name at any offset of a larger buffer, and nothing around it', () => {
    const table = new NameTable(SEED);
    const buffer = encode('....stream-1....');
    const number = table.intern(buffer, 4, 8);
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(new SharedArrayBuffer(32)).fill(shift);
      moved.set(encode('stream-1'), shift);
      expect(table.find(moved, shift, 8)).toBe(number);
    }
  });

  test('behaves as a Map of strings, through growth and transfer', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.integer({ min: 0, max: 300 }).map((n) => `account-${n}`),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 600 }), fc.array(name), (interned, asked) => {
        const model = new Map<string, number>();
        let table = new NameTable(SEED);
        for (const [i, text] of interned.entries()) {
          if (!model.has(text)) model.set(text, model.size);
          expect(intern(table, text)).toBe(model.get(text));
          if (i === 300) table = moved(table);
        }
        for (const text of [...interned, ...asked]) expect(find(table, text)).toBe(model.get(text) ?? -1);
        expect(table.size).toBe(model.size);
      }),
      { numRuns: 50 },
    );
  });

  test('keeps 100,000 names apart', () => {
    const table = new NameTable(SEED);
    for (let i = 0; i < 100_000; i++) intern(table, `stream-${i}`);
    expect(table.size).toBe(100_000);
    for (let i = 0; i < 100_000; i += 7) expect(table.nameOf(i)).toBe(`stream-${i}`);
  });

  test('goes its own way after a copy was made for another thread', () => {
    const table = new NameTable(SEED);
    intern(table, 'both');
    const copy = moved(table);
    intern(table, 'here');
    intern(copy, 'there');
    expect([find(table, 'both'), find(table, 'here'), find(table, 'there')]).toEqual([0, 1, -1]);
    expect([find(copy, 'both'), find(copy, 'here'), find(copy, 'there')]).toEqual([0, -1, 1]);
  });

  test('does not find what is too long to be in it', () => {
    const table = new NameTable(SEED);
    const long = 'x'.repeat(1025);
    intern(table, long.slice(1));
    expect([find(table, long), find(table, long.slice(1))]).toEqual([-1, 0]);
    expect(() => intern(table, long)).toThrow(/too long/);
  });

  test('refuses to name a number that was never given', () => {
    expect(() => new NameTable(SEED).nameOf(0)).toThrow(/no name has the number 0/);
  });
});

function intern(table: NameTable, text: string): number {
  const bytes = encode(text);
  return table.intern(bytes, 0, bytes.length);
}

function find(table: NameTable, text: string): number {
  const bytes = encode(text);
  return table.find(bytes, 0, bytes.length);
}

function moved(table: NameTable): NameTable {
  const transfer = table.toTransfer();
  return NameTable.fromTransfer(
    structuredClone(transfer, { transfer: [transfer.slots, transfer.starts, transfer.words] }),
  );
}
