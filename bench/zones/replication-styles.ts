/**
 * The ways to replicate that `cairn zones compare` sets side by side, each as a topology and what a write waits for. Pure. The names are those of the literature; what stands for
 * each here is said with it.
 */
import type { AckPolicy } from '../../src/cluster/ack-policy.js';
import { nodeNamed, refusedTopology, type Topology, type TopologyNode, votersIn } from './topology.js';

export interface ReplicationStyle {
  readonly name: string;
  readonly means: string;
  readonly topology: Topology;
  readonly policy: AckPolicy;
  /** How many appends, one awaited after the other, make a write. */
  readonly rounds: 1 | 2;
}

/** Throws `CairnError` if the topology has its voters in one zone. */
export function replicationStyles(topology: Topology): readonly ReplicationStyle[] {
  const { zone } = nodeNamed(topology, topology.leader);
  const isElsewhere = votersIn(topology).some((node) => node.zone !== zone);
  if (!isElsewhere)
    throw refusedTopology(
      `all voters are in ${zone}: there is nothing to compare, and all burns down at once`,
    );
  const same = { topology, rounds: 1 } as const;
  return [
    {
      ...same,
      name: 'leader only',
      means: 'asynchronous primary and backups: answered from the leader’s disk',
      policy: 'leader',
    },
    {
      ...same,
      name: 'quorum',
      means: 'the default: a majority of the voters has it on disk',
      policy: 'quorum',
    },
    {
      ...same,
      name: 'quorum and zone',
      means: 'a majority, one of them in another zone',
      policy: 'quorum-and-zone',
    },
    { ...same, name: 'all', means: 'synchronous, N of N: every voter has it on disk', policy: 'all' },
    {
      ...same,
      name: 'two-phase',
      means: 'a prepare and a commit, each awaited on every voter’s disk, as two appends of the client',
      policy: 'all',
      rounds: 2,
    },
    {
      name: 'clone far away',
      means: 'all voters in the leader’s zone, a quorum of them has it; a clone in the farthest zone follows',
      topology: withFarClone(topology),
      policy: 'quorum',
      rounds: 1,
    },
  ];
}

/** As many voters as before, all beside the leader, and a clone in the zone that is farthest from it. */
function withFarClone(topology: Topology): Topology {
  const leader = nodeNamed(topology, topology.leader);
  const voters = votersIn(topology).map((node): TopologyNode => {
    return node.name === leader.name ? node : { ...node, name: `${node.name}-near`, zone: leader.zone };
  });
  const delayTo = (zone: string) => topology.links.get(`${leader.zone} → ${zone}`)?.delayMs ?? 0;
  const inUse = [...new Set(votersIn(topology).map(({ zone }) => zone))].filter(
    (zone) => zone !== leader.zone,
  );
  const far = inUse.reduce((farthest, zone) => (delayTo(zone) > delayTo(farthest) ? zone : farthest));
  const clone: TopologyNode = { ...leader, name: `clone-${far}`, zone: far, kind: 'clone', priority: 0 };
  return { ...topology, nodes: [...voters, clone] };
}
