/**
 * The rows of the option table that are about a cluster: who is in it, how nodes find each other, and how long they wait. Pure. Names and
 * defaults are KurrentDB's where it has the option.
 */
import type { OptionSpec } from './option-spec.js';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_SEC = 24 * 3600;
const INT32_MAX = 0x7fff_ffff;

export const CLUSTER_OPTIONS = {
  ClusterSize: {
    group: 'Cluster',
    kind: 'count',
    unit: 'nodes',
    default: 1,
    // 9 is the core's VOTERS_MAX: more would make each quorum slower without surviving more.
    min: 1,
    max: 9,
    help: 'How many nodes vote in a cluster that this node founds. Odd numbers survive more for their cost. A founded cluster is resized by command.',
  },
  NodePriority: {
    group: 'Cluster',
    kind: 'count',
    unit: 'priority',
    default: 0,
    // An i32 in the messages between nodes.
    min: -INT32_MAX,
    max: INT32_MAX,
    help: 'Between nodes with equally good logs the one with the higher priority becomes leader.',
  },
  ReadOnlyReplica: {
    group: 'Cluster',
    kind: 'flag',
    default: false,
    help: 'Be replicated to and serve reads, but never vote nor lead.',
  },
  Zone: {
    group: 'Cluster',
    kind: 'text',
    default: '',
    bytesMax: 64,
    help: 'What fails together with this node, such as a data centre. Only the ack policy quorum-and-zone and the display look at it.',
  },
  GossipSeed: {
    group: 'Cluster',
    kind: 'endpoints',
    default: [],
    // Twice the members of the largest cluster.
    itemsMax: 64,
    help: 'Nodes to look for the cluster at. One that runs is enough; this node itself may be among them.',
  },
  ClusterDns: {
    group: 'Cluster',
    kind: 'host',
    default: '',
    help: 'A DNS name to look for the cluster at, asked again every 30 seconds: A and AAAA records, with ClusterGossipPort; or SRV records if the name begins with an underscore.',
  },
  DiscoverViaDns: {
    group: 'Cluster',
    kind: 'flag',
    default: true,
    help: 'Use ClusterDns. There is no name to ask by default, so that nothing is asked until ClusterDns is set; false turns it off without removing it.',
  },
  ClusterGossipPort: {
    group: 'Cluster',
    kind: 'count',
    unit: 'port',
    default: 2113,
    min: 1,
    max: 65_535,
    help: 'The port of the nodes that A and AAAA records of ClusterDns name.',
  },
  GossipIntervalMs: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    default: 2000,
    min: 50,
    max: MINUTE_MS,
    help: 'How often a node tells another one what it has heard, in milliseconds. Ten times a second for the first two seconds.',
  },
  GossipTimeoutMs: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    default: 2500,
    min: 50,
    max: MINUTE_MS,
    help: 'How long an exchange of gossip may take, in milliseconds.',
  },
  GossipAllowedDifferenceMs: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    default: 60 * SECOND_MS,
    min: 0,
    max: DAY_SEC * SECOND_MS,
    help: "How far another node's clock may differ before there is a warning, in milliseconds. Besides, only $maxAge and scavenges go by clocks.",
  },
  DeadMemberRemovalPeriodSec: {
    group: 'Cluster',
    kind: 'count',
    unit: 's',
    default: 1800,
    min: 1,
    max: DAY_SEC,
    help: 'Who is not heard for so long is not gossiped about any more, in seconds. It stays a member until it is removed.',
  },
  LeaderElectionTimeoutMs: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    default: 1000,
    min: 100,
    max: MINUTE_MS,
    help: 'After so long without a heartbeat from its leader a node looks for a new one, in milliseconds.',
  },
  ReplicationHeartbeatInterval: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    aliases: ['IntTcpHeartbeatInterval'],
    // KurrentDB: 700, with a timeout that begins when a heartbeat is not answered. Here it counts from the last one heard.
    default: 200,
    min: 10,
    max: MINUTE_MS / 3,
    help: 'How often a leader says that it is there, in milliseconds. At most a third of LeaderElectionTimeoutMs, so that one or two may be lost.',
  },
  VoterReplacementTimeoutSec: {
    group: 'Cluster',
    kind: 'count',
    unit: 's',
    default: 60,
    min: 1,
    max: DAY_SEC,
    help: 'How long a voter is gone before a clone gets its vote, in seconds.',
  },
  RepairTimeoutSec: {
    group: 'Cluster',
    kind: 'count',
    unit: 's',
    // Nodes that lost power together are back together within a minute or so.
    default: 60,
    min: 0,
    max: DAY_SEC,
    help: 'How long a node whose log is damaged asks the other members for what it lacks before it gives up, in seconds.',
  },
  DiskStallTimeoutMs: {
    group: 'Cluster',
    kind: 'count',
    unit: 'ms',
    default: 10 * SECOND_MS,
    min: 100,
    max: 10 * MINUTE_MS,
    help: 'A leader whose own disk makes nothing durable for so long, though there is something, gives up, in milliseconds.',
  },
  DefaultAckPolicy: {
    group: 'Cluster',
    kind: 'choice',
    choices: ['quorum', 'leader', 'all', 'quorum-and-zone'],
    default: 'quorum',
    help: 'Who must have an append on disk before its client is answered, if the append does not say. The leader alone is weaker than a quorum: such an append may be lost.',
  },
  FaultInjection: {
    group: 'Cluster',
    kind: 'flag',
    default: false,
    hidden: true,
    help: 'For tests and trials: let /admin/faults cut this node off from others.',
  },
} as const satisfies Record<string, OptionSpec>;

/** Accepted, with a warning, for those who bring their configuration along. */
export const OLDER_OPTIONS = {
  PrepareCount: {
    group: 'Older',
    kind: 'count',
    unit: 'nodes',
    default: -1,
    min: -1,
    max: 9,
    help: 'How many nodes must have an append on disk; -1 is a majority. Becomes DefaultAckPolicy where the number means one, else it is refused.',
  },
  CommitCount: {
    group: 'Older',
    kind: 'count',
    unit: 'nodes',
    default: -1,
    min: -1,
    max: 9,
    help: 'As PrepareCount.',
  },
  ReplicationHeartbeatTimeout: {
    group: 'Older',
    kind: 'count',
    unit: 'ms',
    aliases: ['IntTcpHeartbeatTimeout'],
    default: 700,
    min: 0,
    max: MINUTE_MS,
    help: 'Without effect: LeaderElectionTimeoutMs says how long a silent node is waited for.',
  },
} as const satisfies Record<string, OptionSpec>;
