/** Who is in the cluster, in KurrentDB's words: states, fields, and what is said of whom nothing is known. */
import { describe, expect, it } from 'vitest';
import type { MemberRole } from '../../src/cluster/configuration.js';
import type { NodeRole } from '../../src/cluster/effects.js';
import { clusterInfo } from '../../src/net/http/cluster-info.js';
import { stateWord } from '../../src/net/http/state-words.js';
import { configurationOf, idOf, memberOf } from '../cluster/ids.js';
import { heardOf, nameOf, statusOf, WALL_MS } from './scripted-node.js';

const MIB = 1024 * 1024;

describe('the state', () => {
  it.each<[NodeRole, MemberRole | undefined, number, string]>([
    ['fresh', undefined, 0, 'Initializing'],
    ['looking', 'voter', 0, 'Unknown'],
    ['electing', 'voter', 0, 'Unknown'],
    ['looking', 'replica', 0, 'ReadOnlyLeaderless'],
    ['joining', 'voter', 0, 'PreReplica'],
    ['joining', 'replica', 0, 'PreReadOnlyReplica'],
    ['following', 'voter', 0, 'Follower'],
    ['following', 'voter', MIB, 'Follower'],
    ['following', 'voter', MIB + 1, 'CatchingUp'],
    ['following', 'clone', 0, 'Clone'],
    ['following', 'clone', 2 * MIB, 'CatchingUp'],
    ['following', 'replica', 0, 'ReadOnlyReplica'],
    ['following', 'replica', 2 * MIB, 'PreReadOnlyReplica'],
    ['following', undefined, 0, 'CatchingUp'],
    ['preLeader', 'voter', 0, 'PreLeader'],
    ['leader', 'voter', 0, 'Leader'],
    ['resigning', 'voter', 0, 'ResigningLeader'],
    ['fenced', 'voter', 0, 'Fenced'],
  ])('of a node that is %s and a %s, %d bytes behind, is %s', (nodeRole, role, lag, word) => {
    expect(stateWord(nodeRole, role, lag)).toBe(word);
  });
});

/** What node 1 says when it does not lead: then it knows no more than gossip. */
const follower = statusOf({ role: 'following', leader: nameOf(2), members: [] });

describe('a member', () => {
  it("has KurrentDB's fields, and ours", () => {
    const { members } = clusterInfo(statusOf(), [heardOf(1, { nodeRole: 'leader', priority: 3 })], WALL_MS);
    expect(members[0]).toEqual({
      instanceId: idOf(1),
      timeStamp: '2026-01-01T00:00:00.000Z',
      ...{ state: 'Leader', isAlive: true },
      ...{ internalTcpIp: 'node-1', internalTcpPort: 0, internalSecureTcpPort: 0 },
      ...{ externalTcpIp: 'pub-1', externalTcpPort: 0, externalSecureTcpPort: 0 },
      ...{ internalHttpEndPointIp: 'node-1', internalHttpEndPointPort: 2113 },
      ...{ httpEndPointIp: 'pub-1', httpEndPointPort: 443 },
      ...{ lastCommitPosition: 7000, writerCheckpoint: 8000, chaserCheckpoint: 6000 },
      ...{ epochPosition: 4096, epochNumber: 5, epochId: '00000000-0000-0000-0000-000000000000' },
      ...{ nodePriority: 3, isReadOnlyReplica: false, esVersion: '1.2.3' },
      ...{ name: nameOf(1), clientAddress: 'pub-1:443', zone: '', memberRole: 'voter', leader: nameOf(1) },
      ...{ lagBytes: 0, diskSpace: null, silentMs: 0 },
    });
  });

  it('with an IPv6 address has it without brackets', () => {
    const heard = heardOf(1, { clientAddress: '[::1]:5' });
    const info = clusterInfo(statusOf(), [heard], WALL_MS);
    expect(info).toMatchObject({
      serverIp: '::1',
      serverPort: 5,
      members: [{ httpEndPointIp: '::1' }, {}, {}],
    });
  });

  it('that nothing was heard of since the node started is shown as the configuration has it', () => {
    const status = statusOf({ configuration: configurationOf(2, 1) });
    const { members } = clusterInfo(status, [heardOf(1), heardOf(2)], WALL_MS);
    expect(members[2]).toMatchObject({
      ...{ name: nameOf(3), state: 'Unknown', isAlive: false, memberRole: 'clone', silentMs: null },
    });
  });

  it('that the configuration does not know is shown, as no member', () => {
    const { members } = clusterInfo(statusOf(), [heardOf(1), heardOf(9, { role: 'clone' })], WALL_MS);
    expect(members.find(({ name }) => name === nameOf(9))).toMatchObject({
      memberRole: null,
      state: 'CatchingUp',
    });
  });

  it('is what the configuration says, not what it says of itself', () => {
    const configuration = { ...configurationOf(1), members: [memberOf(1), memberOf(2, 'replica')] };
    const { members } = clusterInfo(
      statusOf({ configuration, members: [] }),
      [heardOf(1), heardOf(2)],
      WALL_MS,
    );
    expect(members[1]).toMatchObject({ isReadOnlyReplica: true, state: 'ReadOnlyReplica' });
  });

  it('was heard when its time stamp says', () => {
    const { members } = clusterInfo(follower, [heardOf(2, {}, 3000)], WALL_MS);
    expect(members[1]).toMatchObject({ timeStamp: '2025-12-31T23:59:57.000Z', silentMs: 3000 });
  });
});

describe('how far a member is behind', () => {
  const leader = heardOf(2, { nodeRole: 'leader', leader: nameOf(2), end: 10 * MIB }, 1000);

  it('is what its leader knows, where the leader is asked', () => {
    const { members } = clusterInfo(statusOf(), [heardOf(1, { nodeRole: 'leader' }), heardOf(3)], WALL_MS);
    expect(members[2]).toMatchObject({ lagBytes: 5_000_000, state: 'CatchingUp' });
  });

  it('is elsewhere what it lacked of what the leader had had before', () => {
    const behind = heardOf(3, { leader: nameOf(2), end: 2 * MIB }, 500);
    const { members } = clusterInfo(follower, [leader, behind], WALL_MS);
    expect(members.find(({ name }) => name === nameOf(3))).toMatchObject({
      ...{ lagBytes: 8 * MIB, state: 'CatchingUp' },
    });
  });

  it('is not known if it was heard of before the leader', () => {
    const earlier = heardOf(3, { leader: nameOf(2), end: 2 * MIB }, 1500);
    const { members } = clusterInfo(follower, [leader, earlier], WALL_MS);
    expect(members.find(({ name }) => name === nameOf(3))).toMatchObject({
      lagBytes: null,
      state: 'Follower',
    });
  });
});

it('a node without a cluster knows itself', () => {
  const nothing = {
    memberRole: undefined,
    leader: undefined,
    clusterId: undefined,
    configuration: undefined,
  };
  const status = statusOf({ ...nothing, role: 'fresh', epoch: 0, members: [] });
  const info = clusterInfo(status, [heardOf(1, { nodeRole: 'fresh', leader: '', epoch: 0 })], WALL_MS);
  expect(info).toMatchObject({
    members: [{ state: 'Initializing', leader: null }],
    ...{ clusterId: null, clusterSize: null, configurationVersion: null, leader: null, epoch: 0 },
  });
});
