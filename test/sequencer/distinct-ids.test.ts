import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DistinctIds } from '../../src/sequencer/distinct-ids.js';
import { appendFrame, idOf, openAppend } from './requests.js';

test('finds a repeated id in any request, and only then', () => {
  const distinct = new DistinctIds({ low: 1, high: 2 });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 300 }), (ids) => {
      const append = openAppend(
        appendFrame(
          's',
          ids.map((id) => ({ id: idOf(id) })),
        ),
      );
      expect(distinct.areDistinct(append)).toBe(new Set(ids).size === ids.length);
    }),
  );
});
