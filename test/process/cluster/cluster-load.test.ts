/** The load, the subscribers and the judge of clusters, tried on one node alone, which is killed under them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../node-process.js';
import { until } from '../within.js';
import { checkCluster } from './cluster-check.js';
import type { ClusterHistory } from './cluster-history.js';
import { ClusterLoad } from './cluster-load.js';
import { ClusterSubscribers } from './cluster-subscribers.js';
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
  let node = await NodeProcess.start({ folder });
  const flags = ['--node-port', new URL(node.url).port];
  const { history } = load;
  const subscribers = new ClusterSubscribers({ seed: 81, history, targets: () => targets, urls: [node.url] });
  load.start();
  subscribers.start();
  for (let life = 1; life <= 3; life++) {
    targets.push({ name: 'only', url: node.url, life });
    await load.untilAcknowledged(300, 20_000);
    // On a slow machine a life could be over before anybody has come back.
    const wanted = life * history.subscriptions.length;
    await until(20_000, 'all have subscribed again', () => openingsOf(history) >= wanted);
    targets.pop();
    await node.kill();
    node = await NodeProcess.start({ folder, flags });
  }
  targets.push({ name: 'only', url: node.url, life: 4 });
  await load.untilAcknowledged(100, 20_000);
  const [, last] = await Promise.all([load.stop(), load.mark(20_000)]);
  const log = await readLog(node.url);
  expect(log.at(-1)!.position).toBeGreaterThanOrEqual(last);
  await subscribers.untilCaughtUp(log, 20_000);
  await subscribers.stop();
  expect(checkCluster(history, log)).toEqual([]);
  const { appends, reads, subscriptions } = history;
  expect(appends.length).toBeGreaterThan(1000);
  expect(reads.length).toBeGreaterThan(300);
  expect(appends.some(({ unsettled }) => unsettled > 0)).toBe(true);
  expect(appends.some(({ refusals }) => refusals.length > 0)).toBe(true);
  expect(appends.some(({ acknowledgements }) => acknowledgements.length > 1)).toBe(true);
  const steps = subscriptions.flatMap((subscription) => subscription.steps);
  expect(steps.filter(({ kind }) => kind === 'shown').length).toBeGreaterThan(log.length);
  expect(openingsOf(history)).toBeGreaterThan(2 * subscriptions.length);
  const acknowledged = appends.slice(500).find(({ acknowledgements }) => acknowledgements.length > 0)!;
  const without = log.filter(({ eventId }) => !acknowledged.eventIds.includes(eventId));
  expect(checkCluster(history, without)).not.toEqual([]);
});

/** How often anybody has subscribed. */
function openingsOf({ subscriptions }: ClusterHistory): number {
  return subscriptions.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'opened')).length;
}
