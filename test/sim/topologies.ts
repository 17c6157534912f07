/**
 * Every way in which links between the nodes of a small cluster can be cut, one direction at a time: 64 for three nodes, 4,096 for four.
 * From a healthy cluster, links are cut; where a majority is mutually connected there must soon be a leader, and it must stay,
 * whatever the others shout (Howard and Abraham, "Raft does not Guarantee Liveness in the face of Network Faults", 2020).
 */
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { ELECTION_TIMEOUT_MS } from '../../src/sim/timing.js';

/** From the cut to a leader. */
const ELECTED_WITHIN_MS = 3 * ELECTION_TIMEOUT_MS;
const STAYS_FOR_MS = 5 * ELECTION_TIMEOUT_MS;
const FOUNDED_WITHIN_MS = 10 * ELECTION_TIMEOUT_MS;

export interface TopologyVerdict {
  /** Whether a majority is mutually connected: else nothing is promised. */
  readonly hasQuorum: boolean;
  /** What is wrong, or undefined. */
  readonly problem: string | undefined;
}

/** How many topologies there are: one bit for each ordered pair. */
export function topologyCount(nodes: number): number {
  return 2 ** (nodes * (nodes - 1));
}

/** Cuts the links whose bits are set in `topology`, and watches. `seed` decides delays and who leads at first. */
export function checkTopology(nodes: number, topology: number, seed: number): TopologyVerdict {
  const ignore = (): undefined => undefined;
  const cluster = new SimCluster({
    seed,
    nodes,
    clones: 0,
    replicas: 0,
    clients: 0,
    onDown: ignore,
    onFenced: ignore,
  });
  cluster.start();
  if (!runUntil(cluster, FOUNDED_WITHIN_MS, () => cluster.leader !== undefined)) {
    return { hasQuorum: true, problem: 'the cluster was not founded' };
  }
  runUntil(cluster, ELECTION_TIMEOUT_MS, () => false);
  const cuts = cutLinks(cluster, topology);
  if (!hasConnectedQuorum(nodes, cuts)) return { hasQuorum: false, problem: undefined };
  return { hasQuorum: true, problem: watch(cluster) };
}

function watch(cluster: SimCluster): string | undefined {
  runUntil(cluster, ELECTED_WITHIN_MS, () => false);
  const { leader } = cluster;
  const epoch = leader?.process?.epoch;
  if (leader === undefined) return `nobody leads after ${ELECTED_WITHIN_MS} ms`;
  const hasChanged = runUntil(cluster, STAYS_FOR_MS, () => {
    const now = cluster.leader;
    return now !== leader || now.process?.epoch !== epoch;
  });
  return hasChanged ? `${leader.name} leads no more at ${cluster.queue.nowMs} ms` : undefined;
}

function cutLinks(cluster: SimCluster, topology: number): Set<string> {
  const names = cluster.nodes.map(({ name }) => name);
  const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
  const cuts = new Set<string>();
  for (const [bit, [from, to]] of pairs.entries()) {
    if (Math.floor(topology / 2 ** bit) % 2 === 0) continue;
    cluster.network.cut(from, to);
    cuts.add(`${from} ${to}`);
  }
  return cuts;
}

/** Whether some majority's members all hear each other. */
function hasConnectedQuorum(nodes: number, cuts: ReadonlySet<string>): boolean {
  const quorum = Math.floor(nodes / 2) + 1;
  for (let group = 0; group < 2 ** nodes; group++) {
    const members = Array.from({ length: nodes }, (_, i) => i + 1).filter(
      (i) => (group >> (i - 1)) % 2 === 1,
    );
    if (members.length !== quorum) continue;
    const isWhole = members.every((a) => members.every((b) => a === b || !cuts.has(`n${a} n${b}`)));
    if (isWhole) return true;
  }
  return false;
}

function runUntil(cluster: SimCluster, lengthMs: number, holds: () => boolean): boolean {
  const limitMs = cluster.queue.nowMs + lengthMs;
  for (let event = cluster.queue.next(limitMs); event !== undefined; event = cluster.queue.next(limitMs)) {
    event.run();
    if (holds()) return true;
  }
  return false;
}
