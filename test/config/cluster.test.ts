/** The options of a cluster: lists and hosts, what must hold between them, and what EventStoreDB's older ones mean. */
import { describe, expect, it } from 'vitest';
import { clientAddress, nodeName } from '../../src/config/addresses.js';
import type { Environment } from '../../src/config/environment.js';
import { type Resolution, resolveOptions } from '../../src/config/resolve.js';

interface Given {
  readonly argv?: readonly string[];
  readonly environment?: Environment;
  readonly yaml?: string;
}

function resolution({ argv = [], environment = {}, yaml }: Given): Resolution {
  return resolveOptions({
    argv: yaml === undefined ? argv : ['--config=c', ...argv],
    environment,
    workingFolder: '/work',
    readFile: () => yaml ?? '',
  });
}

function resolved(given: Given): Extract<Resolution, { kind: 'ok' }> {
  const result = resolution(given);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
  return result;
}

function problemOf(given: Given): string {
  const result = resolution(given);
  expect(result).toMatchObject({ kind: 'invalid', problems: [expect.any(String)] });
  return result.kind === 'invalid' ? result.problems[0]! : '';
}

const SEEDS = '--gossip-seed=a:1';

describe('the seeds', () => {
  const seeds = ['node-1:2113', '[::1]:2114'];

  it.each<[string, Given]>([
    ['the command line', { argv: ['--gossip-seed', 'node-1:2113,[::1]:2114'] }],
    ['the environment', { environment: { CAIRN_GOSSIP_SEED: ' Node-1:2113 , [::1]:2114,, node-1:2113' } }],
    ['a list in the file', { yaml: 'GossipSeed:\n  - node-1:2113\n  - "[::1]:2114"\n' }],
    ['a list in one line of the file', { yaml: 'GossipSeed: [node-1:2113, "[::1]:2114"]' }],
    ['a text in the file', { yaml: 'GossipSeed: node-1:2113, [::1]:2114' }],
  ])('come from %s', (_source, given) => {
    expect(resolved(given).options.gossipSeed).toEqual(seeds);
  });

  it('can be none', () => {
    expect(resolved({ yaml: 'GossipSeed: []' }).options.gossipSeed).toEqual([]);
    expect(resolved({ argv: ['--gossip-seed='] }).options.gossipSeed).toEqual([]);
  });

  it.each<[Given, string]>([
    [{ argv: ['--gossip-seed=node-1'] }, 'up to 64 addresses like node-1:2113 or [::1]:2113, with commas'],
    [{ argv: ['--gossip-seed=http://node-1:2113'] }, 'up to 64 addresses'],
    [
      { argv: [`--gossip-seed=${Array.from({ length: 65 }, (_, i) => `n${i}:1`).join(',')}`] },
      'up to 64 addresses',
    ],
    [{ yaml: 'GossipSeed: [a:1, [b:1]]' }, 'takes a single value or a list of them'],
    [{ yaml: 'GossipSeed: {a: 1}' }, 'takes a single value or a list of them'],
    [{ yaml: 'ClusterSize: [3]' }, 'takes a single value'],
  ])('are refused if they are not addresses: %j', (given, problem) => {
    expect(problemOf(given)).toContain(problem);
  });
});

describe('a cluster of three', () => {
  it('is described by a few options', () => {
    const yaml =
      'ClusterSize: 3\nGossipSeed: [a:1, b:1]\nZone: eu-1\nNodePriority: -5\nReadOnlyReplica: false\n';
    expect(resolved({ yaml }).options).toMatchObject({
      ...{
        clusterSize: 3,
        gossipSeed: ['a:1', 'b:1'],
        zone: 'eu-1',
        nodePriority: -5,
        readOnlyReplica: false,
      },
      ...{ gossipIntervalMs: 2000, leaderElectionTimeoutMs: 1000, replicationHeartbeatInterval: 200 },
      ...{ defaultAckPolicy: 'quorum', discoverViaDns: true, clusterDns: '', faultInjection: false },
    });
    expect(resolved({ yaml }).warnings).toEqual([]);
  });

  it('has no options that only translate others', () => {
    expect(resolved({}).options).not.toHaveProperty('prepareCount');
    expect(resolved({}).options).not.toHaveProperty('replicationHeartbeatTimeout');
  });

  it.each<[readonly string[], string]>([
    [['--cluster-size=0'], 'a whole number from 1 to 9'],
    [['--cluster-size=10'], 'a whole number from 1 to 9'],
    [['--zone', 'a\nb'], 'one line of text, at most 64 bytes'],
    [['--zone', 'ä'.repeat(33)], 'one line of text, at most 64 bytes'],
    [['--cluster-dns=a b'], 'a host name or an IP address'],
    [['--node-host-advertise-as=node:2113'], 'a host name or an IP address'],
    [['--node-priority=--5'], 'a whole number from'],
    [['--read-only-replica'], 'ReadOnlyReplica needs GossipSeed or ClusterDns'],
    [
      ['--cluster-dns=x', '--discover-via-dns=false', '--read-only-replica'],
      'ReadOnlyReplica needs GossipSeed',
    ],
    [['--discover-via-dns'], 'DiscoverViaDns needs ClusterDns'],
    [['--default-ack-policy=quorum-and-zone'], 'DefaultAckPolicy quorum-and-zone needs Zone'],
    [['--node-ip=0.0.0.0', '--insecure', '--cluster-size=3', SEEDS], 'name one with NodeHostAdvertiseAs'],
    [['--node-ip=::', '--insecure', SEEDS], 'name one with NodeHostAdvertiseAs'],
    [
      ['--replication-heartbeat-interval=334'],
      'ReplicationHeartbeatInterval may be at most a third of that, 333',
    ],
  ])('is refused if something does not fit: %j', (argv, problem) => {
    expect(problemOf({ argv })).toContain(problem);
  });

  it('gets shorter heartbeats beside a shorter election timeout', () => {
    const { options, sources } = resolved({ argv: ['--leader-election-timeout-ms=310'] });
    expect(options.replicationHeartbeatInterval).toBe(103);
    expect(sources.ReplicationHeartbeatInterval.where).toBe('fits LeaderElectionTimeoutMs');
    expect(
      resolved({ argv: ['--leader-election-timeout-ms=2000'] }).options.replicationHeartbeatInterval,
    ).toBe(200);
  });

  it('is warned about what may surprise', () => {
    expect(resolved({ argv: ['--cluster-size=3'] }).warnings).toEqual([
      expect.stringContaining('waits until others find it'),
    ]);
    expect(resolved({ argv: ['--default-ack-policy=leader'] }).warnings).toEqual([
      expect.stringContaining('can be lost'),
    ]);
  });

  it('is not on its own with a DNS name to ask', () => {
    const { options, warnings } = resolved({
      argv: ['--cluster-size=3', '--cluster-dns=_cairn._tcp.Example.com'],
    });
    expect(options.clusterDns).toBe('_cairn._tcp.example.com');
    expect(warnings).toEqual([]);
  });
});

describe("EventStoreDB's counts of nodes", () => {
  it.each([
    [3, 2, 'quorum'],
    [3, 3, 'all'],
    [3, 1, 'leader'],
    [5, 3, 'quorum'],
    [1, 1, 'quorum'],
    [2, 2, 'quorum'],
    [3, -1, 'quorum'],
  ])('of a cluster of %d: %d is the ack policy %s', (size, count, policy) => {
    const argv = [`--cluster-size=${size}`, `--commit-count=${count}`, SEEDS];
    const { options, warnings, sources } = resolved({ argv });
    expect(options.defaultAckPolicy).toBe(policy);
    expect(sources.DefaultAckPolicy).toEqual({ kind: 'default', where: 'from CommitCount' });
    expect(warnings).toContain(`CommitCount is an older option: use DefaultAckPolicy ${policy}`);
  });

  it('may both say the same, and what DefaultAckPolicy says', () => {
    const argv = ['--cluster-size=3', '--prepare-count=3', '--commit-count=3', SEEDS];
    expect(resolved({ argv }).options.defaultAckPolicy).toBe('all');
    expect(resolved({ argv: [...argv, '--default-ack-policy=all'] }).options.defaultAckPolicy).toBe('all');
  });

  it.each<[readonly string[], string]>([
    [
      ['--commit-count=4'],
      'CommitCount 4 is none of what there is for ClusterSize 5: 3 is DefaultAckPolicy quorum, 5 is all',
    ],
    [['--prepare-count=0'], 'PrepareCount 0 is none of what there is'],
    [['--prepare-count=3', '--commit-count=5'], 'CommitCount means all, but PrepareCount says quorum'],
    [
      ['--commit-count=5', '--default-ack-policy=quorum'],
      'CommitCount means all, but DefaultAckPolicy says quorum',
    ],
  ])('are refused where they mean nothing, or two things: %j', (argv, problem) => {
    expect(problemOf({ argv: ['--cluster-size=5', SEEDS, ...argv] })).toContain(problem);
  });
});

describe('older names', () => {
  it('are accepted with a warning', () => {
    const { options, warnings } = resolved({
      argv: [
        '--ext-host-advertise-as=a',
        '--ext-http-port-advertise-as=5',
        '--int-tcp-heartbeat-interval=100',
      ],
      environment: { CAIRN_ADVERTISE_HTTP_PORT_TO_CLIENT_AS: '6' },
      yaml: 'IntTcpHeartbeatTimeout: 900',
    });
    expect(options).toMatchObject({
      ...{ nodeHostAdvertiseAs: 'a', nodePortAdvertiseAs: 5, advertiseNodePortToClientAs: 6 },
      replicationHeartbeatInterval: 100,
    });
    expect(warnings).toEqual([
      'c:1: IntTcpHeartbeatTimeout is an old name: use ReplicationHeartbeatTimeout',
      'CAIRN_ADVERTISE_HTTP_PORT_TO_CLIENT_AS is an old name: use CAIRN_ADVERTISE_NODE_PORT_TO_CLIENT_AS',
      '--ext-host-advertise-as is an old name: use --node-host-advertise-as',
      '--ext-http-port-advertise-as is an old name: use --node-port-advertise-as',
      '--int-tcp-heartbeat-interval is an old name: use --replication-heartbeat-interval',
      'ReplicationHeartbeatTimeout has no effect: LeaderElectionTimeoutMs says how long is waited',
    ]);
  });
});

describe('where a node is reached', () => {
  it.each<[readonly string[], string, string]>([
    [[], '127.0.0.1:4000', '127.0.0.1:4000'],
    [['--node-ip=::1'], '[::1]:4000', '[::1]:4000'],
    [['--node-host-advertise-as=n1', '--node-port-advertise-as=1'], 'n1:1', 'n1:1'],
    [['--node-host-advertise-as=n1', '--advertise-host-to-client-as=pub'], 'n1:4000', 'pub:4000'],
    [['--advertise-node-port-to-client-as=9'], '127.0.0.1:4000', '127.0.0.1:9'],
  ])('is its address, or what it advertises: %j', (argv, name, client) => {
    const { options } = resolved({ argv });
    expect(nodeName(options, 4000)).toBe(name);
    expect(clientAddress(options, 4000)).toBe(client);
  });
});
