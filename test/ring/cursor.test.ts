import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursor } from '../../src/ring/cursor.js';

const words = () => new Int32Array(new SharedArrayBuffer(64));

test('a follower sees the exact position, at any size of log, if it looks once per 16 GiB', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 49 }),
      fc.array(fc.integer({ min: 0, max: 2 ** 30 }), { maxLength: 200 }),
      (start, steps) => {
        const shared = words();
        const owner = new Cursor(shared, 3, start * 8);
        owner.store(start * 8);
        const follower = new Cursor(shared, 3, start * 8);
        for (const step of steps) {
          owner.store(owner.position + step * 8);
          expect(follower.load()).toBe(owner.position);
        }
      },
    ),
  );
});

test('loading without a move returns the same position', () => {
  const shared = words();
  const cursor = new Cursor(shared, 0, 4096);
  cursor.store(4096);
  expect(cursor.load()).toBe(4096);
  expect(cursor.position).toBe(4096);
});
