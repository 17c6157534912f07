/** What the runs about a cluster in trouble are asked to do: flags to numbers. Pure. Throws `CairnError` code `invalid-configuration`. */
import type { SyncMode } from '../src/writer/commands.js';
import { bytesOf, choiceOf, type FlagValues, numberOf, refused } from './flags.js';
import { syncModeOf } from './options.js';

/** What all of them have. */
export interface TroubleOptions {
  readonly nodes: number;
  /** Appends a second while things happen. */
  readonly rate: number;
  readonly eventBytes: number;
  readonly syncMode: SyncMode;
  /** Where the run's own folder is made. */
  readonly directory: string;
}

export interface FailoverOptions extends TroubleOptions {
  /** What is done to the leader: SIGKILL, or SIGSTOP. */
  readonly how: 'kill' | 'pause';
  readonly runs: number;
}

export interface SlowFollowerOptions extends TroubleOptions {
  /** By how much each fdatasync of one follower is held up. */
  readonly delayMs: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

export interface CatchUpOptions extends TroubleOptions {
  /** Bytes of event data that the follower misses, in events of {@link fillEventBytes}. */
  readonly bytes: number;
  readonly fillEventBytes: number;
  /** How long the load is watched before the follower comes back. */
  readonly seconds: number;
}

/** Fewer can't lose one. */
const NODES_MIN = 3;
/** An append every 5 ms: what a failover takes is then known to 5 ms, and the load is nothing to the machine. */
const FAILOVER_RATE = 200;
const FAILOVER_RUNS = 10;
/** So that a 99th percentile stands on fifty appends when the load is watched for five seconds. */
const WATCHED_RATE = 1000;
/** Large: the bytes are all that counts. Small: each record costs. */
const LARGE_EVENT_BYTES = 64 * 1024;
const SMALL_EVENT_BYTES = 256;
const CATCH_UP_BYTES = 2 ** 30;

export function parseFailoverOptions(flags: FlagValues): FailoverOptions {
  return {
    ...parseTroubleOptions(flags, FAILOVER_RATE),
    how: choiceOf(flags, 'how', ['kill', 'pause'], 'kill'),
    runs: numberOf(flags, 'runs', FAILOVER_RUNS),
  };
}

export function parseSlowFollowerOptions(flags: FlagValues): SlowFollowerOptions {
  return {
    ...parseTroubleOptions(flags, WATCHED_RATE),
    delayMs: numberOf(flags, 'delayMs'),
    seconds: numberOf(flags, 'seconds'),
    warmupSeconds: numberOf(flags, 'warmup'),
  };
}

export function parseCatchUpOptions(flags: FlagValues): CatchUpOptions {
  const fillEventBytes = numberOf(flags, 'eventBytes', LARGE_EVENT_BYTES);
  const bytes = bytesOf(flags, 'bytes', CATCH_UP_BYTES);
  if (bytes < fillEventBytes) throw refused('--bytes is less than --event-bytes: not one event');
  return {
    ...parseTroubleOptions({ ...flags, eventBytes: undefined }, WATCHED_RATE),
    bytes,
    fillEventBytes,
    seconds: numberOf(flags, 'seconds'),
  };
}

/** Both kinds of catching up, unless the user says which. */
export function catchUpFlags(flags: FlagValues): readonly FlagValues[] {
  if (flags['eventBytes'] !== undefined) return [flags];
  return [LARGE_EVENT_BYTES, SMALL_EVENT_BYTES].map((bytes) => ({ ...flags, eventBytes: String(bytes) }));
}

function parseTroubleOptions(flags: FlagValues, defaultRate: number): TroubleOptions {
  const nodes = numberOf(flags, 'nodes', NODES_MIN);
  if (nodes < NODES_MIN)
    throw refused(`--nodes must be ${NODES_MIN} or more here: the others go on without one`);
  return {
    nodes,
    rate: numberOf(flags, 'rate', defaultRate),
    eventBytes: numberOf(flags, 'eventBytes'),
    syncMode: syncModeOf(flags),
    directory: flags['dir'] ?? '.',
  };
}
