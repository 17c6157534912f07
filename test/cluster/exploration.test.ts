/** All ways in which small elections can go: exploration.ts. */
import { describe, expect, test } from 'vitest';
import { shortly } from '../long-test.js';
import { explore } from './exploration.js';

describe('however messages, saves, timeouts and crashes interleave', () => {
  const bounds = [
    { logEnds: [128, 192, 64], timeouts: 1, crashes: 1, instantSaves: false },
    { logEnds: [128, 192, 64], timeouts: 2, crashes: 0, instantSaves: true },
    { logEnds: [128, 128, 128], timeouts: 1, crashes: 2, instantSaves: true },
  ];

  test.each(shortly(bounds, ({ timeouts }) => timeouts === 1))(
    'an epoch has one leader, and it has what is committed: $logEnds, $timeouts timeouts, $crashes crashes',
    (bounds) => {
      const explored = explore({ ...bounds, worldsMax: 400_000 });
      expect(explored.violations).toEqual([]);
      expect(explored.isComplete).toBe(true);
      expect(explored.withLeader).toBeGreaterThan(0);
    },
  );
});
