/**
 * The founding of a cluster, as a value: which cluster, and which nodes. Pure. A node agrees to one and no other, and a cluster is
 * founded when all its founding members have agreed: so two clusters can't form that share a node.
 */
import type { Configuration, Member, MemberId } from './configuration.js';

export interface Foundation {
  /** Minted by the founder: the log's id from the first chunk header on. */
  readonly clusterId: string;
  /** Who alone may complete or abandon it: the lowest id of the members. */
  readonly founder: MemberId;
  readonly chunkSize: number;
  /** The first voters, sorted by id; as many as the cluster is to have. */
  readonly members: readonly Member[];
}

/** The configuration that a founded cluster begins with. It counts until the first leader has written it into the log. */
export function firstConfiguration(foundation: Foundation): Configuration {
  const { members } = foundation;
  return { version: 1, clusterSize: members.length, members };
}
