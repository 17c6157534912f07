/**
 * What a benchmark run is asked to do: checks the text that stands behind the flags and turns it into numbers. Pure. What is
 * not usable gives a `CairnError` with code `invalid-configuration` that names the flag and says what it takes.
 */
import { CairnError } from '../src/base/errors.js';
import { APPEND_EVENTS_MAX, APPEND_PREFIX_BYTES, EVENT_PREFIX_BYTES } from '../src/wire/frames.js';
import type { SyncMode } from '../src/writer/commands.js';

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
  /** A node that runs already; undefined = the benchmark starts its own. */
  readonly url: string | undefined;
  /** Where the run's own folder is made. */
  readonly directory: string;
  readonly syncMode: SyncMode;
}

export interface AppendOptions extends RunOptions {
  /** Events a second that ought to start; 0 = closed loop. */
  readonly ratePerSecond: number;
}

export interface ReadOptions extends RunOptions {
  readonly source: ReadSource;
  /** How many events the node is filled with before. */
  readonly events: number;
}

/** The text behind each flag, by its camel-case name, as commander gives it. */
export type FlagValues = Readonly<Record<string, string | undefined>>;

interface NumberRange {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** A fraction is not allowed. */
  readonly whole: boolean;
}

/** Bytes of names and prefixes that an Append of few events has besides the data; the node's limit counts them. */
const REQUEST_OVERHEAD_BYTES = APPEND_PREFIX_BYTES + 64;
const EVENT_OVERHEAD_BYTES = EVENT_PREFIX_BYTES + 16;
/** The node's default `--max-append-size`. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;

/** Requests in flight are kept in memory. */
const IN_FLIGHT_BYTES_MAX = 1024 * 1024 * 1024;

const RANGES = {
  nodes: { default: 1, min: 1, max: 9, whole: true },
  // The node's default limit of unanswered appends on one connection.
  inFlight: { default: 256, min: 1, max: 16_384, whole: true },
  // Just below the node's default --max-append-event-size of 1 MiB, which counts the type as well.
  eventBytes: { default: 256, min: 1, max: 1_048_000, whole: true },
  eventsPerRequest: { default: 1, min: 1, max: APPEND_EVENTS_MAX, whole: true },
  // A million stream names is more than any run here appends to evenly.
  streams: { default: 16, min: 1, max: 1_000_000, whole: true },
  connections: { default: 1, min: 1, max: 64, whole: true },
  seconds: { default: 5, min: 0.01, max: 86_400, whole: false },
  warmup: { default: 2, min: 0, max: 3_600, whole: false },
  rate: { default: 0, min: 0.001, max: 100_000_000, whole: false },
  // At 256 bytes an event the upper end is a log of 350 GB.
  events: { default: 1_000_000, min: 1, max: 1_000_000_000, whole: true },
  runs: { default: 3, min: 1, max: 100, whole: true },
} as const satisfies Record<string, NumberRange>;

/** Checks the flags of `bench append`. Throws `CairnError`. */
export function parseAppendOptions(flags: FlagValues): AppendOptions {
  const options = { ...parseRunOptions(flags, 'engine'), ratePerSecond: numberOf(flags, 'rate') };
  if (options.mode === 'engine') {
    if (options.url !== undefined)
      throw refused('--url is for --mode ws: an engine runs inside the benchmark');
    if (options.connections > 1) throw refused('--connections is for --mode ws: an engine has none');
  }
  return options;
}

/** Checks the flags of `bench read`. Throws `CairnError`. */
export function parseReadOptions(flags: FlagValues): ReadOptions {
  if (flags['rate'] !== undefined) throw refused('bench read has no --rate: it reads as fast as it can');
  const run = parseRunOptions({ inFlight: '1', eventsPerRequest: '64', ...defined(flags) }, 'ws');
  if (run.mode === 'engine') throw refused('bench read works over a connection: use --mode ws');
  const source = choiceOf(flags, 'source', ['stream', 'all'], 'all');
  const events = numberOf(flags, 'events');
  return { ...run, source, events, streams: source === 'stream' ? 1 : run.streams };
}

function parseRunOptions(flags: FlagValues, defaultMode: Mode): RunOptions {
  const options: RunOptions = {
    mode: choiceOf(flags, 'mode', ['engine', 'ws'], flags['url'] === undefined ? defaultMode : 'ws'),
    nodes: numberOf(flags, 'nodes'),
    inFlight: numberOf(flags, 'inFlight'),
    eventBytes: numberOf(flags, 'eventBytes'),
    eventsPerRequest: numberOf(flags, 'eventsPerRequest'),
    streams: numberOf(flags, 'streams'),
    connections: numberOf(flags, 'connections'),
    seconds: numberOf(flags, 'seconds'),
    warmupSeconds: numberOf(flags, 'warmup'),
    url: flags['url'],
    directory: flags['dir'] ?? '.',
    syncMode: choiceOf(flags, 'syncMode', ['fdatasync', 'dsync'], 'fdatasync'),
  };
  if (options.nodes > 1) throw refused('--nodes: this version runs one node; only 1 is possible');
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

function numberOf(flags: FlagValues, name: keyof typeof RANGES): number {
  const text = flags[name];
  const range = RANGES[name];
  if (text === undefined) return range.default;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max && (!range.whole || Number.isInteger(value))) return value;
  const kind = range.whole ? 'a whole number' : 'a number';
  throw refused(`${flagOf(name)} takes ${kind} from ${range.min} to ${range.max}, not '${text}'`);
}

function choiceOf<Choice extends string>(
  flags: FlagValues,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const text = flags[name];
  if (text === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw refused(`${flagOf(name)} takes ${choices.join(' or ')}, not '${text}'`);
}

/** How often each row of a suite runs. Throws `CairnError`. */
export function parseRuns(flags: FlagValues): number {
  return numberOf(flags, 'runs');
}

/** `table` or `json`. Throws `CairnError`. */
export function parseOutput(flags: FlagValues): 'table' | 'json' {
  return choiceOf(flags, 'output', ['table', 'json'], 'table');
}

function defined(flags: FlagValues): FlagValues {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function refused(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
