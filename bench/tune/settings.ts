/** The settings that are tuned, for which goal, and how a configuration file spells them. Pure. */
import { defaultValues } from '../../src/config/options.js';
import { formatSize } from '../../src/config/values.js';
import type { SyncMode } from '../../src/writer/commands.js';

export const GOALS = ['latency', 'throughput', 'balanced'] as const;
export type Goal = (typeof GOALS)[number];

/** By the options' names in the table of `src/config`. */
export interface TunedSettings {
  readonly SyncMode: SyncMode;
  readonly BatchBytesMax: number;
  readonly ChunkSize: number;
}

export type TunedName = keyof TunedSettings;

/** What a node has if nobody says otherwise. */
export function defaultSettings(): TunedSettings {
  const { SyncMode, BatchBytesMax, ChunkSize } = defaultValues();
  return { SyncMode, BatchBytesMax, ChunkSize };
}

/** A value as a configuration file spells it: `512KiB`. */
export function settingText(settings: TunedSettings, name: TunedName): string {
  const value = settings[name];
  return typeof value === 'number' ? formatSize(value).replace(' ', '').replace('bytes', '') : value;
}
