/**
 * Where to put the nodes of a cluster, and who should lead: every placement of so many voters in the zones of a topology, with what a write takes and
 * what may be lost. Pure.
 */
import type { AckPolicy } from '../../src/cluster/ack-policy.js';
import { costsFromFigures, predict } from './latency-model.js';
import {
  nodeNamed,
  quorumOf,
  refusedTopology,
  type Topology,
  type TopologyNode,
  votersIn,
} from './topology.js';

export interface Placement {
  /** How many voters are in each zone that has one. */
  readonly voters: ReadonlyMap<string, number>;
  readonly leaderZone: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many zones can be lost at once, whichever they are, without the cluster standing still. */
  readonly zonesToLose: number;
}

export interface PlacementQuestion {
  readonly topology: Topology;
  readonly policy: AckPolicy;
  readonly voters: number;
  readonly seed: number;
}

/** Enough for a median to 1 %; there may be thousands of placements. */
const DRAWS = 1500;
/** 5 voters in 12 zones. More would take minutes. */
const PLACEMENTS_MAX = 5000;

/** The best first: who survives the loss of a zone before who doesn't, then by median. The client stays where it is. */
export function placementsOf(question: PlacementQuestion): readonly Placement[] {
  const { topology, voters } = question;
  const all = combinations(topology.zones, voters);
  if (all.length > PLACEMENTS_MAX)
    throw refusedTopology(`${all.length} placements are too many to try: fewer zones, or fewer --voters`);
  const placements = all.flatMap((zones) =>
    [...new Set(zones)].map((zone) => placementOf(question, zones, zone)),
  );
  return placements
    .filter((placement) => placement !== undefined)
    .sort(
      (a, b) =>
        Number(b.zonesToLose > 0) - Number(a.zonesToLose > 0) || a.p50Ms - b.p50Ms || a.p99Ms - b.p99Ms,
    );
}

/** Each voter of the topology as the leader, the fastest first. The client stays where it is. */
export function leadersOf({
  topology,
  policy,
  seed,
}: Omit<PlacementQuestion, 'voters'>): readonly (Placement & { readonly leader: string })[] {
  const zones = votersIn(topology).map(({ zone }) => zone);
  return votersIn(topology)
    .flatMap(({ name, zone }) => {
      const candidate = { ...topology, leader: name };
      const prediction = predict(
        { topology: candidate, costs: costsFromFigures(candidate), messageBytes: 0 },
        { policy, seed, draws: DRAWS },
      );
      if (prediction === undefined) return [];
      const { p50Ms, p99Ms } = prediction;
      return [
        {
          leader: name,
          leaderZone: zone,
          voters: counted(zones),
          zonesToLose: zonesToLose(zones),
          p50Ms,
          p99Ms,
        },
      ];
    })
    .sort((a, b) => a.p50Ms - b.p50Ms || a.p99Ms - b.p99Ms);
}

/** Undefined if the policy can't be met there. */
function placementOf(
  { topology, policy, seed }: PlacementQuestion,
  zones: readonly string[],
  leaderZone: string,
): Placement | undefined {
  const like = nodeNamed(topology, topology.leader);
  const nodes = zones.map(
    (zone, index): TopologyNode => ({ ...like, name: `${zone}/${index}`, zone, kind: 'voter' }),
  );
  const leader = nodes.find(({ zone }) => zone === leaderZone)!.name;
  const placed = { ...topology, nodes, leader };
  const prediction = predict(
    { topology: placed, costs: costsFromFigures(placed), messageBytes: 0 },
    { policy, seed, draws: DRAWS },
  );
  if (prediction === undefined) return undefined;
  const { p50Ms, p99Ms } = prediction;
  return { voters: counted(zones), leaderZone, p50Ms, p99Ms, zonesToLose: zonesToLose(zones) };
}

/** How many zones may go, the fullest first, while a quorum of the voters is left. */
export function zonesToLose(zones: readonly string[]): number {
  const left = [...counted(zones).values()].sort((a, b) => b - a);
  let alive = zones.length;
  let lost = 0;
  for (const count of left) {
    alive -= count;
    if (alive < quorumOf(zones.length)) break;
    lost++;
  }
  return lost;
}

function counted(zones: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return counts;
}

/** All choices of `count` items, an item more than once too, whatever their order. */
function combinations(items: readonly string[], count: number): readonly (readonly string[])[] {
  if (count === 0) return [[]];
  return items.flatMap((item, index) =>
    combinations(items.slice(index), count - 1).map((rest) => [item, ...rest]),
  );
}
