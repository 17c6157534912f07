import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashSet } from '../../src/base/hash-set.js';

test('a set of hashes has what was added, and 0 as 1', () => {
  const hash = fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.integer({ min: 0, max: 200 }).map((i) => i * 64),
  );
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 500 }), fc.array(hash), (added, asked) => {
      const [set, model] = [new HashSet(), new Set<number>()];
      const stored = (hash: number) => Math.max(1, hash);
      for (const hash of added) {
        expect(set.add(hash)).toBe(!model.has(stored(hash)));
        model.add(stored(hash));
      }
      expect(set.size).toBe(model.size);
      for (const hash of [...added, ...asked]) expect(set.has(hash)).toBe(model.has(stored(hash)));
    }),
  );
});
