/** What HTTP needs of whoever keeps a node's gossip. Types only. */
import type { GossipMember } from '../cluster/gossip.js';
import type { GossipMessage } from './gossip-message.js';

/** What another node's gossip is answered with. */
export type GossipReply =
  | { readonly kind: 'answer'; readonly message: GossipMessage }
  /** It is of another cluster: nothing was taken, and nothing is told. */
  | { readonly kind: 'foreign'; readonly clusterId: string }
  /** Fault injection keeps the two apart: the connection breaks without a word. */
  | { readonly kind: 'blocked' };

export interface GossipPort {
  /** What another node has told by itself. */
  receive(message: GossipMessage): GossipReply;
  /** Everybody who is known, this node too. */
  members(): readonly GossipMember[];
  /** Name → by how much that node's clock is ahead of this one's, in milliseconds, at the last exchange. */
  readonly clockDifferencesMs: ReadonlyMap<string, number>;
}
