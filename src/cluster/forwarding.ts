/**
 * Where a client's request is answered: on the node that it has come to, on the leader, or nowhere for now. Pure. A decision about
 * effort, not about safety: who forwards to a leader that no longer leads gets a refusal from it.
 */
import { unreachable } from '../base/assert.js';
import type { NodeRole } from './effects.js';

/**
 * `read-local`: whatever this node knows to be committed, perhaps late. `read-leader`: the leader's latest, as far as it believes to
 * lead. `read-linearizable`: confirmed by a quorum.
 */
export type ClientRequest = 'write' | 'read-local' | 'read-leader' | 'read-linearizable';

/** What the decision needs to know of a node. */
export interface Standing {
  readonly role: NodeRole;
  /** The name of the leader that it follows, or is. */
  readonly leader: string | undefined;
  /** A leader: whether it hears a quorum. Of no meaning otherwise. */
  readonly hasQuorum: boolean;
}

/** Why a request is refused. All but `fenced` may pass by themselves. */
export type RequestRefusal =
  /** The client wanted a leader, and this is not it. */
  | 'not-leader'
  /** None is known, or it is not yet or no longer ready for this. */
  | 'no-leader'
  /** This is the leader, cut off from the others: read-only. */
  | 'no-quorum'
  /** The node belongs to no cluster yet, so it has nothing to read. */
  | 'no-cluster'
  /** A copy, or a node that lost what it had acked: nobody should read from it. */
  | 'fenced';

export type Forwarding =
  | { readonly kind: 'here' }
  | { readonly kind: 'forward'; readonly to: string }
  /** `leader`: where the client may try instead. */
  | { readonly kind: 'refuse'; readonly refusal: RequestRefusal; readonly leader: string | undefined };

const HERE: Forwarding = { kind: 'here' };

/**
 * `requireLeader`: the client rather wants a refusal than an answer by, or through, another node than the leader. A forwarded request
 * has it set, so that it is forwarded once.
 */
export function whereToAnswer(
  standing: Standing,
  request: ClientRequest,
  requireLeader: boolean,
): Forwarding {
  const { role } = standing;
  switch (role) {
    case 'fresh':
      return refuse('no-cluster', undefined);
    case 'fenced':
      return refuse('fenced', undefined);
    case 'looking':
    case 'electing':
    // Elected, but what it has to commit first is not committed yet: it knows as much as any other node.
    case 'preLeader':
      return withoutLeader(request, requireLeader);
    case 'leader':
    case 'resigning':
      return asLeader(standing, request);
    case 'joining':
    case 'following':
      return asFollower(standing, request, requireLeader);
    default:
      return unreachable(role);
  }
}

function withoutLeader(request: ClientRequest, requireLeader: boolean): Forwarding {
  return request === 'read-local' && !requireLeader ? HERE : refuse('no-leader', undefined);
}

function asLeader({ role, hasQuorum }: Standing, request: ClientRequest): Forwarding {
  if (request === 'read-local') return HERE;
  if (!hasQuorum) return refuse('no-quorum', undefined);
  // What it took in now might keep its successor from being ready.
  return role === 'resigning' && request === 'write' ? refuse('no-leader', undefined) : HERE;
}

function asFollower({ role, leader }: Standing, request: ClientRequest, requireLeader: boolean): Forwarding {
  if (leader === undefined) return withoutLeader(request, requireLeader);
  if (requireLeader) return refuse('not-leader', leader);
  if (request === 'read-local') return HERE;
  // A follower asks the leader for a read index. Before it has joined it might wait long to reach it.
  if (request === 'read-linearizable' && role === 'following') return HERE;
  return { kind: 'forward', to: leader };
}

function refuse(refusal: RequestRefusal, leader: string | undefined): Forwarding {
  return { kind: 'refuse', refusal, leader };
}
