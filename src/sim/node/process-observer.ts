/** What the checks see of a running node: everything that a promise could be broken with, as it happens. */
import type { Epoch } from '../../base/units.js';
import type { ClusterNode } from '../../cluster/cluster-node.js';
import type { MemberId } from '../../cluster/configuration.js';
import type { Alarm, NodeRole } from '../../cluster/effects.js';
import type { Message } from '../../cluster/messages.js';
import type { NodeState } from '../../cluster/node-state.js';
import type { NodeLog } from '../disk/node-log.js';
import type { SimulatedDisk } from '../disk/simulated-disk.js';

/** A running node, as far as checks look at it. */
export interface ObservedProcess {
  readonly name: string;
  readonly memberId: MemberId;
  readonly core: ClusterNode;
  readonly disk: SimulatedDisk;
  /** False until it has joined a cluster. */
  readonly hasLog: boolean;
  readonly log: NodeLog;
  /** The epoch that the node leads or follows in; 0 if none. */
  readonly epoch: Epoch;
  readonly isAlive: boolean;
  /** Whether its queues keep their limits. */
  readonly isBounded: boolean;
  /** What it has saved durably. */
  readonly savedState: NodeState;
}

export interface ProcessObserver {
  started(process: ObservedProcess): void;
  /** A message is about to leave. */
  sending(process: ObservedProcess, message: Message): void;
  roleTaken(process: ObservedProcess, role: NodeRole, epoch: number): void;
  /** The leader has appended its Epoch record, which ends there. */
  epochBegan(process: ObservedProcess, epoch: number, end: number): void;
  /** The core says that all before `position` is committed. */
  committed(process: ObservedProcess, position: number): void;
  /** The log is about to get a range from a leader. */
  writing(process: ObservedProcess): void;
  /** The log is about to be cut. */
  truncating(process: ObservedProcess, to: number): void;
  /** The log itself refused the cut: a Commit record behind it names `committed`. */
  truncationRefused(process: ObservedProcess, to: number, committed: number): void;
  alarmed(process: ObservedProcess, alarm: Alarm): void;
  /** After each step of the core. */
  stepped(process: ObservedProcess): void;
}
