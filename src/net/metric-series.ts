/**
 * Which numbers `GET /metrics` reads off a node at the moment of a scrape. Pure: a table of names and where each comes from. Suffixes are
 * KurrentDB's where it has the metric (checkpoints, statuses, writer_flush_…), so that dashboards need another prefix and no more.
 */
import { BATCH_SIZE_BOUNDS } from '../base/batch-sizes.js';
import { SPACE_LEVELS } from '../base/disk-space.js';
import type { NodeStatus, ScavengeState } from './node-port.js';

/** All that is looked at, once for a scrape. */
export interface Moment {
  readonly status: NodeStatus;
  readonly connections: ReadonlyMap<string, number>;
  readonly clockDifferencesMs: ReadonlyMap<string, number>;
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly external: number };
  readonly cpuSeconds: number;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Series {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: readonly string[];
  readonly samples: (moment: Moment) => readonly Sample[];
}

const SCAVENGE_STATES: readonly ScavengeState[] = ['idle', 'planning', 'running', 'waiting', 'stopped'];

type Read = (moment: Moment) => number;

function single(kind: Series['kind'], name: string, help: string, read: Read): Series {
  return { name, help, kind, labels: [], samples: (moment) => [{ labels: {}, value: read(moment) }] };
}

const gauge = (name: string, help: string, read: Read) => single('gauge', name, help, read);
const counter = (name: string, help: string, read: Read) => single('counter', name, help, read);

const CHECKPOINTS: Series = {
  name: 'checkpoints',
  help: 'Positions in the log, in bytes. replication: committed; index: indexed; epoch: where the newest epoch begins; proposal: the promised epoch (a number).',
  kind: 'gauge',
  labels: ['name', 'read'],
  samples: ({ status }) =>
    [
      ['writer', 'non-flushed', status.published] as const,
      ['writer', 'flushed', status.durable] as const,
      ['replication', 'non-flushed', status.committed] as const,
      ['index', 'non-flushed', status.indexed] as const,
      ['epoch', 'non-flushed', status.epochPosition] as const,
      ['proposal', 'non-flushed', status.promisedEpoch] as const,
    ].map(([name, read, value]) => ({ labels: { name, read }, value })),
};

const WRITER: readonly Series[] = [
  counter(
    'writer_flush_duration_seconds_sum',
    'Time spent making batches durable.',
    ({ status }) => status.writer.syncMs / 1000,
  ),
  counter(
    'writer_flush_duration_seconds_count',
    'Batches made durable.',
    ({ status }) => status.writer.batches,
  ),
  counter(
    'writer_write_duration_seconds_sum',
    'Time spent writing batches.',
    ({ status }) => status.writer.writeMs / 1000,
  ),
  counter('writer_write_duration_seconds_count', 'Batches written.', ({ status }) => status.writer.batches),
  counter(
    'writer_flush_size_bytes_sum',
    'Bytes of records in batches.',
    ({ status }) => status.writer.recordBytes,
  ),
  counter('writer_flush_size_bytes_count', 'Batches.', ({ status }) => status.writer.batches),
  {
    name: 'writer_flush_size_bytes_bucket',
    help: 'Batches of up to le bytes of records.',
    kind: 'counter',
    labels: ['le'],
    samples: ({ status }) => {
      let batches = 0;
      return status.writer.batchSizes.map((ofClass, index) => {
        batches += ofClass;
        return { labels: { le: String(BATCH_SIZE_BOUNDS[index] ?? '+Inf') }, value: batches };
      });
    },
  },
  counter(
    'writer_disk_bytes_total',
    'Bytes written to disk, whole blocks.',
    ({ status }) => status.writer.diskBytes,
  ),
  counter('writer_chunks_total', 'Chunks begun.', ({ status }) => status.writer.chunks),
];

const NODE: readonly Series[] = [
  gauge('ready', '1 = takes or forwards writes and serves reads.', ({ status }) => (status.isReady ? 1 : 0)),
  gauge('epoch', 'Epoch of the leader that the node follows or is.', ({ status }) => status.epoch),
  gauge('node_priority', 'NodePriority.', ({ status }) => status.priority),
  gauge(
    'cluster_size',
    'How many voters there should be.',
    ({ status }) => status.configuration?.clusterSize ?? 0,
  ),
  gauge(
    'disk_free_bytes',
    "Free space of the data folder's disk, for whoever is not root.",
    ({ status }) => status.diskSpace.freeBytes,
  ),
  gauge('disk_total_bytes', 'The size of that disk.', ({ status }) => status.diskSpace.totalBytes),
  gauge(
    'disk_reserve_bytes',
    'With less than this free appends are refused (DiskSpaceReserve).',
    ({ status }) => status.diskSpace.reserveBytes,
  ),
  {
    name: 'disk_space',
    help: '1 = the level of free space. low: below DiskSpaceWarning; short: appends are refused, or will be when the present chunks are full.',
    kind: 'gauge',
    labels: ['level'],
    samples: ({ status }) =>
      [...SPACE_LEVELS].map((level) => ({
        labels: { level },
        value: level === status.diskSpace.level ? 1 : 0,
      })),
  },
  counter(
    'scrub_chunks_total',
    'Sealed chunks that were read again to find damage.',
    ({ status }) => status.scrub.chunks,
  ),
  counter('scrub_bytes_total', 'Their bytes.', ({ status }) => status.scrub.bytes),
  counter(
    'scrub_damaged_total',
    'How often one of them was not as it was written.',
    ({ status }) => status.scrub.damaged,
  ),
  counter(
    'scrub_index_damaged_total',
    'How often a file of the index was not as it was written when it was read again.',
    ({ status }) => status.scrub.indexDamaged,
  ),
  counter(
    'scrub_rounds_total',
    'Rounds over all sealed chunks that have ended.',
    ({ status }) => status.scrub.rounds,
  ),
  gauge(
    'scrub_chunks_left',
    'Chunks that are still to be read in this round.',
    ({ status }) => status.scrub.chunksLeft,
  ),
  gauge(
    'scrub_last_round_end_seconds',
    'When the last round ended, in seconds since 1970; 0 if none has since the start.',
    ({ status }) => (status.scrub.lastRoundEndedAt ?? 0) / 1000,
  ),
  {
    name: 'scavenge_state',
    help: '1 = what the node does about the newest scavenge point. waiting: it can not go on now, and will; stopped: until the next start.',
    kind: 'gauge',
    labels: ['state'],
    samples: ({ status }) =>
      SCAVENGE_STATES.map((state) => ({ labels: { state }, value: state === status.scavenge.state ? 1 : 0 })),
  },
  gauge(
    'scavenge_chunks_left',
    'Chunks before the newest scavenge point that are still to be gone over.',
    ({ status }) => status.scavenge.chunksTotal - status.scavenge.chunksDone,
  ),
  counter(
    'scavenge_chunks_total',
    'Chunks that a scavenge went over.',
    ({ status }) => status.scavenge.chunks,
  ),
  counter(
    'scavenge_rewritten_chunks_total',
    'Chunks that were written anew, without what is hidden.',
    ({ status }) => status.scavenge.rewrittenChunks,
  ),
  counter(
    'scavenge_removed_records_total',
    'Records that were removed.',
    ({ status }) => status.scavenge.removedRecords,
  ),
  counter(
    'scavenge_freed_bytes_total',
    'Bytes that the files of chunks lost by it.',
    ({ status }) => status.scavenge.freedBytes,
  ),
  gauge(
    'scavenge_last_end_seconds',
    'When a scavenge was last through, in seconds since 1970; 0 if none was since the start.',
    ({ status }) => (status.scavenge.lastEndedAt ?? 0) / 1000,
  ),
  gauge('damaged_chunks', 'Chunks that are known to be damaged now.', ({ status }) => status.damagedChunks),
  counter('chunk_repairs_total', 'Damaged chunks that were mended.', ({ status }) => status.repairs),
  gauge('appends_pending', 'Appends that are not answered yet.', ({ status }) => status.pendingAppends),
  gauge(
    'stream_heads',
    'Streams of a leader whose last revision is in memory, some perhaps twice.',
    ({ status }) => status.streamHeads.streams,
  ),
  gauge('stream_heads_bytes', 'The memory that they take.', ({ status }) => status.streamHeads.bytes),
  counter(
    'stream_heads_looked_up_total',
    'Streams and open transactions that were looked up in the log for an append, as they were not in memory.',
    ({ status }) => status.streamHeads.lookups,
  ),
  gauge(
    'streams_with_metadata',
    'Streams of which something was said, or that were deleted.',
    ({ status }) => status.streamsWithMetadata.streams,
  ),
  gauge(
    'streams_with_metadata_bytes',
    'The memory that it takes to know which they are.',
    ({ status }) => status.streamsWithMetadata.bytes,
  ),
  {
    name: 'subscriptions',
    help: 'Open subscriptions. live: they have everything that is committed.',
    kind: 'gauge',
    labels: ['state'],
    samples: ({ status: { subscriptions } }) => [
      { labels: { state: 'live' }, value: subscriptions.live },
      { labels: { state: 'catching-up' }, value: subscriptions.open - subscriptions.live },
    ],
  },
  counter(
    'subscription_events_total',
    'Events sent to subscribers.',
    ({ status }) => status.subscriptions.events,
  ),
  counter(
    'subscription_bytes_total',
    'Bytes of the frames that were sent to subscribers.',
    ({ status }) => status.subscriptions.bytes,
  ),
  counter(
    'subscription_falls_behind_total',
    'How often a live subscriber did not keep up, and went back to reading older parts of the log.',
    ({ status }) => status.subscriptions.fallsBehind,
  ),
  gauge('ring_size_bytes', 'The ring: the tail of the log in memory.', ({ status }) => status.ringBytes),
  gauge(
    'ring_used_bytes',
    'What of the ring can not be overwritten yet.',
    ({ status }) => status.ringBytesUsed,
  ),
  {
    name: 'node_role',
    help: "1 = the node's role in the cluster core.",
    kind: 'gauge',
    labels: ['role'],
    samples: ({ status: { role } }) => [{ labels: { role }, value: 1 }],
  },
  {
    name: 'members',
    help: 'Members of the configuration by role.',
    kind: 'gauge',
    labels: ['role'],
    samples: ({ status }) =>
      (['voter', 'clone', 'replica'] as const).map((role) => ({
        labels: { role },
        value: status.configuration?.members.filter((member) => member.role === role).length ?? 0,
      })),
  },
  {
    name: 'connections',
    help: 'WebSocket connections by path.',
    kind: 'gauge',
    labels: ['path'],
    samples: ({ connections }) => [...connections].map(([path, value]) => ({ labels: { path }, value })),
  },
];

function ofMembers(
  name: string,
  help: string,
  read: (member: NodeStatus['members'][number]) => number,
): Series {
  return {
    name,
    help,
    kind: 'gauge',
    labels: ['member', 'role', 'zone'],
    samples: ({ status: { members } }) =>
      members.map((member) => ({
        labels: { member: member.name, role: member.role, zone: member.zone },
        value: read(member),
      })),
  };
}

const CLUSTER: readonly Series[] = [
  ofMembers(
    'replication_lag_bytes',
    'On a leader: what of its log a member has not acknowledged.',
    ({ lagBytes }) => lagBytes,
  ),
  ofMembers(
    'replication_silence_seconds',
    'On a leader: since when a member is not heard.',
    ({ silentMs }) => silentMs / 1000,
  ),
  ofMembers(
    'replication_streaming',
    'On a leader: 1 = the log is being sent to the member.',
    ({ isStreaming }) => (isStreaming ? 1 : 0),
  ),
  {
    name: 'gossip_clock_difference_seconds',
    help: "By how much another node's clock is ahead of this one's.",
    kind: 'gauge',
    labels: ['peer'],
    samples: ({ clockDifferencesMs }) =>
      [...clockDifferencesMs].map(([peer, ms]) => ({ labels: { peer }, value: ms / 1000 })),
  },
];

const PROCESS: readonly Series[] = [
  counter('proc_cpu_seconds_total', 'Processor time of all threads.', ({ cpuSeconds }) => cpuSeconds),
  {
    name: 'proc_mem_bytes',
    help: "Memory of the process; heap and external are the main thread's.",
    kind: 'gauge',
    labels: ['kind'],
    samples: ({ memory }) => [
      { labels: { kind: 'working-set' }, value: memory.rss },
      { labels: { kind: 'heap' }, value: memory.heapUsed },
      { labels: { kind: 'external' }, value: memory.external },
    ],
  },
];

export const SERIES: readonly Series[] = [CHECKPOINTS, ...WRITER, ...NODE, ...CLUSTER, ...PROCESS];
