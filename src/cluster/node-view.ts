import type { Epoch, Position } from '../base/units.js';
import type { Configuration } from './configuration.js';
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
  readonly configuration: Configuration | undefined;
  readonly state: NodeState;
}
