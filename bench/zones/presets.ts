/**
 * Topologies of known clouds. Pure: a table. Each says where its round trips are from and of when; clouds change, and what you measure
 * yourself is better (`cairn zones measure`). Jitter and disk times are assumptions, the same in all of them and said below.
 */
import { CairnError } from '../../src/base/errors.js';
import { delayOfRoundTrip, type LinkShape } from './link-shape.js';
import { linkKey, type Topology, type TopologyNode } from './topology.js';

/** Assumed: the mean lateness of a message, as a share of the round trip. No cloud publishes its jitter. */
const JITTER_SHARE = 0.01;
/** Assumed: a durable 4 KiB write on a network disk of the better kind, median and 99th percentile. `simulate` has this machine's instead. */
const DISK_MS = { p50: 1, p99: 3 } as const;
/** Assumed: a flow between two virtual machines of middling size. */
const BANDWIDTH_MBPS = { zones: 10_000, regions: 1000 } as const;

interface PresetFigures {
  readonly source: string;
  readonly scale: keyof typeof BANDWIDTH_MBPS;
  /** Round trip within a zone, ms. */
  readonly withinMs: number;
  /** Round trips between zones, ms. */
  readonly roundTrips: readonly (readonly [string, string, number])[];
  /** A node in each; the first leads. */
  readonly nodesIn: readonly string[];
}

const FIGURES: Readonly<Record<string, PresetFigures>> = {
  'azure-zones': {
    source:
      'Microsoft publishes a bound, "less than 2 ms" round trip between zones of a region (learn.microsoft.com/azure/availability-zones/az-overview). ' +
      'The figures are one measurement below it: UK South, TCP echo, averages of 11 hours, 1.553 ms across zones and 0.908 ms within one ' +
      '(S. Painter, simonpainter.com/azure-latency-1); all pairs are set to that average.',
    scale: 'zones',
    withinMs: 0.908,
    roundTrips: [
      ['zone-1', 'zone-2', 1.553],
      ['zone-1', 'zone-3', 1.553],
      ['zone-2', 'zone-3', 1.553],
    ],
    nodesIn: ['zone-1', 'zone-2', 'zone-3'],
  },
  'azure-regions': {
    source:
      'Rounded values for these pairs in the manner of "Azure network round-trip latency statistics" (learn.microsoft.com/azure/networking/azure-network-latency, ' +
      'a table that Microsoft renews every few months). The table itself was not at hand when this was written: compare with the page before you rely on them.',
    scale: 'regions',
    withinMs: 0.9,
    roundTrips: [
      ['west-europe', 'north-europe', 18],
      ['west-europe', 'uk-south', 10],
      ['west-europe', 'east-us', 82],
      ['north-europe', 'uk-south', 13],
      ['north-europe', 'east-us', 70],
      ['uk-south', 'east-us', 77],
    ],
    nodesIn: ['west-europe', 'north-europe', 'uk-south'],
  },
  'aws-zones': {
    source:
      'AWS publishes "single-digit millisecond latency" between the zones of a region, which lie up to 100 km apart (docs.aws.amazon.com, AWS Fault Isolation Boundaries, ' +
      'Availability Zones). The figures are average pings in us-east-1, 24 May 2009 (orensol.com, "Network Latency Inside And Across Amazon EC2 Availability Zones"); ' +
      'one of 29 November 2022 in eu-west-1 has 0.82 and 0.83 ms (L. Liesis).',
    scale: 'zones',
    withinMs: 0.26,
    roundTrips: [
      ['us-east-1a', 'us-east-1b', 0.937],
      ['us-east-1a', 'us-east-1c', 1.031],
      ['us-east-1b', 'us-east-1c', 1.126],
    ],
    nodesIn: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
  },
  'aws-regions': {
    source:
      'AWS shows inter-region latency in its console (Network Manager, Infrastructure Performance), not on a page. The figures are average pings between regions, as ' +
      'tabulated in April 2017 (acomputerscientistlearnsaws.blogspot.com/2017/04/aws-regions.html).',
    scale: 'regions',
    withinMs: 0.26,
    roundTrips: [
      ['eu-west-1', 'eu-central-1', 19.56],
      ['eu-west-1', 'us-east-1', 80.5],
      ['eu-west-1', 'us-west-2', 137],
      ['eu-central-1', 'us-east-1', 88.6],
      ['eu-central-1', 'us-west-2', 159.5],
      ['us-east-1', 'us-west-2', 87],
    ],
    nodesIn: ['eu-west-1', 'eu-central-1', 'us-east-1'],
  },
};

export const PRESET_NAMES: readonly string[] = Object.keys(FIGURES);

/** Throws `CairnError` code `invalid-configuration`. */
export function presetTopology(name: string): Topology {
  const figures = FIGURES[name];
  if (figures === undefined)
    throw new CairnError(
      'invalid-configuration',
      `there is no preset ${name}, only ${PRESET_NAMES.join(', ')}`,
    );
  const { source, scale, withinMs, roundTrips, nodesIn } = figures;
  const zones = [...new Set([...roundTrips.map(([a]) => a), ...roundTrips.map(([, b]) => b)])];
  const links = new Map<string, LinkShape>();
  for (const zone of zones) links.set(linkKey(zone, zone), shapeOf(withinMs, scale));
  for (const [a, b, rttMs] of roundTrips) {
    links.set(linkKey(a, b), shapeOf(rttMs, scale));
    links.set(linkKey(b, a), shapeOf(rttMs, scale));
  }
  const nodes = nodesIn.map((zone, index) => nodeIn(zone, nodesIn.length - index));
  return { name, source, zones, links, nodes, client: zones[0]!, leader: nodes[0]!.name };
}

function shapeOf(rttMs: number, scale: PresetFigures['scale']): LinkShape {
  const jitterMs = rttMs * JITTER_SHARE;
  return {
    delayMs: delayOfRoundTrip(rttMs, jitterMs),
    jitterMs,
    loss: 0,
    bandwidthMbps: BANDWIDTH_MBPS[scale],
  };
}

function nodeIn(zone: string, priority: number): TopologyNode {
  return { name: `node-${zone}`, zone, kind: 'voter', priority, diskMs: DISK_MS, processingMs: 0.1 };
}
