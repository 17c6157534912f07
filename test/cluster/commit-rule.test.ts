import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quorumReached } from '../../src/cluster/commit-rule.js';
import { VOTERS_MAX } from '../../src/cluster/configuration.js';
import { configurationOf, idOf } from './ids.js';

/** Naive: of all that a voter has reached, the most that more than half of them have. */
function quorumOfVoters(reached: readonly number[]): number {
  const safe = reached.filter(
    (number) => 2 * reached.filter((other) => other >= number).length > reached.length,
  );
  return Math.max(...safe);
}

test('a quorum has reached what more than half of the voters have, whatever clones have', () => {
  const anyReached = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: VOTERS_MAX });
  fc.assert(
    fc.property(anyReached, fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }), (voters, clones) => {
      const all = new Map([...voters, ...clones].map((number, i) => [idOf(i + 1), number]));
      const configuration = configurationOf(voters.length, clones.length);
      expect(quorumReached(configuration, (id) => all.get(id)!)).toBe(quorumOfVoters(voters));
    }),
  );
});
