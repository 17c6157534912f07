/**
 * What a node must remember besides its log: who it is, and what it has promised. Saved durably before a message leaves that
 * speaks for it. Pure; the file's bytes are `node-state-codec.ts`.
 */
import type { Epoch, Position } from '../base/units.js';
import type { MemberId } from './configuration.js';
import type { Foundation } from './foundation.js';

export interface NodeState {
  readonly memberId: MemberId;
  /** How often the node has started with this folder, this start included. A lower one seen by others is a copy or a ghost. */
  readonly start: number;
  /** Random, drawn at each start: tells two processes apart that were started from copies of one folder. */
  readonly nonce: number;
  /** The log's id, which is the cluster's; undefined as long as the node belongs to none. */
  readonly clusterId: string | undefined;
  /** Nothing of a lower epoch is accepted or acked any more. 0 = nothing promised. */
  readonly promisedEpoch: Epoch;
  /** The highest epoch in which this node has accepted a leader, and which. At most one leader per epoch rests on this. */
  readonly acceptedEpoch: Epoch;
  readonly acceptedLeader: MemberId | undefined;
  /** The founding that this node has agreed to, and will never trade for another by itself. */
  readonly foundation: Foundation | undefined;
  /** Whether all have agreed to it: from then on the node takes part in elections. */
  readonly founded: boolean;
  /** A lower bound of what this node has acked. A log that ends before it has lost something. */
  readonly ackedPosition: Position;
  /**
   * From this position on the log was written without regard to what its Commit records name (catch-up.ts): recovery must not take them for
   * proof of damage there. Undefined: nowhere.
   */
  readonly catchingUpFrom: Position | undefined;
  /** Set for good when the node has learned that it lost acked data or that it is a copy. It never votes or acks again. */
  readonly fenced: boolean;
}

/** Of a node that has promised nothing yet, at its first start. */
export function freshNodeState(memberId: MemberId, nonce: number): NodeState {
  return {
    memberId,
    start: 1,
    nonce,
    clusterId: undefined,
    promisedEpoch: 0,
    acceptedEpoch: 0,
    acceptedLeader: undefined,
    foundation: undefined,
    founded: false,
    ackedPosition: 0,
    fenced: false,
    catchingUpFrom: undefined,
  };
}

/**
 * A copy of `state` with what `change` says. Field by field, so that all states have one shape: the core looks at them in each step, and to
 * what is made by spreading an object V8 gives a shape of its own each time. It compiles all of the core anew for the first few of them.
 */
export function changedState(state: NodeState, change: Partial<NodeState>): NodeState {
  const copy: NodeState = {
    memberId: state.memberId,
    start: state.start,
    nonce: state.nonce,
    clusterId: state.clusterId,
    promisedEpoch: state.promisedEpoch,
    acceptedEpoch: state.acceptedEpoch,
    acceptedLeader: state.acceptedLeader,
    foundation: state.foundation,
    founded: state.founded,
    ackedPosition: state.ackedPosition,
    catchingUpFrom: state.catchingUpFrom,
    fenced: state.fenced,
  };
  return Object.assign(copy, change);
}
