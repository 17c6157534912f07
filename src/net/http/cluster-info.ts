/**
 * `GET /gossip`: who is in the cluster, as this node sees it, with KurrentDB's field names (ClusterInfo, MemberInfo) and our own. Pure. Put
 * together from gossip, the configuration, and, on the leader, what it knows of its followers. A view: nothing may be decided by it.
 */
import type { SpaceLevel } from '../../base/disk-space.js';
import { type Endpoint, parseEndpoint } from '../../base/endpoint.js';
import { type Configuration, type Member, type MemberRole, memberOf } from '../../cluster/configuration.js';
import type { GossipMember } from '../../cluster/gossip.js';
import type { GossipEntry } from '../../cluster/gossip-entry.js';
import type { MemberProgress } from '../../cluster/node-view.js';
import type { NodeStatus } from '../node-port.js';
import { type StateWord, stateWord } from './state-words.js';

export interface MemberInfo {
  readonly instanceId: string;
  /** When it was last heard. */
  readonly timeStamp: string;
  readonly state: StateWord;
  readonly isAlive: boolean;
  /** There is no TCP beside HTTP: ports of 0 mean none, as they do in KurrentDB. */
  readonly internalTcpIp: string;
  readonly internalTcpPort: 0;
  readonly internalSecureTcpPort: 0;
  readonly externalTcpIp: string;
  readonly externalTcpPort: 0;
  readonly externalSecureTcpPort: 0;
  readonly internalHttpEndPointIp: string;
  readonly internalHttpEndPointPort: number;
  readonly httpEndPointIp: string;
  readonly httpEndPointPort: number;
  readonly lastCommitPosition: number;
  readonly writerCheckpoint: number;
  readonly chaserCheckpoint: number;
  readonly epochPosition: number;
  readonly epochNumber: number;
  /** Epochs have numbers here, no ids. */
  readonly epochId: string;
  readonly nodePriority: number;
  readonly isReadOnlyReplica: boolean;
  readonly esVersion: string;
  /** From here on ours. */
  readonly name: string;
  readonly clientAddress: string;
  readonly zone: string;
  /** What the configuration says it is; null = no member. */
  readonly memberRole: MemberRole | null;
  readonly leader: string | null;
  /** Bytes of the leader's log that it lacks; on the leader exact, elsewhere what gossip proves; null = not known. */
  readonly lagBytes: number | null;
  /** The room on its disk; null = not told. */
  readonly diskSpace: SpaceLevel | null;
  /** How long nothing was heard of it; null = never heard since this node started. */
  readonly silentMs: number | null;
}

export interface ClusterInfo {
  readonly members: readonly MemberInfo[];
  readonly serverIp: string;
  readonly serverPort: number;
  readonly clusterId: string | null;
  readonly clusterSize: number | null;
  readonly configurationVersion: number | null;
  readonly leader: string | null;
  readonly epoch: number;
}

const NO_EPOCH_ID = '00000000-0000-0000-0000-000000000000';

/** `wallMs`: this node's clock. */
export function clusterInfo(
  status: NodeStatus,
  members: readonly GossipMember[],
  wallMs: number,
): ClusterInfo {
  const { configuration, clusterId, leader, epoch } = status;
  const server = endpointOf(
    members.find((member) => isSelf(member, status))?.entry.clientAddress ?? status.name,
  );
  const heard = members.map((member) => heardInfo(status, member, { members, wallMs }));
  return {
    members: [...heard, ...unheardInfos(configuration, members)].sort((a, b) => (a.name < b.name ? -1 : 1)),
    serverIp: server.host,
    serverPort: server.port,
    clusterId: clusterId ?? null,
    clusterSize: configuration?.clusterSize ?? null,
    configurationVersion: configuration?.version ?? null,
    leader: leader ?? null,
    epoch,
  };
}

function isSelf({ entry }: GossipMember, { memberId }: NodeStatus): boolean {
  return entry.memberId === memberId;
}

interface View {
  readonly members: readonly GossipMember[];
  readonly wallMs: number;
}

function heardInfo(status: NodeStatus, member: GossipMember, { members, wallMs }: View): MemberInfo {
  const { entry, isAlive, silentMs } = member;
  const progress = status.members.find(({ id }) => id === entry.memberId);
  const role = roleOf(status.configuration, entry);
  const lagBytes = isSelf(member, status) && status.role === 'leader' ? 0 : lagOf(member, progress, members);
  return {
    instanceId: entry.memberId,
    timeStamp: new Date(wallMs - silentMs).toISOString(),
    state: stateWord(entry.nodeRole, role, lagBytes ?? 0),
    isAlive,
    ...addresses(entry.name, entry.clientAddress),
    lastCommitPosition: entry.commit,
    writerCheckpoint: entry.end,
    chaserCheckpoint: entry.indexed,
    epochPosition: entry.epochPosition,
    epochNumber: entry.epoch,
    epochId: NO_EPOCH_ID,
    nodePriority: entry.priority,
    isReadOnlyReplica: (role ?? entry.role) === 'replica',
    esVersion: entry.release,
    zone: entry.zone,
    memberRole: role ?? null,
    leader: entry.leader || null,
    lagBytes: lagBytes ?? null,
    diskSpace: entry.diskSpace ?? null,
    silentMs: Math.round(progress === undefined ? silentMs : Math.min(silentMs, progress.silentMs)),
  };
}

/** The configuration's word; as long as this node has none, what the member says of itself. */
function roleOf(
  configuration: Configuration | undefined,
  { memberId, role }: GossipEntry,
): MemberRole | undefined {
  return configuration === undefined ? role : memberOf(configuration, memberId)?.role;
}

/**
 * The leader knows it. Elsewhere: what the leader's log had before the member told where its own ends, and the member lacks. Who was heard
 * of before the leader may have got everything since, so nothing is known of it.
 */
function lagOf(
  { entry, silentMs }: GossipMember,
  progress: MemberProgress | undefined,
  members: readonly GossipMember[],
): number | undefined {
  if (progress !== undefined) return progress.lagBytes;
  if (entry.nodeRole === 'leader') return 0;
  const leader = members.find((other) => other.entry.name === entry.leader && other.isAlive);
  if (leader === undefined || silentMs > leader.silentMs) return undefined;
  return Math.max(0, leader.entry.end - entry.end);
}

/** Members that nothing is heard of: down since before this node started. */
function unheardInfos(
  configuration: Configuration | undefined,
  members: readonly GossipMember[],
): readonly MemberInfo[] {
  const heard = new Set(members.map(({ entry }) => entry.memberId));
  return (configuration?.members ?? []).filter(({ id }) => !heard.has(id)).map(unheardInfo);
}

function unheardInfo({ id, name, role, zone }: Member): MemberInfo {
  return {
    instanceId: id,
    timeStamp: new Date(0).toISOString(),
    state: 'Unknown',
    isAlive: false,
    ...addresses(name, name),
    ...{ lastCommitPosition: 0, writerCheckpoint: 0, chaserCheckpoint: 0, epochPosition: 0, epochNumber: 0 },
    epochId: NO_EPOCH_ID,
    nodePriority: 0,
    isReadOnlyReplica: role === 'replica',
    esVersion: '',
    ...{ zone, memberRole: role, leader: null, lagBytes: null, silentMs: null },
    diskSpace: null,
  };
}

type Addresses = Pick<
  MemberInfo,
  | 'name'
  | 'clientAddress'
  | `${'internal' | 'external'}Tcp${'Ip' | 'Port'}`
  | `${'internal' | 'external'}SecureTcpPort`
  | `${'internalHttp' | 'http'}EndPoint${'Ip' | 'Port'}`
>;

function addresses(name: string, clientAddress: string): Addresses {
  const [node, client] = [endpointOf(name), endpointOf(clientAddress)];
  return {
    ...{ name, clientAddress },
    ...{ internalTcpIp: node.host, internalTcpPort: 0, internalSecureTcpPort: 0 },
    ...{ externalTcpIp: client.host, externalTcpPort: 0, externalSecureTcpPort: 0 },
    ...{ internalHttpEndPointIp: node.host, internalHttpEndPointPort: node.port },
    ...{ httpEndPointIp: client.host, httpEndPointPort: client.port },
  };
}

function endpointOf(name: string): Endpoint {
  return parseEndpoint(name) ?? { host: name, port: 0 };
}
