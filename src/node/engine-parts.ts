/** What an engine is made with, and what it reports. */
import type { CairnError } from '../base/errors.js';
import type { Position } from '../base/units.js';
import type { ClusterNodeOptions } from '../cluster/cluster-node-options.js';
import type { LogStart } from '../cluster/known-log.js';
import type { NodeState } from '../cluster/node-state.js';
import type { NodeStateFile } from '../cluster/node-state-file.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { Platform } from '../native/platform.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import type { EngineOptions } from './engine-options.js';
import type { SpaceFigures } from './out-of-space.js';
import type { PeerTransport } from './peer-transport.js';
import type { WriteProfileEvents } from './write-profile.js';

/** Knows how much room there is on the disk. */
export interface SpaceGuard {
  /** Whether there is too little for appends: asked for each. */
  readonly isShort: boolean;
  /** What an append is told then. */
  readonly shortage: Rejection | undefined;
  readonly status: SpaceFigures;
}

/** What the engine reports while it works. */
export interface EngineEvents {
  /** Something worth a line in the log. */
  note(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** Something that somebody should look at. */
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** The engine is dead: end the process. Called at most once. */
  failed(error: CairnError): void;
  /** The log is damaged where somebody reads it. Answers whether that is being mended. */
  damaged?(error: CairnError, who: 'reader' | 'index'): boolean;
  /** A chunk was verified and is as it was written. */
  sound?(chunk: number): void;
  /** The room on the disk, if somebody looks after it. */
  readonly diskSpace?: SpaceGuard;
  /** Role or leader have changed. */
  changed?(): void;
  /** So long it took from publishing something to its commit. */
  quorumAck?(seconds: number): void;
  /** Where the time of writes goes, if that is wanted. */
  readonly writeStages?: WriteProfileEvents;
}

/** The log that a node starts with. */
export interface EngineLog {
  readonly recovered: RecoveredLog;
  readonly history: LogStart;
  /** How far the file `history` covers it. */
  readonly historyWritten: Position;
}

export interface EngineParts {
  readonly options: EngineOptions;
  readonly core: ClusterNodeOptions;
  readonly platform: Platform;
  readonly stateFile: NodeStateFile;
  /** As saved for this start. */
  readonly state: NodeState;
  /** Undefined as long as the node belongs to no cluster. */
  readonly log: EngineLog | undefined;
  /** Makes the log of a cluster that the node has joined, durably. */
  readonly createLog: (clusterId: string, chunkSize: number) => RecoveredLog;
  readonly transport: PeerTransport;
  readonly events: EngineEvents;
  /** Called when the engine is closed, after all threads have ended. */
  readonly release: () => void;
}
