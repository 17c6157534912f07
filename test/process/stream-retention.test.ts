/** Metadata, deletes, tombstones and scavenges of a real node, over kills, restarts and restored backups, against a plain model in memory. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLong } from '../long-test.js';
import { endAllCommands } from './command-process.js';
import { RetentionHistory } from './model/retention-history.js';
import { endAllNodes, removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllCommands();
  await endAllNodes();
  removeFolder(folder);
});

test.for(isLong ? [1, 2, 11, 12, 13, 14] : [1, 2])(
  'metadata, deletes and tombstones hold at once, over scavenges, restarts, kills and damage to the index, and in what is restored of a backup (seed %i)',
  { timeout: 120_000 },
  async (seed) => {
    const history = new RetentionHistory(new SeededRandom(seed), folder);
    await history.run(isLong ? 200 : 70);
    for (const what of [
      'lives',
      'deleted',
      'tombstoned',
      'said',
      'refused',
      'backups',
      'restored',
      'scavenges',
      'scavengedChunks',
    ] as const)
      expect([what, history.counts[what] > 1]).toEqual([what, true]);
  },
);
