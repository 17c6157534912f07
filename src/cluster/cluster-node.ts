/**
 * One node's part in all decisions of its cluster: election, replication, membership, linearizable reads. Pure: no clock,
 * socket or disk; time and facts come in by `step`, and what is to be done comes out (effects.ts).
 */
import type { ChainState, RecordKernel } from '../base/ports.js';
import type { Epoch, Position } from '../base/units.js';
import type { Configuration, MemberRole } from './configuration.js';
import type { Effect, Input, NodeRole } from './effects.js';
import type { EpochEntry } from './messages.js';
import type { NodeState } from './node-state.js';

export interface ClusterNodeOptions {
  /** This node's address, under which others reach it. */
  readonly name: string;
  readonly zone: string;
  /** What it wants to be in a cluster that it joins: `voter` begins as a clone and is promoted where one is missing. */
  readonly role: MemberRole;
  /** How many voters a cluster that it founds is to have. */
  readonly clusterSize: number;
  readonly chunkSize: number;
  /** Names to introduce itself to as long as it has no cluster. Itself may be among them. */
  readonly seeds: readonly string[];
  readonly priority: number;
  /** A leader that is not heard for so long is missed. */
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** A voter that is not heard for so long is replaced by a clone that has caught up. */
  readonly deadVoterTimeoutMs: number;
  /** A leader whose own disk makes no progress for so long gives up. */
  readonly diskStallTimeoutMs: number;
  /** A fraction in [0, 1): spreads timeouts. */
  readonly random: () => number;
  /** Mints a cluster id (UUID text), for a founder. */
  readonly newId: () => string;
  readonly kernel: RecordKernel;
}

/** What recovery found: the node's memory of its past. */
export interface NodeStart {
  /** Already counted up and saved for this start. */
  readonly state: NodeState;
  readonly log: LogStart | undefined;
}

export interface LogStart {
  /** The log's end; all before is durable. */
  readonly end: Readonly<ChainState>;
  /** All Epoch records, oldest first. */
  readonly epochs: readonly EpochEntry[];
  /** All Membership records, oldest first. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The highest position that a Commit record calls committed. */
  readonly committed: Position;
}

export interface PlacedConfiguration {
  /** Where its record begins and ends. */
  readonly position: Position;
  readonly end: Position;
  readonly configuration: Configuration;
}

/** What may be seen of a node from outside, for status and for checks. */
export interface NodeView {
  readonly role: NodeRole;
  readonly promisedEpoch: Epoch;
  /** The epoch of the leader that this node follows or is; 0 if none. */
  readonly epoch: Epoch;
  readonly leader: string | undefined;
  readonly commit: Position;
  readonly configuration: Configuration | undefined;
}

export declare class ClusterNode {
  constructor(options: ClusterNodeOptions, start: NodeStart, nowMs: number);
  /** Takes in what happened; answers with what is to be done. `nowMs` is monotonic and never goes back. */
  step(input: Input, nowMs: number): readonly Effect[];
  /** When `tick` is wanted at the latest. */
  readonly deadlineMs: number;
  readonly view: NodeView;
}
