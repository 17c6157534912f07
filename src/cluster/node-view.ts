import type { Epoch, Position } from '../base/units.js';
import type { Configuration, MemberId, MemberRole } from './configuration.js';
import type { NodeRole } from './effects.js';
import type { NodeState } from './node-state.js';

/** What may be seen of a node from outside, for status and for checks. */
export interface NodeView {
  readonly role: NodeRole;
  readonly promisedEpoch: Epoch;
  /** The epoch of the leader that this node follows or is; 0 if none. */
  readonly epoch: Epoch;
  /** The leader's name. */
  readonly leader: string | undefined;
  readonly commit: Position;
  /** Where the newest epoch of its log begins; 0 if it has none. */
  readonly epochPosition: Position;
  /** A follower: bytes of its leader's log, as far as it has heard of it, that are not durable here. Else 0. */
  readonly lagBytes: number;
  readonly configuration: Configuration | undefined;
  readonly state: NodeState;
}

/** How far a member's log has come, as the leader knows. */
export interface MemberProgress {
  readonly id: MemberId;
  readonly name: string;
  readonly role: MemberRole;
  readonly zone: string;
  /** Bytes of the leader's log that it has not acknowledged. */
  readonly lagBytes: number;
  readonly isStreaming: boolean;
  /** How long nothing was heard of it. */
  readonly silentMs: number;
}
