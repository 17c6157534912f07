import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteSequences } from '../../src/pattern/utf8-ranges.js';

const code = fc.oneof(
  fc.integer({ min: 0, max: 0x10ffff }),
  fc.constantFrom(0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff),
);
const isCharacter = (each: number) => each < 0xd800 || each > 0xdfff;

test('the sequences of a range fit the characters in it, each in one way, and no others', () => {
  fc.assert(
    fc.property(code, code, fc.array(code, { minLength: 1, maxLength: 40 }), (a, b, others) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const sequences = byteSequences([low, high]);
      const near = [low - 1, low, low + 1, high - 1, high, high + 1, ...others];
      for (const each of near.filter((one) => one >= 0 && one <= 0x10ffff && isCharacter(one))) {
        const bytes = new TextEncoder().encode(String.fromCodePoint(each));
        const fitting = sequences.filter(
          (sequence) =>
            sequence.length === bytes.length &&
            sequence.every(([lowest, highest], i) => bytes[i]! >= lowest && bytes[i]! <= highest),
        );
        expect([each, fitting.length]).toEqual([each, each >= low && each <= high ? 1 : 0]);
      }
    }),
    { numRuns: 500 },
  );
});

test('any character takes four sequences', () => {
  expect(byteSequences([0, 0x10ffff]).map((sequence) => sequence.length)).toEqual([1, 2, 3, 4]);
});
