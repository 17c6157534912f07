import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/config/nearest.js';

/** The definition, word for word. */
function naiveDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  if (a[0] === b[0]) return naiveDistance(a.slice(1), b.slice(1));
  const rest = [
    naiveDistance(a.slice(1), b),
    naiveDistance(a, b.slice(1)),
    naiveDistance(a.slice(1), b.slice(1)),
  ];
  return 1 + Math.min(...rest);
}

describe('the edit distance', () => {
  it('is what its definition says', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
    fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) === naiveDistance(a, b)));
  });
});

describe('the nearest name', () => {
  const names = ['ChunkSize', 'RingSize', 'NodePort', 'NodeIp', 'Db'];

  it.each([
    ['ChunkSise', 'ChunkSize'],
    ['chunksize', 'ChunkSize'],
    ['Ring', 'RingSize'],
    ['Port', 'NodePort'],
    ['DB', 'Db'],
  ])('to %s is %s', (word, name) => {
    expect(nearest(word, names)).toBe(name);
  });

  it('is nothing when nothing is like it', () => {
    expect(nearest('ProjectionThreads', names)).toBeUndefined();
    expect(nearest('x', [])).toBeUndefined();
  });
});
