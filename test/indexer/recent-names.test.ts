import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { RecentNames } from '../../src/indexer/recent-names.js';

/** Names that often share their place: few letters, all lengths around those at which words end and the cache ends. */
const names = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 9 }),
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 58, maxLength: 70 }),
  ),
  { minLength: 1, maxLength: 300 },
);

test('gives every name the number that the table gives it, whatever stands behind it', () => {
  fc.assert(
    fc.property(names, fc.nat(255), (sequence, behind) => {
      const recent = new RecentNames(new NameTable({ low: 1, high: 2 }));
      const table = new NameTable({ low: 3, high: 4 });
      const bytes = new Uint8Array(128).fill(behind);
      const words = new Uint32Array(bytes.buffer);
      for (const [index, name] of sequence.entries()) {
        const at = 4 * (index % 8);
        const encoded = new TextEncoder().encode(name);
        bytes.fill(behind + index).set(encoded, at);
        expect(recent.intern(bytes, words, at, encoded.length)).toBe(table.intern(bytes, at, encoded.length));
      }
    }),
    { numRuns: 300 },
  );
});
