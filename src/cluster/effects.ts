/**
 * What goes into a node's cluster core and what comes out. Pure. The core never waits: it is told what happened, and answers with
 * what is to be done, in order. Who carries it out (`node/`, or the simulator) owes it these rules:
 *
 * - Effects are carried out in the order given; `write`, `append` and `truncate` reach the log in that order.
 * - `save` is durable before its `thenSend` leaves, and saves become durable in order. A message to oneself comes back as an input.
 *   If a save with a higher promise, or one by which the node is fenced, has become durable meanwhile (the process stood still), the
 *   `thenSend` of the earlier one is dropped.
 * - `durable`, `truncated`, `appended` and `published` are told in the order of the log's operations; `published` grows, and comes
 *   before the `durable` that covers it.
 * - When a `role` effect ends a reign, what is framed is told by `published` before the next input, or dropped and never written.
 * - The bytes of a `write` are those of the message that came in; who keeps them after its effects are carried out copies them.
 * - A truncation that can't be carried out ends the process, as every failed write does.
 */
import type { Bytes, ChainState } from '../base/ports.js';
import type { Epoch, Position } from '../base/units.js';
import type { Configuration, MemberId, MembershipChange } from './configuration.js';
import type { Message } from './messages.js';
import type { NodeState } from './node-state.js';

/** A message and the name (address) of the node that it goes to. */
export interface Outgoing {
  readonly to: string;
  readonly message: Message;
}

/** What a node is right now. Whether it has a vote is the configuration's to say, not its role's. */
export type NodeRole =
  /** Belongs to no cluster (founding.ts). */
  | 'fresh'
  /** Knows no leader, and waits for its turn (Raft's follower without a leader). */
  | 'looking'
  /** Holds an election (coordinator.ts): Paxos' proposer, Raft's candidate, though it may propose another node. */
  | 'electing'
  /** Was voted for; no record of its own epoch is committed yet, so it answers nobody (Raft, section 8). */
  | 'preLeader'
  /** Takes writes (leader.ts; Raft, section 5.3). */
  | 'leader'
  /** Takes none any more, and hands over (resignation.ts; Ongaro, thesis, section 3.10). */
  | 'resigning'
  /** Knows the leader; where the logs part is not settled (follower.ts; Raft, section 5.3). */
  | 'joining'
  /** Its log is on the leader's line. */
  | 'following'
  /** A copy, or has lost acked data, or was removed: never votes or acks again (gate.ts). */
  | 'fenced';

export type Input =
  | { readonly kind: 'message'; readonly message: Message }
  /** Time has passed: called at the time that {@link ClusterNode.deadlineMs} names, or earlier. */
  | { readonly kind: 'tick' }
  /** All of the log before `position` is durable here; always the end of a record. */
  | { readonly kind: 'durable'; readonly position: Position }
  /** Leader: whole transactions were appended; the log now ends at `end`, the end of one (`position` is the end, the rest what the next record continues from). */
  | { readonly kind: 'published'; readonly end: Readonly<ChainState> }
  /**
   * What an `append` asked for, with Padding if that comes first, is from `position` to `end`; told even if the reign is over;
   * `published` is told behind it.
   */
  | {
      readonly kind: 'appended';
      readonly record: AppendedRecord;
      readonly position: Position;
      readonly end: Position;
    }
  /** Leader: a `ship` has left, up to `end`; the next one may go. Told even if nothing could be sent (then `end` is where it was to begin). */
  | { readonly kind: 'shipped'; readonly to: MemberId; readonly attempt: number; readonly end: Position }
  /** The log now ends at `end`, durably. */
  | { readonly kind: 'truncated'; readonly end: Readonly<ChainState> }
  /** The process of the node of this name is gone, as far as its machine says: nobody listens there any more. May be wrong. */
  | { readonly kind: 'unreachable'; readonly name: string }
  /** A linearizable read wants to know from which position on its answer is fresh. */
  | { readonly kind: 'read'; readonly request: number }
  /** Leader: hand over, to `target` or to whom is best. */
  | { readonly kind: 'resign'; readonly target?: MemberId }
  | { readonly kind: 'change'; readonly request: number; readonly change: MembershipChange }
  | { readonly kind: 'priority'; readonly priority: number };

export type AppendedRecord =
  | { readonly type: 'epoch'; readonly epoch: Epoch }
  | { readonly type: 'membership'; readonly configuration: Configuration };

/** Why a request to the core can't be met. */
export type Refusal =
  /** Ask the leader. */
  | 'not-leader'
  /** There is none, or it has not committed a record of its own epoch yet. */
  | 'no-leader'
  /** Another change is not committed yet. */
  | 'change-in-progress'
  /** The change makes no sense in this configuration, or would leave no voter. */
  | 'invalid-change'
  /** The clone is too far behind to be given a vote. */
  | 'not-caught-up'
  /** Without this vote the voters that are alive would be no quorum. */
  | 'quorum-needed'
  /** Nobody can take over. */
  | 'no-successor';

export type Alarm =
  /** Invariant 5: the leader wanted a truncation below what this node knows to be committed. */
  | { readonly kind: 'truncation-refused'; readonly asked: Position; readonly commit: Position }
  /** Somebody of another cluster talks to this node. */
  | { readonly kind: 'foreign-cluster'; readonly clusterId: string; readonly fromName: string }
  /** A range from the leader does not continue this log: chain, checksum or position is wrong. */
  | { readonly kind: 'bad-range'; readonly position: Position; readonly reason: string }
  /** This node was told that it is a copy, or has lost acked data. */
  | { readonly kind: 'fenced'; readonly reason: string }
  /** A member is a copy, or has lost acked data. */
  | { readonly kind: 'member-fenced'; readonly member: MemberId; readonly reason: string }
  /** No promised log holds what some promise knows to be committed: no leader is proposed. */
  | { readonly kind: 'committed-missing'; readonly commit: Position; readonly best: Position };

export type Effect =
  | { readonly kind: 'send'; readonly to: string; readonly message: Message }
  | { readonly kind: 'save'; readonly state: NodeState; readonly thenSend: readonly Outgoing[] }
  /**
   * Leader: send as many whole records as lie in [range.position, limit) of the log, but at least one, as a `range` message with these
   * fields; then tell `shipped`. One `ship` for a member's subscription (`attempt`) is under way at a time.
   */
  | {
      readonly kind: 'ship';
      readonly to: string;
      readonly range: Omit<Extract<Message, { kind: 'range' }>, 'bytes'>;
      readonly limit: Position;
    }
  /**
   * Follower: write these verified records at `from`, the log's end. Unless `isCatchUp`, no Commit record may stand in one unsynced batch with
   * what it names (log/write-batches.ts). If so, recovery has to be told of `NodeState.catchingUpFrom`, and
   * the same holds for all writes before it that have not been begun.
   */
  | { readonly kind: 'write'; readonly from: Position; readonly bytes: Bytes; readonly isCatchUp: boolean }
  /** Cut the log at `to`, durably. */
  | { readonly kind: 'truncate'; readonly to: Position }
  /** Leader: append this record. */
  | { readonly kind: 'append'; readonly record: AppendedRecord }
  /** All before `position`, the end of a transaction or of a record outside of one, is committed. Only grows. */
  | { readonly kind: 'commit'; readonly position: Position }
  | {
      readonly kind: 'role';
      readonly role: NodeRole;
      readonly epoch: Epoch;
      readonly leader: string | undefined;
    }
  /** A read may be served by any state that has applied everything committed before `position`. */
  | { readonly kind: 'readReady'; readonly request: number; readonly position: Position }
  | { readonly kind: 'readRefused'; readonly request: number; readonly refusal: Refusal }
  | { readonly kind: 'changed'; readonly request: number; readonly configuration: Configuration }
  | { readonly kind: 'changeRefused'; readonly request: number; readonly refusal: Refusal }
  | { readonly kind: 'resignRefused'; readonly refusal: Refusal }
  /** The node belongs to a cluster from now on: its log gets this id and chunk size. */
  | { readonly kind: 'joined'; readonly clusterId: string; readonly chunkSize: number }
  | { readonly kind: 'alarm'; readonly alarm: Alarm };
