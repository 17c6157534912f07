/** What clients are told when a node can't decide, or knows that it isn't the one to ask. Pure. */
import { unreachable } from '../base/assert.js';
import type { NodeRole } from '../cluster/effects.js';
import type { Rejection } from '../sequencer/pending-replies.js';

/** Why a node of this role doesn't decide appends; undefined: it does, or will in a moment. `leader`: the leader's name. */
export function whyNotHere(role: NodeRole, leader: string | undefined): Rejection | undefined {
  switch (role) {
    case 'leader':
    case 'preLeader':
      return undefined;
    case 'fresh':
      return NO_CLUSTER;
    case 'fenced':
      return FENCED;
    case 'looking':
    case 'electing':
    // What it took in now might keep its successor from being ready.
    case 'resigning':
      return NO_LEADER;
    case 'joining':
    case 'following':
      return leader === undefined ? NO_LEADER : notLeader(leader);
    default:
      return unreachable(role);
  }
}

/** Who lost its leader, or never had one, is told this. */
function notLeader(leader: string): Rejection {
  return {
    code: 'not-leader',
    message: `this node does not lead, ${leader} does; nothing was written`,
    details: { leader },
  };
}

/** Why a linearizable read can't begin: any node serves them, so whoever leads, another try is all it takes. */
export const NO_READ_INDEX: Rejection = {
  code: 'no-leader',
  message: 'no leader could confirm to be the one; nothing was read; try again',
  details: {},
};

export const NO_LEADER: Rejection = {
  code: 'no-leader',
  message: 'no leader is known at the moment, so nothing can be written; try again',
  details: {},
};

/** Of a node that is cut off from most of the others, or whose others are down. */
export const NO_QUORUM: Rejection = {
  code: 'no-quorum',
  message:
    'this node hears from too few voters for any of them to lead: reads of what is committed here go on, nothing can be written until more are back',
  details: {},
};

export const SHUTTING_DOWN: Rejection = {
  code: 'shutting-down',
  message: 'the node is shutting down; nothing was written; try another node, or this one again later',
  details: {},
};

const NO_CLUSTER: Rejection = {
  code: 'no-cluster',
  message: 'this node belongs to no cluster yet; try another one, or this one again later',
  details: {},
};

const FENCED: Rejection = {
  code: 'fenced',
  message: 'this node is fenced, its log says why: it serves nobody; use another one',
  details: {},
};
