/** What the parts of a leader may ask of it: `leader.ts` is it, the parts don't know more. Pure. */
import type { Epoch, Position } from '../base/units.js';
import type { MemberId } from './configuration.js';
import type { Progress } from './progress.js';

export interface Reign {
  readonly epoch: Epoch;
  /** Whether a record of this reign is committed: only then is the leader's commit position known to be the newest. */
  readonly isEstablished: boolean;
  readonly progress: ReadonlyMap<MemberId, Progress>;
  /** How far a member's log is durable in this subscription; the leader's own included. */
  durableOf(id: MemberId): Position;
  hasHeard(id: MemberId, withinMs: number): boolean;
}
