/**
 * The option table: every setting of a node, once. Command line, environment, YAML file, help, `--what-if` and
 * docs/configuration.md all come from here, and so does the type {@link NodeOptions}. Pure; main thread, at start only.
 * What always holds: names are KurrentDB's where it has the option, and a default satisfies its own range.
 */
import { CLUSTER_OPTIONS, OLDER_OPTIONS } from './cluster-options.js';
import { DISK_OPTIONS } from './disk-options.js';
import type { OptionGroup, OptionSpec } from './option-spec.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Name → option, in the order in which help and documentation show them. */
export const OPTIONS = {
  Config: {
    group: 'Application',
    kind: 'path',
    default: '',
    help: 'A YAML file with further options, by the names of this table. Without it no file is read.',
  },
  WhatIf: {
    group: 'Application',
    kind: 'flag',
    default: false,
    help: "Print every option's effective value and where it comes from, then exit. Touches nothing.",
  },
  Output: {
    group: 'Application',
    kind: 'choice',
    choices: ['table', 'json'],
    default: 'table',
    help: 'How --what-if prints; json is one object a line. Short form: -o.',
  },
  Help: {
    group: 'Application',
    kind: 'flag',
    default: false,
    help: 'Print the options and exit. Short form: -h.',
  },
  Version: { group: 'Application', kind: 'flag', default: false, help: 'Print the version and exit.' },

  Db: {
    group: 'Database',
    kind: 'path',
    default: 'data',
    help: 'The data folder. It is created if it is not there. One node at a time.',
  },
  ChunkSize: {
    group: 'Database',
    kind: 'size',
    unit: 'bytes',
    default: 256 * MIB,
    // 64 KiB so that tests can have many chunks; 1 GiB so that u32 offsets in a chunk have room. 4096 is a block.
    min: 64 * KIB,
    max: GIB,
    multipleOf: 4096,
    help: 'Bytes of log in one chunk file. An existing log keeps the size that it was made with.',
  },
  RingSize: {
    group: 'Database',
    kind: 'size',
    unit: 'bytes',
    default: 64 * MIB,
    // Power of two: a position becomes an offset by a mask. 1 GiB: the most that is sensible to keep in memory.
    min: MIB,
    max: GIB,
    powerOfTwo: true,
    help: 'Memory that holds the tail of the log, shared by all threads. Full = clients wait.',
  },
  BatchBytesMax: {
    group: 'Database',
    kind: 'size',
    unit: 'bytes',
    default: MIB,
    // 4 KiB is one block. Beyond 1 MiB the disk gains little, beyond 16 MiB latency only suffers.
    min: 4 * KIB,
    max: 16 * MIB,
    multipleOf: 4096,
    help: 'Most bytes that the writer puts on disk at once, before it makes them durable.',
  },
  SyncMode: {
    group: 'Database',
    kind: 'choice',
    choices: ['fdatasync', 'dsync'],
    default: 'fdatasync',
    help: 'How a write becomes durable: fdatasync after it, or O_DSYNC with it. Both are safe; disks differ in speed.',
  },
  BusyWaitUs: {
    group: 'Database',
    kind: 'count',
    unit: 'µs',
    default: 400,
    min: 0,
    max: 10_000,
    help: 'A node that is a cluster of its own, with few appends in flight: how long its threads stay awake for each other instead of being woken, which takes longer than a fast disk. 0: they always sleep.',
  },
  PreparedChunks: {
    group: 'Database',
    kind: 'count',
    unit: 'chunks',
    default: 1,
    // Without one the log would wait for each chunk. Each start reads them all, to be sure that nothing stands in them.
    min: 1,
    max: 8,
    help: 'How many chunks are kept ready ahead of the log. More take bursts of that many chunks, and space, and time at a start.',
  },

  IndexCacheSize: {
    group: 'Database',
    kind: 'size',
    unit: 'bytes',
    default: 64 * MIB,
    // 1 MiB holds the pages of a few lookups at a time. 64 GiB: more than the whole index of most logs.
    min: MIB,
    max: 64 * GIB,
    multipleOf: 4096,
    help: "Memory for pages of the index's files. More serves a larger part of the streams without the disk.",
  },
  StreamHeadCacheSize: {
    group: 'Database',
    kind: 'size',
    unit: 'bytes',
    default: 128 * MIB,
    // 16 MiB holds some 30,000 streams with names of the usual length, and their appends don't wait; 16 GiB some 60 million.
    min: 16 * MIB,
    max: 16 * GIB,
    multipleOf: 4096,
    help: 'Memory of a leader for the last revisions of streams. An append to a stream that is not there waits while the index is asked.',
  },

  ...DISK_OPTIONS,

  NodeIp: {
    group: 'Interface',
    kind: 'address',
    default: '127.0.0.1',
    aliases: ['ExtIp', 'IntIp'],
    help: 'The address to listen on. Any other than loopback needs Insecure, as there is no TLS yet.',
  },
  NodePort: {
    group: 'Interface',
    kind: 'count',
    unit: 'port',
    default: 2113,
    min: 0,
    max: 65_535,
    aliases: ['HttpPort', 'ExtHttpPort'],
    help: 'The port to listen on, for clients and HTTP. 0 takes a free one and logs it.',
  },
  Insecure: {
    group: 'Interface',
    kind: 'flag',
    default: false,
    help: 'Allow an address that others can reach, without encryption or authentication.',
  },
  NodeHostAdvertiseAs: {
    group: 'Interface',
    kind: 'host',
    default: '',
    aliases: ['ExtHostAdvertiseAs', 'IntHostAdvertiseAs', 'ReplicationHostAdvertiseAs'],
    help: 'The host by which other nodes reach this one, and know it for good. Without it NodeIp.',
  },
  NodePortAdvertiseAs: {
    group: 'Interface',
    kind: 'count',
    unit: 'port',
    default: 0,
    min: 0,
    max: 65_535,
    aliases: ['HttpPortAdvertiseAs', 'ExtHttpPortAdvertiseAs', 'IntHttpPortAdvertiseAs'],
    help: 'The port by which other nodes reach this one. 0 is the port that it listens on.',
  },
  AdvertiseHostToClientAs: {
    group: 'Interface',
    kind: 'host',
    default: '',
    help: 'The host by which clients reach this node, if it is another one. Without it NodeHostAdvertiseAs.',
  },
  AdvertiseNodePortToClientAs: {
    group: 'Interface',
    kind: 'count',
    unit: 'port',
    default: 0,
    min: 0,
    max: 65_535,
    aliases: ['AdvertiseHttpPortToClientAs'],
    help: 'The port by which clients reach this node. 0 is NodePortAdvertiseAs.',
  },

  ...CLUSTER_OPTIONS,

  MaxAppendSize: {
    group: 'Limits',
    kind: 'size',
    unit: 'bytes',
    default: 4 * MIB,
    // 16 KiB is a quarter of the smallest chunk. 64 MiB: a request is buffered whole, once for each connection.
    min: 16 * KIB,
    max: 64 * MIB,
    help: 'Most bytes of one append request. At most a quarter of RingSize, and of ChunkSize.',
  },
  MaxAppendEventSize: {
    group: 'Limits',
    kind: 'size',
    unit: 'bytes',
    default: MIB,
    // 16 MiB is KurrentDB's largest event, and half of the largest record that the format allows.
    min: KIB,
    max: 16 * MIB,
    help: 'Most bytes of one event: type, metadata and data. At most half of MaxAppendSize.',
  },
  RetryWindowEvents: {
    group: 'Limits',
    kind: 'count',
    unit: 'events',
    default: 1_048_576,
    // Power of two: it is the size of a hash table. 4 million ids take 176 MB; the window numbers them in 24 bits.
    min: 1024,
    max: 4_194_304,
    powerOfTwo: true,
    help: 'How many of the last event ids are remembered, so that a retried append is recognised.',
  },
  TransactionTimeoutMs: {
    group: 'Limits',
    kind: 'count',
    unit: 'ms',
    default: 300_000,
    min: 1000,
    // A day: what is open that long was forgotten.
    max: 86_400_000,
    help: 'A transaction that is open over several requests is over when it had no step for so long.',
  },
  MaxConnections: {
    group: 'Limits',
    kind: 'count',
    unit: 'connections',
    // Fits, with the node's own files, into the 1,024 descriptors that many systems grant.
    default: 768,
    // 65,536 file descriptors is more than systems grant by default.
    min: 1,
    max: 65_536,
    help: 'Most client connections at a time; lowered, with a warning, to what the limit on open files allows. One more is closed at once.',
  },
  MaxInFlightAppends: {
    group: 'Limits',
    kind: 'count',
    unit: 'appends',
    default: 16_384,
    // 2^20 small requests are already more than the largest ring holds.
    min: 1,
    max: 1_048_576,
    help: 'Most unanswered appends of one connection; beyond it the answer is too-many-requests.',
  },
  MaxOpenReads: {
    group: 'Limits',
    kind: 'count',
    unit: 'reads',
    default: 64,
    // Each open read holds a buffer of a frame, 1 MiB.
    min: 1,
    max: 4096,
    help: 'Most unfinished reads of one connection; beyond it the answer is too-many-requests.',
  },
  MaxSubscriptions: {
    group: 'Limits',
    kind: 'count',
    unit: 'subscriptions',
    default: 10_000,
    // A hundred thousand idle ones are some hundred megabytes.
    min: 1,
    max: 100_000,
    help: 'Most subscriptions of all connections together; beyond it the answer is too-many-subscriptions.',
  },
  MaxSubscriptionsPerConnection: {
    group: 'Limits',
    kind: 'count',
    unit: 'subscriptions',
    default: 1024,
    min: 1,
    max: 65_536,
    help: 'Most subscriptions of one connection; beyond it the answer is too-many-subscriptions.',
  },

  ProfileWrites: {
    group: 'Logging',
    kind: 'flag',
    default: false,
    help: 'Measure where the time of writes goes, a hundred of them a second at most: write_stage_seconds and replication_stage_seconds in /metrics.',
  },
  LogLevel: {
    group: 'Logging',
    kind: 'choice',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    spellings: { default: 'info', verbose: 'trace', information: 'info', warning: 'warn' },
    default: 'info',
    help: "The least serious messages to log. KurrentDB's names (Verbose, Information, Warning) work too.",
  },
  LogConsoleFormat: {
    group: 'Logging',
    kind: 'choice',
    choices: ['Plain', 'Json'],
    default: 'Plain',
    help: 'How the log, on standard output, looks: for people, or one JSON object a line.',
  },

  ...OLDER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<Spec> = Spec extends { kind: 'size' | 'count' }
  ? number
  : Spec extends { kind: 'flag' }
    ? boolean
    : Spec extends { kind: 'choice'; choices: readonly (infer Choice)[] }
      ? Choice
      : Spec extends { kind: 'endpoints' }
        ? readonly string[]
        : string;

/** The value of every option, by its name in the table. */
export type OptionValues = { -readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };

type NodeOptionName = {
  [Name in OptionName]: (typeof OPTIONS)[Name]['group'] extends 'Application' | 'Older' ? never : Name;
}[OptionName];

/**
 * What a node is started with: `chunkSize`, `nodePort`, … Sizes in bytes, `db` an absolute path when it comes from
 * `resolveOptions`.
 */
export type NodeOptions = { readonly [Name in NodeOptionName as Uncapitalize<Name>]: OptionValues[Name] };

/** All names, in the table's order. */
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** The table's row for `name`, with the type that all rows share. */
export function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** Every option at its default. */
export function defaultValues(): OptionValues {
  const entries: [OptionName, unknown][] = OPTION_NAMES.map((name) => [name, OPTIONS[name].default]);
  return Object.fromEntries(entries) as OptionValues;
}

/** The part of `values` that a node is started with. */
export function nodeOptionsOf(values: OptionValues): NodeOptions {
  const names = OPTION_NAMES.filter((name) => isForNode(OPTIONS[name].group));
  return Object.fromEntries(names.map((name) => [camelCase(name), values[name]])) as NodeOptions;
}

/** Whether options of this group make up {@link NodeOptions}. */
export function isForNode(group: OptionGroup): boolean {
  return group !== 'Application' && group !== 'Older';
}

/** `ChunkSize` → `chunkSize`. */
function camelCase(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** `ChunkSize` → `--chunk-size`. */
export function commandLineName(name: string): string {
  return `--${wordsOf(name).join('-').toLowerCase()}`;
}

/** `ChunkSize` → `CAIRN_CHUNK_SIZE`. */
export function environmentName(name: string): string {
  return `CAIRN_${wordsOf(name).join('_').toUpperCase()}`;
}

function wordsOf(name: string): string[] {
  return name.match(/[A-Z][a-z0-9]*/g) ?? [name];
}
