/**
 * What a benchmark run is asked to do: checks the text that stands behind the flags and turns it into numbers. Pure. What is
 * not usable gives a `CairnError` with code `invalid-configuration` that names the flag and says what it takes.
 */
import { APPEND_PREFIX_BYTES, EVENT_PREFIX_BYTES } from '../src/wire/frames.js';
import type { SyncMode } from '../src/writer/commands.js';
import { choiceOf, defined, type FlagValues, numberOf, refused } from './flags.js';

export type Mode = 'engine' | 'ws';
export type ReadSource = 'stream' | 'all';

/** What every run has. */
export interface RunOptions {
  readonly mode: Mode;
  readonly nodes: number;
  readonly inFlight: number;
  readonly eventBytes: number;
  readonly eventsPerRequest: number;
  readonly streams: number;
  readonly connections: number;
  /** Measured time. */
  readonly seconds: number;
  /** Time before that, not measured. */
  readonly warmupSeconds: number;
  /** Nodes of one cluster that run already; none = the benchmark starts its own. */
  readonly urls: readonly string[];
  /** Where the run's own folder is made. */
  readonly directory: string;
  readonly syncMode: SyncMode;
  /** Nodes of one's own tell where a write's time goes. */
  readonly profileWrites?: boolean;
}

export interface AppendOptions extends RunOptions {
  /** Events a second that ought to start; 0 = closed loop. */
  readonly ratePerSecond: number;
  /** How an engine in this process is opened, as far as it differs from a node's defaults. */
  readonly engine?: EngineSettings;
}

export interface EngineSettings {
  readonly batchBytesMax?: number;
  readonly chunkSize?: number;
  readonly preparedChunks?: number;
  /** `fresh`: the first chunk's space is merely reserved. Else its beginning is filled with zeros, as a node does it. */
  readonly chunks?: 'fresh' | 'prewritten';
}

export interface ReadOptions extends RunOptions {
  readonly source: ReadSource;
  /** How many events the node is filled with before. */
  readonly events: number;
}

/** Code is compiled as it runs: four processes on two cores have done with that after some seconds of load, and one node after fewer. */
const CLUSTER_WARMUP_SECONDS = 15;
/** Bytes of names and prefixes that an Append of few events has besides the data; the node's limit counts them. */
const REQUEST_OVERHEAD_BYTES = APPEND_PREFIX_BYTES + 64;
const EVENT_OVERHEAD_BYTES = EVENT_PREFIX_BYTES + 16;
/** The node's default `--max-append-size`. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;

/** Requests in flight are kept in memory. */
const IN_FLIGHT_BYTES_MAX = 1024 * 1024 * 1024;

/** Checks the flags of `bench append`. Throws `CairnError`. */
export function parseAppendOptions(flags: FlagValues): AppendOptions {
  const options = { ...parseRunOptions(flags, 'engine'), ratePerSecond: numberOf(flags, 'rate') };
  if (options.mode === 'ws' && options.syncMode === 'none') {
    throw refused('--sync-mode none is for --mode engine: no node loses what it has acknowledged');
  }
  if (options.mode === 'engine') {
    if (options.urls.length > 0) throw refused('--url is for --mode ws: an engine runs inside the benchmark');
    if (options.nodes > 1) throw refused('--nodes is for --mode ws: an engine is alone');
    if (options.connections > 1) throw refused('--connections is for --mode ws: an engine has none');
  }
  return options;
}

/** Checks the flags of `bench read`. Throws `CairnError`. */
export function parseReadOptions(flags: FlagValues): ReadOptions {
  if (flags['rate'] !== undefined) throw refused('bench read has no --rate: it reads as fast as it can');
  syncModeOf(flags);
  const run = parseRunOptions({ inFlight: '1', eventsPerRequest: '64', ...defined(flags) }, 'ws');
  if (run.mode === 'engine') throw refused('bench read works over a connection: use --mode ws');
  const source = choiceOf(flags, 'source', ['stream', 'all'], 'all');
  const events = numberOf(flags, 'events');
  return { ...run, source, events, streams: source === 'stream' ? 1 : run.streams };
}

function parseRunOptions(flags: FlagValues, defaultMode: Mode): RunOptions {
  const urls = urlsOf(flags);
  const nodes = numberOf(flags, 'nodes', Math.max(1, urls.length));
  if (urls.length > 0 && urls.length !== nodes)
    throw refused('--nodes is how many addresses --url has, or left out');
  const options: RunOptions = {
    mode: choiceOf(flags, 'mode', ['engine', 'ws'], nodes > 1 || urls.length > 0 ? 'ws' : defaultMode),
    nodes,
    inFlight: numberOf(flags, 'inFlight'),
    eventBytes: numberOf(flags, 'eventBytes'),
    eventsPerRequest: numberOf(flags, 'eventsPerRequest'),
    streams: numberOf(flags, 'streams'),
    connections: numberOf(flags, 'connections'),
    seconds: numberOf(flags, 'seconds'),
    warmupSeconds: numberOf(flags, 'warmup', nodes > 1 ? CLUSTER_WARMUP_SECONDS : undefined),
    urls,
    directory: flags['dir'] ?? '.',
    syncMode: choiceOf(flags, 'syncMode', ['fdatasync', 'dsync', 'none'], 'fdatasync'),
  };
  const requestBytes =
    REQUEST_OVERHEAD_BYTES + options.eventsPerRequest * (options.eventBytes + EVENT_OVERHEAD_BYTES);
  if (requestBytes > REQUEST_BYTES_MAX) {
    throw refused('--events-per-request times --event-bytes is over the limit of 4 MiB for a request');
  }
  if (requestBytes * options.inFlight > IN_FLIGHT_BYTES_MAX) {
    throw refused('--in-flight times the bytes of a request is over 1 GiB; give less of one of them');
  }
  return options;
}

/** The addresses behind `--url`, which are separated by commas. Throws `CairnError`. */
export function urlsOf(flags: FlagValues): readonly string[] {
  const text = flags['url'];
  if (text === undefined) return [];
  const urls = text.split(',').map((url) => url.trim());
  if (urls.includes('')) throw refused('--url takes addresses separated by commas');
  return urls;
}

/** How nodes are to write. Throws `CairnError`. */
export function syncModeOf(flags: FlagValues): SyncMode {
  return choiceOf(flags, 'syncMode', ['fdatasync', 'dsync'], 'fdatasync');
}

/** How often each row of a suite runs. Throws `CairnError`. */
export function parseRuns(flags: FlagValues): number {
  return numberOf(flags, 'runs');
}

/** `table` or `json`. Throws `CairnError`. */
export function parseOutput(flags: FlagValues): 'table' | 'json' {
  return choiceOf(flags, 'output', ['table', 'json'], 'table');
}
