/**
 * What must hold between the options of a cluster, and what the older ones of EventStoreDB mean. Pure. The same principle as in rules.ts:
 * a default gives way, what the user said is refused with the way out.
 */
import type { OptionName, OptionValues } from './options.js';

/** Why a default is another one than the table's: it was lowered to fit beside an option, or an older one says it. */
export interface Adjustment {
  readonly kind: 'fits' | 'from';
  readonly option: OptionName;
}

/** What `applyRules` gathers. */
export interface Findings {
  readonly adjusted: Map<OptionName, Adjustment>;
  readonly problems: string[];
  readonly warnings: string[];
}

/** Two heartbeats may be lost on the way and the third still be in time. */
const HEARTBEATS_PER_TIMEOUT = 3;

type IsDefault = (name: OptionName) => boolean;

export function applyClusterRules(values: OptionValues, isDefault: IsDefault, findings: Findings): void {
  fitHeartbeat(values, isDefault, findings);
  applyOlderOptions(values, isDefault, findings);
  findings.problems.push(...discoveryProblems(values, isDefault), ...policyProblems(values));
  findings.warnings.push(...clusterWarnings(values));
}

function fitHeartbeat(values: OptionValues, isDefault: IsDefault, { adjusted, problems }: Findings): void {
  const { ReplicationHeartbeatInterval: interval, LeaderElectionTimeoutMs: timeout } = values;
  const most = Math.floor(timeout / HEARTBEATS_PER_TIMEOUT);
  if (interval <= most) return;
  if (isDefault('ReplicationHeartbeatInterval')) {
    values.ReplicationHeartbeatInterval = most;
    adjusted.set('ReplicationHeartbeatInterval', { kind: 'fits', option: 'LeaderElectionTimeoutMs' });
    return;
  }
  problems.push(
    `ReplicationHeartbeatInterval is ${interval}, but LeaderElectionTimeoutMs is ${timeout}: ` +
      `ReplicationHeartbeatInterval may be at most a third of that, ${most}`,
  );
}

/** Any address: others can't connect to it, so it can't be by what they know this node. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

function discoveryProblems(values: OptionValues, isDefault: IsDefault): string[] {
  const { NodeIp, NodeHostAdvertiseAs, ClusterSize, ReadOnlyReplica, GossipSeed, ClusterDns } = values;
  const problems: string[] = [];
  if (!isDefault('DiscoverViaDns') && values.DiscoverViaDns && ClusterDns === '')
    problems.push('DiscoverViaDns needs ClusterDns: the name to ask for');
  const isAlone = GossipSeed.length === 0 && (ClusterDns === '' || !values.DiscoverViaDns);
  if (ReadOnlyReplica && isAlone)
    problems.push(
      'ReadOnlyReplica needs GossipSeed or ClusterDns: a replica looks for a cluster that is there',
    );
  if (NodeHostAdvertiseAs === '' && UNSPECIFIED.has(NodeIp) && (ClusterSize > 1 || !isAlone))
    problems.push(
      `NodeIp ${NodeIp} is no address that other nodes can reach: name one with NodeHostAdvertiseAs`,
    );
  return problems;
}

function policyProblems({ DefaultAckPolicy, Zone }: OptionValues): string[] {
  if (DefaultAckPolicy !== 'quorum-and-zone' || Zone !== '') return [];
  return ['DefaultAckPolicy quorum-and-zone needs Zone: a node without a zone is in no other one'];
}

function clusterWarnings(values: OptionValues): string[] {
  const { ClusterSize, GossipSeed, ClusterDns, DiscoverViaDns, DefaultAckPolicy } = values;
  const warnings: string[] = [];
  if (ClusterSize > 1 && GossipSeed.length === 0 && (ClusterDns === '' || !DiscoverViaDns))
    warnings.push(
      `ClusterSize is ${ClusterSize}, but without GossipSeed or ClusterDns this node waits until others find it`,
    );
  if (DefaultAckPolicy === 'leader')
    warnings.push('DefaultAckPolicy leader: an append that was acknowledged can be lost with the leader');
  return warnings;
}

const COUNTS = ['PrepareCount', 'CommitCount'] as const;

/** EventStoreDB's counts of nodes, where they mean one of our policies; and what has no meaning any more. */
function applyOlderOptions(values: OptionValues, isDefault: IsDefault, findings: Findings): void {
  const { adjusted, problems, warnings } = findings;
  if (!isDefault('ReplicationHeartbeatTimeout'))
    warnings.push(
      'ReplicationHeartbeatTimeout has no effect: LeaderElectionTimeoutMs says how long is waited',
    );
  for (const name of COUNTS) {
    if (isDefault(name)) continue;
    const policy = policyOf(values[name], values.ClusterSize);
    if (policy === undefined) {
      problems.push(
        `${name} ${values[name]} is none of what there is for ClusterSize ${values.ClusterSize}: ${countsFor(values.ClusterSize)}`,
      );
    } else if (
      policy !== values.DefaultAckPolicy &&
      (adjusted.has('DefaultAckPolicy') || !isDefault('DefaultAckPolicy'))
    ) {
      const other = adjusted.get('DefaultAckPolicy')?.option ?? 'DefaultAckPolicy';
      problems.push(
        `${name} means ${policy}, but ${other} says ${values.DefaultAckPolicy}: keep one of them`,
      );
    } else {
      warnings.push(`${name} is an older option: use DefaultAckPolicy ${policy}`);
      if (!isDefault('DefaultAckPolicy')) continue;
      values.DefaultAckPolicy = policy;
      adjusted.set('DefaultAckPolicy', { kind: 'from', option: name });
    }
  }
}

function policyOf(count: number, clusterSize: number): OptionValues['DefaultAckPolicy'] | undefined {
  if (count === -1 || count === majorityOf(clusterSize)) return 'quorum';
  if (count === clusterSize) return 'all';
  return count === 1 ? 'leader' : undefined;
}

function countsFor(clusterSize: number): string {
  return `${majorityOf(clusterSize)} is DefaultAckPolicy quorum, ${clusterSize} is all, 1 is leader`;
}

function majorityOf(clusterSize: number): number {
  return Math.floor(clusterSize / 2) + 1;
}
