/** What a simulation is asked for and what it answers with: plain data that crosses threads. */
import type { FaultSelection } from './faults/fault-plan.js';

export interface SimulationOptions {
  /** 0 to 2^53 - 1: everything else that is random follows from it. */
  readonly seed: number;
  /** Founding members: voters. */
  readonly nodes: number;
  /** Nodes that join when the cluster is founded. */
  readonly clones: number;
  readonly replicas: number;
  /** Clients that ask all the time; a few if it is left out. */
  readonly clients?: number;
  /** How long the run lasts, in virtual milliseconds; the calm period at its end comes on top. */
  readonly virtualMs: number;
  readonly faults: FaultSelection;
}

/** Something that must never happen has happened. The run ends with the first. */
export interface Violation {
  /** Which promise, in a few words: an invariant of docs/consensus.md, `liveness`, `history`, or `assertion`. */
  readonly invariant: string;
  readonly message: string;
  readonly timeMs: number;
  /** Where, or '' for the cluster as a whole. */
  readonly node: string;
}

export interface SimulationStats {
  readonly elections: number;
  readonly crashes: number;
  readonly faults: number;
  readonly messages: number;
  readonly appendsAccepted: number;
  readonly appendsAsked: number;
  readonly reads: number;
  readonly committedBytes: number;
  readonly membershipChanges: number;
  readonly truncations: number;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** 16 hexadecimal digits over all that happened. */
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly stats: SimulationStats;
  /** The last events, oldest first; only after a violation. */
  readonly lastEvents: readonly string[];
}
