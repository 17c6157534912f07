/**
 * What nodes say to each other: plain data, encoded by `message-codec.ts`. Pure. Each message tells where it comes from in the
 * literature; docs/consensus.md tells the whole protocol. Any message may be lost, delayed, doubled, replayed years later.
 */
import type { Bytes } from '../base/ports.js';
import type { Epoch, Position } from '../base/units.js';
import type { MemberId, MemberRole } from './configuration.js';
import type { Foundation } from './foundation.js';

/** Who says it. Every message has these; who receives one checks them before anything else. */
export interface Envelope {
  /** The sender's cluster; '' as long as it belongs to none. */
  readonly clusterId: string;
  readonly from: MemberId;
  /** Where answers go. */
  readonly fromName: string;
  /** The sender's {@link NodeState.start} and nonce: fences copies and ghosts of a node. */
  readonly start: number;
  readonly nonce: number;
  /** Whom it is for; '' where the sender knows only the name. */
  readonly to: MemberId;
}

/**
 * Where an epoch begins, with its first record: Padding, if its Epoch record did not fit into the chunk, else the Epoch record. The epochs of a
 * log are what two nodes compare to find where they part.
 */
export interface EpochEntry {
  readonly epoch: Epoch;
  readonly position: Position;
}

export type Payload =
  // Founding and joining.
  /** A node without a cluster introduces itself to the seeds; other such nodes answer with the same. */
  | {
      readonly kind: 'hello';
      readonly role: MemberRole;
      readonly zone: string;
      readonly clusterSize: number;
      readonly chunkSize: number;
      /** A question wants an answer; an answer doesn't. */
      readonly isAnswer: boolean;
    }
  /** Commit of all participants, phase 1: do you agree? (Gray, Notes on Data Base Operating Systems, 1978, section 5.8.3.3.) */
  | { readonly kind: 'found'; readonly foundation: Foundation }
  /** A durable yes, for good. */
  | { readonly kind: 'foundAgreed'; readonly clusterId: string }
  /** The sender holds another founding: that one's cluster and founder. */
  | {
      readonly kind: 'foundRefused';
      readonly clusterId: string;
      readonly heldClusterId: string;
      readonly heldFounder: MemberId;
    }
  /** Phase 2: all have agreed. */
  | { readonly kind: 'founded'; readonly clusterId: string }
  /** Phase 2: the founder never will complete it. */
  | { readonly kind: 'foundAbandoned'; readonly clusterId: string }
  /** From the leader to a node whose hello made it a member. */
  | { readonly kind: 'invite'; readonly chunkSize: number }

  // Election.
  /** Do you miss the leader too? (Ongaro, thesis, section 9.6.) Promises nothing. */
  | { readonly kind: 'preVote'; readonly round: number }
  /** Yes, if no leader was heard for an election timeout (the same section, and 4.2.3: who hears a leader doesn't help to depose it). */
  | {
      readonly kind: 'preVoteReply';
      readonly round: number;
      readonly granted: boolean;
      readonly promisedEpoch: Epoch;
    }
  /** Paxos phase 1a (Lamport, Paxos Made Simple, section 2.2). `resigning` = the leader that wants to be replaced, or ''. */
  | { readonly kind: 'prepare'; readonly epoch: Epoch; readonly resigning: MemberId }
  /** Paxos phase 1b: a durable promise, with what the sender's log has. */
  | {
      readonly kind: 'prepareOk';
      readonly epoch: Epoch;
      /** Epoch of the last durable record. */
      readonly lastEpoch: Epoch;
      /** End of what is durable. */
      readonly position: Position;
      readonly commit: Position;
      readonly priority: number;
    }
  /** Paxos phase 2a: the coordinator's choice. `lastEpoch` and `position` are the leader's, as it promised. */
  | {
      readonly kind: 'proposal';
      readonly epoch: Epoch;
      readonly leader: MemberId;
      readonly leaderName: string;
      readonly lastEpoch: Epoch;
      readonly position: Position;
    }
  /** Paxos phase 2b, to the leader: a durable vote, given only if the leader's log is at least the sender's (Raft, section 5.4.1). */
  | { readonly kind: 'accept'; readonly epoch: Epoch }
  /** The answer to anything of an epoch below the sender's promise (Raft, section 5.1: a reply with the higher term). */
  | { readonly kind: 'stale'; readonly promisedEpoch: Epoch }

  // Reign.
  /** I lead (Raft, section 5.2), and this much is committed (section 5.3, `leaderCommit`). */
  | {
      readonly kind: 'heartbeat';
      readonly epoch: Epoch;
      /** Grows with each; the reply names it. */
      readonly round: number;
      readonly commit: Position;
      /** End of the leader's log. */
      readonly end: Position;
    }
  /** Counts for the leader's quorum check (Ongaro, thesis, section 6.2) and for reads (section 6.4). */
  | {
      readonly kind: 'heartbeatReply';
      readonly epoch: Epoch;
      readonly round: number;
      readonly priority: number;
    }
  /** The leader has given up: nobody needs to wait for its silence. */
  | { readonly kind: 'steppedDown'; readonly epoch: Epoch }
  /** Hold an election at once and win it (Ongaro, thesis, section 3.10). */
  | { readonly kind: 'transfer'; readonly epoch: Epoch }

  // Replication.
  /**
   * Where is our last common record? By epochs, in one question, instead of Raft's going back step by step (section 5.3; the leader epochs
   * of Kafka's KIP-101, SubscribeReplica of KurrentDB). `attempt` grows with each subscription, over all starts of the node.
   */
  | {
      readonly kind: 'subscribe';
      readonly epoch: Epoch;
      readonly attempt: number;
      /** The newest first, at most {@link EPOCHS_TOLD_MAX}. */
      readonly epochs: readonly EpochEntry[];
      readonly end: Position;
      readonly commit: Position;
    }
  /** From here you receive. If it is before your end: truncate first, then subscribe again. */
  | {
      readonly kind: 'subscribed';
      readonly epoch: Epoch;
      readonly attempt: number;
      readonly position: Position;
    }
  /** Whole records, raw, as they stand in the log at `position` (Raft's AppendEntries, pipelined: Ongaro, thesis, section 10.2.2). */
  | {
      readonly kind: 'range';
      readonly epoch: Epoch;
      readonly attempt: number;
      readonly position: Position;
      readonly commit: Position;
      readonly bytes: Bytes;
    }
  /** All before `durable` is on the sender's disk (Raft's matchIndex). */
  | { readonly kind: 'ack'; readonly epoch: Epoch; readonly attempt: number; readonly durable: Position }

  // Reads (read index: Ongaro, thesis, section 6.4).
  | { readonly kind: 'readIndex'; readonly request: number }
  /** `position` -1: the sender can't say, ask elsewhere. */
  | { readonly kind: 'readIndexReply'; readonly request: number; readonly position: Position }

  // Identity.
  /**
   * Fencing by start and nonce: a node that has forgotten must not count as who it was (Michael et al., Recovering Shared Objects
   * Without Stable Storage, DISC 2017). Somebody with your identity and this start and nonce is known to the sender, or you have lost what you acked. */
  | {
      readonly kind: 'fenced';
      readonly seenStart: number;
      readonly seenNonce: number;
      readonly reason: 'copy' | 'lost-data' | 'removed';
    };

export type Message = Envelope & Payload;
export type MessageKind = Payload['kind'];
/** The message of one kind. */
export type MessageOf<K extends MessageKind> = Extract<Message, { kind: K }>;

/** Enough to find the common point in one go after this many elections; more takes further rounds. */
export const EPOCHS_TOLD_MAX = 64;
