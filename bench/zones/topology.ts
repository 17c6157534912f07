/**
 * Zones, the links between them, and the nodes in them: what `cairn zones` predicts for and builds. Pure. A topology is made by
 * `topology-file.ts` or `presets.ts`.
 */
import { CairnError } from '../../src/base/errors.js';
import type { LinkShape } from './link-shape.js';

export type NodeKind = 'voter' | 'clone';

export interface TopologyNode {
  readonly name: string;
  readonly zone: string;
  readonly kind: NodeKind;
  /** As `NodePriority`. */
  readonly priority: number;
  /** How long its disk takes to make a small batch durable: median and 99th percentile. */
  readonly diskMs: { readonly p50: number; readonly p99: number };
  /** What its software takes for a write besides the disk, as a leader and as a follower. */
  readonly processingMs: number;
}

export interface Topology {
  readonly name: string;
  /** Where the figures are from. */
  readonly source: string;
  readonly zones: readonly string[];
  /** Both directions of all pairs, and within a zone: by {@link linkKey}. */
  readonly links: ReadonlyMap<string, LinkShape>;
  readonly nodes: readonly TopologyNode[];
  /** The zone that the client is in. */
  readonly client: string;
  /** The name of the node that should lead. */
  readonly leader: string;
}

export function linkKey(from: string, to: string): string {
  return `${from} → ${to}`;
}

export function linkOf({ links }: Topology, from: string, to: string): LinkShape {
  const link = links.get(linkKey(from, to));
  if (link === undefined) throw refusedTopology(`there is no link from zone ${from} to zone ${to}`);
  return link;
}

/** Throws `CairnError` if there is no node of that name. */
export function nodeNamed({ nodes }: Topology, name: string): TopologyNode {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  throw refusedTopology(`there is no node ${name}, only ${nodes.map((other) => other.name).join(', ')}`);
}

export function votersIn({ nodes }: Topology): readonly TopologyNode[] {
  return nodes.filter(({ kind }) => kind === 'voter');
}

export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The topology with another leader, or client. Throws `CairnError` if there are none such. */
export function placed(
  topology: Topology,
  { leader, client }: { leader?: string; client?: string },
): Topology {
  const chosen = nodeNamed(topology, leader ?? topology.leader);
  if (chosen.kind !== 'voter') throw refusedTopology(`${chosen.name} is a clone: it can't lead`);
  if (client !== undefined && !topology.zones.includes(client))
    throw refusedTopology(`there is no zone ${client}, only ${topology.zones.join(', ')}`);
  return {
    ...topology,
    leader: chosen.name,
    client: client ?? (leader === undefined ? topology.client : chosen.zone),
  };
}

export function refusedTopology(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
