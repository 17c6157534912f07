/** The load and the judge of clusters, tried on one node alone, which is killed under it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../node-process.js';
import { checkCluster } from './cluster-check.js';
import { ClusterLoad } from './cluster-load.js';
import { readLog } from './final-log.js';
import type { Target } from './node-connection.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

test('one node that is killed under load satisfies the judge, and a bent history of it does not', async () => {
  const targets: Target[] = [];
  const load = new ClusterLoad({ seed: 81, targets: () => targets });
  load.start();
  for (let life = 1; life <= 3; life++) {
    const node = await NodeProcess.start({ folder });
    targets.push({ name: 'only', url: node.url, life });
    await load.untilAcknowledged(300, 20_000);
    targets.pop();
    await node.kill();
  }
  const node = await NodeProcess.start({ folder });
  targets.push({ name: 'only', url: node.url, life: 4 });
  await load.untilAcknowledged(100, 20_000);
  const [, last] = await Promise.all([load.stop(), load.mark(20_000)]);
  const log = await readLog(node.url);
  expect(log.at(-1)!.position).toBeGreaterThanOrEqual(last);
  expect(checkCluster(load.history, log)).toEqual([]);
  const { appends, reads } = load.history;
  expect(appends.length).toBeGreaterThan(1000);
  expect(reads.length).toBeGreaterThan(300);
  expect(appends.some(({ unsettled }) => unsettled > 0)).toBe(true);
  expect(appends.some(({ refusals }) => refusals.length > 0)).toBe(true);
  expect(appends.some(({ acknowledgements }) => acknowledgements.length > 1)).toBe(true);
  const acknowledged = appends.slice(500).find(({ acknowledgements }) => acknowledgements.length > 0)!;
  const without = log.filter(({ eventId }) => !acknowledged.eventIds.includes(eventId));
  expect(checkCluster(load.history, without)).not.toEqual([]);
});
