/** `cairn zones` on real nodes: structure, not speed. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../../bench/cluster.js';
import { compare, type StyleResult } from '../../bench/zones/compare.js';
import { measureCluster } from '../../bench/zones/measure.js';
import { measuredTopology } from '../../bench/zones/measured-topology.js';
import { type ReplicationStyle, replicationStyles } from '../../bench/zones/replication-styles.js';
import { saved } from '../../bench/zones/saved-run.js';
import { simulate } from '../../bench/zones/simulate.js';
import type { Topology } from '../../bench/zones/topology.js';
import { parseTopology } from '../../bench/zones/topology-file.js';
import { zonePage } from '../../bench/zones/zone-page.js';
import { longTest } from '../long-test.js';
import { chromium, openedInChromium } from '../plot/chromium.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-zones-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const NEAR_MS = 5;
const FAR_MS = 30;
const FILE = `
name: a test
zones: [here, near, far]
links:
  - { between: [here, near], delayMs: ${NEAR_MS} }
  - { between: [here, far], delayMs: ${FAR_MS} }
  - { between: [near, far], delayMs: ${FAR_MS} }
leader: n2
nodes:
  - { name: n1, zone: near }
  - { name: n2, zone: here, priority: 1 }
  - { name: n3, zone: far }
`;
const topology = parseTopology(FILE, 'a test');

function styleOf(own: Topology, name: string): ReplicationStyle {
  return replicationStyles(own).find((style) => style.name === name)!;
}

const COMMON = {
  eventBytes: 64,
  syncMode: 'fdatasync',
  seed: 1,
  signal: undefined,
  progress: () => undefined,
} as const;

describe('simulate', () => {
  test('has real nodes wait for their links, and tells what each ack policy waits for', async () => {
    const policies = ['leader', 'quorum', 'quorum-and-zone', 'all'] as const;
    const report = await simulate({ ...COMMON, topology, policies, seconds: 0.1, writers: 1, directory });
    const [leader, quorum, zone, all] = report.results;
    expect(report.results.map(({ policy }) => policy)).toEqual(policies);
    expect(leader!.p50Ms).toBeGreaterThan(0);
    // Nobody is answered before the light has come and gone.
    expect(quorum!.latenciesMs[0]).toBeGreaterThan(2 * NEAR_MS * 0.98);
    expect(zone!.latenciesMs[0]).toBeGreaterThan(2 * NEAR_MS * 0.98);
    expect(all!.latenciesMs[0]).toBeGreaterThan(2 * FAR_MS * 0.98);
    expect(all!.predictedP50Ms).toBeGreaterThan(2 * FAR_MS);
    const { ranges, acks } = all!.example!;
    expect([...ranges.keys()].sort()).toEqual(['n1', 'n3']);
    expect([...acks.keys()].sort()).toEqual(['n1', 'n3']);
    for (const result of report.results) {
      expect(result.writes).toBeGreaterThan(0);
      // Append and its answer; ranges and acks, one of each for a follower, may be shared by several writes.
      expect(result.messagesPerWrite).toBeGreaterThan(2);
    }
    expect(readdirSync(directory)).toEqual([]);

    const html = zonePage({ ...report, results: report.results.map(saved) }, 'made by a test');
    expect(html.match(/<svg /g)).toHaveLength(3);
    if (chromium === undefined) return console.warn('Chromium is not installed: the page was not opened');
    const { dom, complaints } = openedInChromium(html);
    expect(complaints).toBe('');
    expect(dom.match(/<figure><svg /g)).toHaveLength(3);
    for (const name of ['here', 'near', 'far', 'quorum + zone', 'Who waits for whom'])
      expect(dom).toContain(name);
  }, 180_000);
});

describe('compare', () => {
  longTest(
    "after a fire in the leader's zone a survivor leads, and has all that a quorum acknowledged",
    async () => {
      // So far away that nothing of what was written before the fire can have come there.
      const remote = parseTopology(FILE.replaceAll(`delayMs: ${FAR_MS} }`, 'delayMs: 2000 }'), 'remote');
      const styles = [styleOf(topology, 'quorum'), styleOf(remote, 'clone far away')];
      const results: StyleResult[] = [];
      await compare({ ...COMMON, styles, seconds: 0.1, burns: 1, writers: 4, directory }, (result) =>
        results.push(result),
      );
      const [quorum, clone] = results;
      expect(quorum).toMatchObject({ style: 'quorum', lost: 0 });
      expect(quorum!.acknowledged).toBeGreaterThan(0);
      expect(quorum!.leaderlessMs).toBeGreaterThan(0);
      // Its voters are all gone, and what they told each other in the last moments with them.
      expect(clone).toMatchObject({ style: 'clone far away', leaderlessMs: undefined });
      expect(clone!.lost).toBeGreaterThan(0);
      expect(clone!.lost).toBeLessThanOrEqual(clone!.acknowledged);
    },
    180_000,
  );
});

describe('measure', () => {
  const options = { seconds: 0.5, eventBytes: 64, signal: new AbortController().signal };

  test('tells what commits of a cluster wait for, by member and stage, and makes a topology of it', async () => {
    const flags = ['a', 'b', 'c'].map((zone) => ['--zone', zone, '--profile-writes']);
    const cluster = await Cluster.start({
      folder: join(directory, 'measured'),
      nodes: 3,
      syncMode: 'fdatasync',
      flags,
    });
    try {
      const measured = await measureCluster({
        ...options,
        urls: [cluster.urls[cluster.follower]!],
        writesPerSecond: 200,
      });
      expect(measured.leader).toBe(cluster.node(cluster.leader).name);
      expect(measured.members.map(({ zone }) => zone).sort()).toEqual(['a', 'b', 'c']);
      expect(measured.commit.count).toBeGreaterThan(0);
      expect([...measured.disk.keys()]).toEqual(['wait', 'write', 'sync', 'notice']);
      for (const { isLeader, ack, roundTripMs, diskMs } of measured.members) {
        expect(ack === undefined).toBe(isLeader);
        expect(roundTripMs).toBeGreaterThan(0);
        expect(diskMs).toBeGreaterThan(0);
      }
      const made = measuredTopology(measured);
      expect(made).toMatchObject({ leader: measured.leader, zones: expect.arrayContaining(['a', 'b', 'c']) });
      expect(made.links.size).toBe(9);
      await expect(
        measureCluster({ ...options, seconds: 0.3, urls: [cluster.url], writesPerSecond: 0 }),
      ).rejects.toThrow('--write');
    } finally {
      await cluster.stop();
    }
  }, 120_000);

  test('of nodes that are not there says so', async () => {
    await expect(measureCluster({ ...options, urls: ['127.0.0.1:1'], writesPerSecond: 0 })).rejects.toThrow(
      expect.objectContaining({ code: 'connection-refused' }),
    );
  });
});
