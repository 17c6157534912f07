/** The text behind the flags of `cairn zones`, as numbers, choices and topologies. What is not usable gives a `CairnError` that says what to do. */
import { readFileSync } from 'node:fs';
import type { AckPolicy } from '../../src/cluster/ack-policy.js';
import { ACK_POLICIES } from '../../src/wire/frames.js';
import type { SyncMode } from '../../src/writer/commands.js';
import { choiceOf, type FlagValues, numberOf, refused } from '../flags.js';
import { PRESET_NAMES, presetTopology } from './presets.js';
import { placed, type Topology } from './topology.js';
import { parseTopology } from './topology-file.js';

const WRITERS_MAX = 1024;
const SEED = { default: 1, min: 0, max: 2 ** 31 } as const;

/** In the order in which they ask for more. */
const IN_ORDER: readonly AckPolicy[] = ['leader', 'quorum', 'quorum-and-zone', 'all'];

/** A preset by its name, or else a file, with the leader and the client that the flags name. */
export function topologyOf(nameOrPath: string, flags: FlagValues): Topology {
  const topology = PRESET_NAMES.includes(nameOrPath) ? presetTopology(nameOrPath) : readTopology(nameOrPath);
  const { leader, client } = flags;
  return placed(topology, {
    ...(leader === undefined ? {} : { leader }),
    ...(client === undefined ? {} : { client }),
  });
}

function readTopology(path: string): Topology {
  return parseTopology(readText(path, `nor is it a preset: those are ${PRESET_NAMES.join(', ')}`), path);
}

export function readText(path: string, hint: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw refused(`${path} can't be read: ${reason}, ${hint}`);
  }
}

/** Those that are named, with commas between; all without the flag. */
export function policiesOf(flags: FlagValues): readonly AckPolicy[] {
  const text = flags['policy'];
  if (text === undefined) return IN_ORDER;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(ACK_POLICIES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw refused(`--policy takes ${IN_ORDER.join(', ')}, several with commas, not '${unknown}'`);
  return IN_ORDER.filter((policy) => names.includes(policy));
}

export function wholeNumberOf(
  flags: FlagValues,
  name: string,
  range: { readonly default: number; readonly min: number; readonly max: number },
): number {
  const text = flags[name];
  if (text === undefined) return range.default;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  throw refused(
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} takes a whole number from ${range.min} to ${range.max}, not '${text}'`,
  );
}

export function outputOf(flags: FlagValues): 'table' | 'json' {
  return choiceOf(flags, 'output', ['table', 'json'], 'table');
}

/** What `simulate` and `compare` have in common: real nodes on this machine, and writes to them. */
export interface ZoneRun {
  /** For each ack policy, or way to replicate. */
  readonly seconds: number;
  /** How many write at the same time. */
  readonly writers: number;
  readonly eventBytes: number;
  readonly syncMode: SyncMode;
  readonly directory: string;
  readonly seed: number;
  /** Ends the run after the write that is under way; what there is by then counts. */
  readonly signal: AbortSignal | undefined;
  readonly progress: (text: string) => void;
}

export function zoneRunOf(
  flags: FlagValues,
  defaults: { readonly seconds: number; readonly writers: number },
  signal: AbortSignal,
): ZoneRun {
  return {
    seconds: numberOf(flags, 'seconds', defaults.seconds),
    writers: wholeNumberOf(flags, 'writers', { default: defaults.writers, min: 1, max: WRITERS_MAX }),
    eventBytes: numberOf(flags, 'eventBytes'),
    syncMode: choiceOf(flags, 'syncMode', ['fdatasync', 'dsync'], 'fdatasync'),
    directory: flags['dir'] ?? '.',
    seed: wholeNumberOf(flags, 'seed', SEED),
    signal,
    progress: (text) => console.error(text),
  };
}
