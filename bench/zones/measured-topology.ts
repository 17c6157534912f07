/**
 * A topology from a measurement, for `cairn zones predict`. Pure. Only the leader's links were seen: between two followers' zones stands the sum of both ways to the leader,
 * which is the most that it can be where routes are sensible.
 */

import { bucketPercentile } from '../statistics/metrics-text.js';
import { delayOfRoundTrip, type LinkShape, NO_DELAY } from './link-shape.js';
import type { ClusterMeasurement, MemberMeasurement } from './measure.js';
import { linkKey, type Topology, type TopologyNode } from './topology.js';

/** A member without a zone is one by itself. */
function zoneOf({ zone, name }: MemberMeasurement): string {
  return zone === '' ? name : zone;
}

export function measuredTopology({ leader, members }: ClusterMeasurement): Topology {
  const zones = [...new Set(members.map(zoneOf))];
  const home = zoneOf(members.find(({ isLeader }) => isLeader)!);
  const toHome = new Map(zones.map((zone) => [zone, roundTripOf(members, zone)]));
  const links = new Map<string, LinkShape>();
  for (const from of zones)
    for (const to of zones) {
      const rttMs =
        from === to
          ? from === home
            ? toHome.get(home)!
            : 0
          : withoutHome(toHome, from, home) + withoutHome(toHome, to, home);
      links.set(linkKey(from, to), { ...NO_DELAY, delayMs: delayOfRoundTrip(rttMs, 0) });
    }
  const nodes = members
    .filter(({ role }) => role !== 'replica')
    .map((member): TopologyNode => {
      const diskMs = member.diskMs ?? 0;
      const kind = member.role === 'clone' ? 'clone' : 'voter';
      return {
        name: member.name,
        zone: zoneOf(member),
        kind,
        priority: 0,
        diskMs: { p50: diskMs, p99: diskMs },
        processingMs: 0,
      };
    });
  const source = 'cairn zones measure: a follower’s ack, its disk taken off; disks as means';
  return { name: 'measured', source, zones, links, nodes, client: home, leader };
}

function withoutHome(toHome: ReadonlyMap<string, number>, zone: string, home: string): number {
  return zone === home ? 0 : toHome.get(zone)!;
}

/** Between the leader and a zone: of the nearest member there. */
function roundTripOf(members: readonly MemberMeasurement[], zone: string): number {
  const times = members
    .filter((member) => zoneOf(member) === zone && member.ack !== undefined)
    .map(({ ack, diskMs }) => Math.max(0, bucketPercentile(ack!, 50) * 1000 - (diskMs ?? 0)));
  return times.length === 0 ? 0 : Math.min(...times);
}
