/** The settings that are tuned, for which goal, and how a configuration file spells them. Pure. */
import { defaultValues, specOf } from '../../src/config/options.js';
import { formatSize } from '../../src/config/values.js';
import type { SyncMode } from '../../src/writer/commands.js';

export const GOALS = ['latency', 'throughput', 'balanced'] as const;
export type Goal = (typeof GOALS)[number];

/** By the options' names in the table of `src/config`. */
export interface TunedSettings {
  readonly SyncMode: SyncMode;
  readonly BatchBytesMax: number;
  readonly ChunkSize: number;
  readonly PreparedChunks: number;
}

export type TunedName = keyof TunedSettings;

/** All of them, as tables show them. */
export const TUNED_NAMES = [
  'SyncMode',
  'BatchBytesMax',
  'ChunkSize',
  'PreparedChunks',
] as const satisfies TunedName[];

/** What a node has if nobody says otherwise. */
export function defaultSettings(): TunedSettings {
  const { SyncMode, BatchBytesMax, ChunkSize, PreparedChunks } = defaultValues();
  return { SyncMode, BatchBytesMax, ChunkSize, PreparedChunks };
}

/** A value as a configuration file spells it: `512KiB`. */
export function settingText(settings: TunedSettings, name: TunedName): string {
  const value = settings[name];
  if (typeof value !== 'number') return value;
  return specOf(name).kind === 'size'
    ? formatSize(value).replace(' ', '').replace('bytes', '')
    : String(value);
}
