/**
 * One point of a sweep: what is measured there, how it is called, and the options of the run that measures it. Pure. Two points that say
 * the same are the same point, also in two result files.
 */
import type { SyncMode } from '../../src/writer/commands.js';
import type { FlagValues } from '../flags.js';
import { type AppendOptions, type Mode, parseAppendOptions } from '../options.js';

export interface Configuration {
  readonly mode: Mode;
  readonly nodes: number;
  readonly inFlight: number;
  readonly eventBytes: number;
  readonly eventsPerRequest: number;
  /** Events a second that ought to start; 0 = closed loop. */
  readonly rate: number;
  readonly syncMode: SyncMode;
  /** Of an engine in process. Nodes have their own: the default, or whatever those at `--url` were given. */
  readonly batchBytesMax: number;
  readonly chunkSize: number;
  readonly chunks: 'fresh' | 'prewritten';
}

const MIB = 2 ** 20;

/** What every sweep changes one thing of. Engine settings are the node's defaults. */
export const BASE: Configuration = {
  mode: 'engine',
  nodes: 1,
  inFlight: 256,
  eventBytes: 256,
  eventsPerRequest: 1,
  rate: 0,
  syncMode: 'fdatasync',
  batchBytesMax: MIB,
  chunkSize: 256 * MIB,
  chunks: 'prewritten',
};

/** The names of what makes a point. */
export const FIELDS = Object.keys(BASE) as (keyof Configuration)[];

/** The point's identity. */
export function keyOf(point: Configuration): string {
  return FIELDS.map((field) => point[field]).join(' ');
}

/** The point's fields alone, of something that has more. */
export function configurationOf(point: Configuration): Configuration {
  return Object.fromEntries(FIELDS.map((field) => [field, point[field]])) as unknown as Configuration;
}

/** In words: where, how many requests, and what is not as usual. */
export function labelOf(point: Configuration): string {
  const { mode, nodes, inFlight, eventBytes, eventsPerRequest, rate, syncMode } = point;
  const parts = [mode === 'engine' ? 'in process' : nodes === 1 ? 'over ws' : `${nodes} nodes`];
  parts.push(rate === 0 ? `${inFlight} in flight` : `${rate.toLocaleString('en')} events/s asked for`);
  if (eventBytes !== BASE.eventBytes) parts.push(`events of ${sizeText(eventBytes)}`);
  if (eventsPerRequest !== BASE.eventsPerRequest) parts.push(`${eventsPerRequest} events a request`);
  if (syncMode === 'none') parts.push('no sync: not durable');
  else if (syncMode !== BASE.syncMode) parts.push(syncMode);
  if (point.batchBytesMax !== BASE.batchBytesMax)
    parts.push(`batches up to ${sizeText(point.batchBytesMax)}`);
  if (point.chunkSize !== BASE.chunkSize) parts.push(`chunks of ${sizeText(point.chunkSize)}`);
  if (point.chunks !== BASE.chunks) parts.push(point.chunks);
  return parts.join(', ');
}

/** How long and where each point is measured. */
export interface RunSettings {
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Nodes that run already; none = nodes of its own. */
  readonly urls: readonly string[];
  readonly directory: string;
}

/** The run that measures the point. Throws `CairnError` if there can't be one. */
export function optionsOf(point: Configuration, settings: RunSettings): AppendOptions {
  const { seconds, warmupSeconds, urls, directory } = settings;
  const flags: FlagValues = {
    mode: point.mode,
    nodes: String(point.nodes),
    inFlight: String(point.inFlight),
    eventBytes: String(point.eventBytes),
    eventsPerRequest: String(point.eventsPerRequest),
    rate: point.rate === 0 ? undefined : String(point.rate),
    syncMode: point.syncMode,
    seconds: String(seconds),
    warmup: String(warmupSeconds),
    url: urls.length === 0 ? undefined : urls.join(','),
    dir: directory,
  };
  const { batchBytesMax, chunkSize, chunks } = point;
  return { ...parseAppendOptions(flags), engine: { batchBytesMax, chunkSize, chunks }, profileWrites: true };
}

/** Bytes as people write them: 64 KiB, 1 MiB, 100 B. */
export function sizeText(bytes: number): string {
  if (bytes >= MIB && bytes % MIB === 0)
    return bytes >= 1024 * MIB ? `${bytes / MIB / 1024} GiB` : `${bytes / MIB} MiB`;
  return bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
}
