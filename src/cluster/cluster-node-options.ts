/** What a node's cluster core is made with: settings, and what recovery found. */
import type { RecordKernel } from '../base/ports.js';
import type { MemberRole } from './configuration.js';
import type { LogStart } from './known-log.js';
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
  /** Between equal logs the higher one leads. */
  readonly priority: number;
  /** A leader that is not heard for so long is missed. */
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** A voter that is not heard for so long is replaced by a clone that has caught up. */
  readonly deadVoterTimeoutMs: number;
  /** A leader whose own disk makes no progress for so long gives up. */
  readonly diskStallTimeoutMs: number;
  /** A follower that lacks so much of what is committed writes faster (catch-up.ts). Only tests need another one than the default. */
  readonly catchUpBytes?: number;
  /** A fraction in [0, 1): spreads timeouts. */
  readonly random: () => number;
  /** Mints a cluster id (UUID text), for a founder. */
  readonly newId: () => string;
  readonly kernel: RecordKernel;
}

/** A node's memory of its past. */
export interface NodeStart {
  /** Already counted up and saved for this start. */
  readonly state: NodeState;
  /** Undefined if there is none yet. */
  readonly log: LogStart | undefined;
}

/** The log must hold all that this folder has vouched for; and who belongs to a cluster has a log. */
export function hasLostData({ state, log }: NodeStart): boolean {
  return !state.fenced && (log === undefined || log.end.position < state.ackedPosition);
}
