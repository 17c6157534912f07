/** What a node is, in KurrentDB's words (VNodeState), which people, dashboards and clients know. Pure. */
import { unreachable } from '../../base/assert.js';
import type { MemberRole } from '../../cluster/configuration.js';
import type { NodeRole } from '../../cluster/effects.js';

export type StateWord =
  | 'Initializing'
  | 'Unknown'
  | 'ReadOnlyLeaderless'
  | 'PreReplica'
  | 'PreReadOnlyReplica'
  | 'CatchingUp'
  | 'Clone'
  | 'Follower'
  | 'ReadOnlyReplica'
  | 'PreLeader'
  | 'Leader'
  | 'ResigningLeader'
  | 'Fenced';

/** Who lacks more of its leader's log than this is catching up: the same figure as the core's for a clone that can be promoted. */
const LAG_BYTES_MAX = 1024 * 1024;

/**
 * | node role | voter | clone | replica | no member |
 * |---|---|---|---|---|
 * | fresh | Initializing | | | |
 * | looking, electing | Unknown | Unknown | ReadOnlyLeaderless | Unknown |
 * | joining | PreReplica | PreReplica | PreReadOnlyReplica | PreReplica |
 * | following, far behind | CatchingUp | CatchingUp | PreReadOnlyReplica | CatchingUp |
 * | following | Follower | Clone | ReadOnlyReplica | CatchingUp |
 * | preLeader, leader, resigning | PreLeader, Leader, ResigningLeader | | | |
 * | fenced | Fenced (KurrentDB has no such state) | | | |
 */
export function stateWord(nodeRole: NodeRole, role: MemberRole | undefined, lagBytes: number): StateWord {
  switch (nodeRole) {
    case 'fresh':
      return 'Initializing';
    case 'looking':
    case 'electing':
      return role === 'replica' ? 'ReadOnlyLeaderless' : 'Unknown';
    case 'joining':
      return role === 'replica' ? 'PreReadOnlyReplica' : 'PreReplica';
    case 'following':
      return followerWord(role, lagBytes > LAG_BYTES_MAX);
    case 'preLeader':
      return 'PreLeader';
    case 'leader':
      return 'Leader';
    case 'resigning':
      return 'ResigningLeader';
    case 'fenced':
      return 'Fenced';
    default:
      return unreachable(nodeRole);
  }
}

function followerWord(role: MemberRole | undefined, isBehind: boolean): StateWord {
  if (role === 'replica') return isBehind ? 'PreReadOnlyReplica' : 'ReadOnlyReplica';
  if (isBehind || role === undefined) return 'CatchingUp';
  return role === 'voter' ? 'Follower' : 'Clone';
}
