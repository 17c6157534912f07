/** Short runs of the nemesis (`npm run test:nemesis` has the long ones): a cluster of real processes under load and under faults. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shortly } from '../long-test.js';
import { type FaultName, whyNotFault } from './nemesis/faults.js';
import { runNemesis } from './nemesis/nemesis-run.js';
import { removeFolder, temporaryFolder } from './node-process.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(() => {
  removeFolder(folder);
});

interface Run {
  readonly what: string;
  readonly seed: number;
  readonly faults: readonly FaultName[];
  readonly isLong?: true;
}

const RUNS: readonly Run[] = [
  { what: 'kills, stops and pauses', seed: 1, faults: ['kill', 'kill-all', 'stop', 'pause'] },
  {
    what: 'partitions, one-way links and resets',
    seed: 2,
    faults: ['isolate', 'one-way', 'bridge', 'reset', 'kill'],
  },
  {
    what: 'power cuts of one and of all, and full disks',
    seed: 3,
    faults: ['power-cut', 'power-cut-all', 'full-disk'],
    isLong: true,
  },
];

test.for(shortly(RUNS, ({ isLong }) => isLong !== true))(
  '$what: nothing acknowledged is lost or doubled, nothing stale or uncommitted is told, subscribers see every event once, backups have all up to their end, scavenges remove what is hidden and nothing else',
  { timeout: 180_000 },
  async ({ seed, faults }, { skip }) => {
    const reason = faults.map(whyNotFault).find((why) => why !== undefined);
    skip(reason !== undefined, reason);
    const scratch = join(folder, 'run');
    const others = { isKept: false, isBackedUp: true, isScavenged: true };
    const summary = await runNemesis({ seed, seconds: 6, faults, nodes: 3, scratch, ...others });
    expect(summary.problems).toEqual([]);
    expect(summary.acknowledged).toBeGreaterThan(0);
    // Three follow the whole log from its beginning.
    expect(summary.delivered).toBeGreaterThan(summary.events);
    expect(summary.struck.length).toBeGreaterThan(0);
    expect(summary.backups).toBeGreaterThan(0);
    expect(summary.removed).toBeGreaterThan(0);
  },
);
