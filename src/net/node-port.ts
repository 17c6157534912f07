/**
 * What the sockets need of the node behind them, as interfaces, so that sessions and HTTP routes can be tested against scripted ones.
 * Types only.
 */

import type { SpaceLevel } from '../base/disk-space.js';
import type { ScrubStatus } from '../base/scrub-status.js';
import type { Position } from '../base/units.js';
import type { Configuration, MemberId, MemberRole, MembershipChange } from '../cluster/configuration.js';
import type { NodeRole } from '../cluster/effects.js';
import type { MemberProgress } from '../cluster/node-view.js';
import type { LogReader } from '../reader/log-reader.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import type { ReadConsistency } from '../wire/frames.js';
import type { AppendPort } from './engine-port.js';
import type { FilterShelf } from './filter-shelf.js';
import type { NodeSubscriptions, SubscriptionCounts } from './node-subscriptions.js';
import type { SessionLimits } from './session-limits.js';

/** The log that a node of a cluster serves. */
export interface ServedLog {
  /** The cluster's id. */
  readonly logId: string;
  readonly reader: LogReader;
  readonly limits: SessionLimits;
  readonly subscriptions: NodeSubscriptions;
  readonly filters: FilterShelf;
}

/** For clients' sessions. */
export interface NodePort {
  /** Undefined as long as the node belongs to no cluster: then clients are turned away with `no-cluster`. */
  readonly served: ServedLog | undefined;
  /**
   * Decides appends if this node leads, else forwards them to the leader, else refuses them (`no-leader`, …). An append that requires the
   * leader is never forwarded, but refused with `not-leader`; its details say `leader` and, if it is known, `url`, where clients find it.
   */
  readonly appends: AppendPort;
  /**
   * When a read of this consistency may begin here: at once (undefined), or when the promise resolves; to a rejection if it can't be
   * answered here (`not-leader`, `no-leader`, `no-quorum`, `fenced`). `atLeast`: it may begin only when this node knows the log to be committed up to
   * this position; `not-ready` if that takes too long, so that the client asks another node.
   */
  admitRead(
    consistency: ReadConsistency,
    atLeast?: Position,
  ): Promise<Rejection | undefined> | Rejection | undefined;
  /** Who is in the cluster, as `GET /gossip` says it: an object to be sent as JSON. */
  gossip(): object;
}

/** What a node says about itself at an instant: for /info, /gossip, /health and /metrics. Positions in bytes. */
export interface NodeStatus {
  /** `host:port`, by which other nodes know it. */
  readonly name: string;
  readonly memberId: MemberId;
  readonly zone: string;
  readonly role: NodeRole;
  /** What it is in the configuration; `undefined` if it is no member (yet). */
  readonly memberRole: MemberRole | undefined;
  /** The leader's name. */
  readonly leader: string | undefined;
  readonly epoch: number;
  /** Where the newest epoch of its log begins. */
  readonly epochPosition: number;
  /** A follower: bytes of its leader's log that are not durable here. Else 0. */
  readonly lagBytes: number;
  readonly promisedEpoch: number;
  readonly clusterId: string | undefined;
  readonly configuration: Configuration | undefined;
  readonly priority: number;
  readonly published: number;
  readonly durable: number;
  readonly committed: number;
  readonly indexed: number;
  /** Of the writer thread since the start: sums. */
  readonly writer: {
    readonly batches: number;
    readonly recordBytes: number;
    readonly diskBytes: number;
    readonly writeMs: number;
    readonly syncMs: number;
    readonly chunks: number;
    /** How many batches were of each class of `BATCH_SIZE_BOUNDS`. */
    readonly batchSizes: readonly number[];
  };
  /** Chunks that were mended with the help of other members, since the start. */
  readonly repairs: number;
  /** Chunks that are known to be damaged now. */
  readonly damagedChunks: number;
  readonly scrub: ScrubStatus;
  readonly scavenge: ScavengeStatus;
  readonly pendingAppends: number;
  readonly diskSpace: DiskSpaceStatus;
  /** A leader's streams; all 0 on others. */
  readonly streamHeads: StreamHeadCounts;
  readonly streamsWithMetadata: MetadataCounts;
  readonly subscriptions: SubscriptionCounts;
  readonly ringBytes: number;
  readonly ringBytesUsed: number;
  /** On a leader: all other members. Else empty. */
  readonly members: readonly MemberProgress[];
  /** Whether writes are taken here or can be forwarded, and committed data can be read: for /health/ready. */
  readonly isReady: boolean;
}

/** Streams that have metadata, and the memory that knowing them takes. */
export interface MetadataCounts {
  readonly streams: number;
  readonly bytes: number;
}

/** The disk of the data folder; all figures are 0 where they are not known. */
export interface DiskSpaceStatus {
  /** `short`: appends are refused, or will be when the chunks are full that there are. */
  readonly level: SpaceLevel;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** With less free there is a warning. */
  readonly warningBytes: number;
  /** With less free appends are refused. */
  readonly reserveBytes: number;
}

/** `waiting`: it can't go on now, and will; `stopped`: it was told to stop, as every node was, until the next start. */
export type ScavengeState = 'idle' | 'planning' | 'running' | 'waiting' | 'stopped';

/** How far this node is with what the newest scavenge point removes. */
export interface ScavengeStatus {
  readonly state: ScavengeState;
  /** What it waits for; else null. */
  readonly why: string | null;
  /** The newest point: where in the log, when it was written, and how much of its time a node works at it. Null if there never was one. */
  readonly point: {
    readonly position: number;
    readonly writtenAt: string;
    readonly throttlePercent: number;
  } | null;
  /** Of the chunks before the point. */
  readonly chunksDone: number;
  readonly chunksTotal: number;
  /** Of their files, before this pass (a restart begins another one) and now. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** How fast the log is gone over in this pass, rests included; how long it will take at that. Null if that is not known. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** When the last pass was through, in milliseconds since 1970; null if none was since the start. */
  readonly lastEndedAt: number | null;
  /** Since the start: chunks that were gone over, those that were written anew, records that went, and bytes that files lost by it. */
  readonly chunks: number;
  readonly rewrittenChunks: number;
  readonly removedRecords: number;
  readonly freedBytes: number;
}

export interface StreamHeadCounts {
  /** Whose heads are in memory, some perhaps twice, and how much of it they take. */
  readonly streams: number;
  readonly bytes: number;
  /** How often an append had to wait for one, or for an open transaction, to be looked up, since the reign began. */
  readonly lookups: number;
}

/** What an operator may ask of a node. Failures are `CairnError`s: `not-leader`, `no-leader`, `change-refused`. */
export interface AdminPort {
  /** Leader: resolves when the change is committed. */
  change(change: MembershipChange): Promise<Configuration>;
  /** Leader: hands over, to the member of this name or to whom is best. Resolves when it leads no more. */
  resign(target?: string): Promise<void>;
  setPriority(priority: number): void;
  /** Writes a scavenge point: every node removes what is hidden now. Resolves when it is committed, to where it stands. Rejects as appends do. */
  startScavenge(throttlePercent: number): Promise<{ readonly position: Position }>;
  /** Every node stops to scavenge, until the next start. */
  stopScavenge(): Promise<{ readonly position: Position }>;
  /** For tests and trials, only with FaultInjection: nothing is sent to these names, and nothing of theirs is taken. */
  block(names: readonly string[]): void;
}
