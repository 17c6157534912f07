/** The flags of `cairn bench peers`, turned into what to do. Pure. Throws `CairnError` code `invalid-configuration`. */
import { type FlagValues, numberOf, refused } from '../flags.js';
import { parseOutput } from '../options.js';
import type { Peer } from './peer.js';
import { PEERS } from './peers.js';
import type { PeerPlan } from './run-peers.js';

export interface PeerOptions {
  readonly task:
    | {
        readonly kind: 'measure';
        readonly peers: readonly Peer[];
        readonly plan: PeerPlan;
        readonly directory: string;
        readonly install: boolean;
        readonly out: string | undefined;
      }
    | { readonly kind: 'render'; readonly from: string };
  readonly output: 'table' | 'json';
  readonly report: string | undefined;
}

const IN_FLIGHTS = [1, 64, 256] as const;
/** PostgreSQL has a process for each. */
const IN_FLIGHT_MAX = 1024;
const FULL = { seconds: 3, warmup: 2 } as const;
const QUICK = { seconds: 0.5, warmup: 0.3 } as const;

export interface PeerSwitches {
  readonly quick?: boolean;
  readonly install?: boolean;
}

export function parsePeerOptions(
  flags: FlagValues,
  { quick = false, install = false }: PeerSwitches,
): PeerOptions {
  const output = parseOutput(flags);
  const report = flags['report'];
  const from = flags['from'];
  if (from !== undefined) return { task: { kind: 'render', from }, output, report };
  const lengths = quick ? QUICK : FULL;
  const plan: PeerPlan = {
    inFlights: inFlightsOf(flags['inFlight']),
    eventBytes: numberOf(flags, 'eventBytes'),
    seconds: numberOf(flags, 'seconds', lengths.seconds),
    warmupSeconds: numberOf(flags, 'warmup', lengths.warmup),
  };
  const task = {
    kind: 'measure',
    peers: peersOf(flags['only']),
    plan,
    directory: flags['dir'] ?? '.',
    install,
    out: flags['out'],
  } as const;
  return { task, output, report };
}

function peersOf(text: string | undefined): readonly Peer[] {
  if (text === undefined) return PEERS;
  return text.split(',').map((word) => {
    const peer = PEERS.find(({ name }) => name === word.trim());
    if (peer !== undefined) return peer;
    throw refused(`--only takes some of ${PEERS.map(({ name }) => name).join(', ')}, not '${word.trim()}'`);
  });
}

function inFlightsOf(text: string | undefined): readonly number[] {
  if (text === undefined) return IN_FLIGHTS;
  return text.split(',').map((word) => {
    const value = numberOf({ inFlight: word.trim() }, 'inFlight');
    if (value <= IN_FLIGHT_MAX) return value;
    throw refused(`--in-flight takes numbers up to ${IN_FLIGHT_MAX} here, with commas, not ${value}`);
  });
}
