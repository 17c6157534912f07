/** What `cairn cluster partition` says to whom. */
import { describe, expect, it } from 'vitest';
import { parseOneWay, parsePartition } from '../../../src/cli/cluster/partition.js';

function blocks(text: string, count: number): Record<number, readonly number[]> {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  return Object.fromEntries(parsePartition(text, all));
}

describe('the parts of a partition', () => {
  it.each([
    ['one node and the rest', '1', 3, { 1: [2, 3], 2: [1], 3: [1] }],
    ['two nodes and the rest', '4,5', 5, { 1: [4, 5], 2: [4, 5], 3: [4, 5], 4: [1, 2, 3], 5: [1, 2, 3] }],
    ['two sides', '1|2,3', 3, { 1: [2, 3], 2: [1], 3: [1] }],
    ['a bridge that both sides hear', '1|3', 3, { 1: [3], 3: [1] }],
    ['each for itself', '1|2|3', 3, { 1: [2, 3], 2: [1, 3], 3: [1, 2] }],
  ])('%s', (_name, text, count, expected) => {
    expect(blocks(text, count)).toEqual(expected);
  });

  it.each(['', '4', '1|', '1|1', '1,1', '1,2,3', 'a', '0'])(
    'that make no sense are refused: "%s"',
    (text) => {
      expect(() => blocks(text, 3)).toThrow();
    },
  );
});

describe('one way', () => {
  it.each([
    ['nobody hears one node', '1', 3, { 2: [1], 3: [1] }],
    ['one node hears nobody', '2,3|1', 3, { 1: [2, 3] }],
    ['one link', '3|1', 3, { 1: [3] }],
  ])('%s', (_name, text, count, expected) => {
    const all = Array.from({ length: count }, (_, index) => index + 1);
    expect(Object.fromEntries(parseOneWay(text, all))).toEqual(expected);
  });

  it.each(['1|2|3', '1,2,3', '', '4|1'])('is refused where there are not two parts: "%s"', (text) => {
    expect(() => parseOneWay(text, [1, 2, 3])).toThrow();
  });
});
