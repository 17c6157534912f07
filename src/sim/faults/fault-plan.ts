/**
 * Which faults a run has, and how often: drawn from the seed. Pure. In swarm mode each run enables a random subset with random
 * intensities (Groce et al., "Swarm Testing", ISSTA 2012): runs with everything enabled seldom get far enough to find what needs one
 * fault alone.
 */
import type { Random } from '../random.js';

/** Groups of kinds of faults, by what they hit. */
export const FAULT_KINDS = {
  network: [
    'loss',
    'delay',
    'chaos',
    'replay',
    'partition',
    'isolate',
    'one-way',
    'bridge',
    'flap',
    'false-alarm',
  ],
  crash: ['crash', 'kill', 'crash-step', 'crash-again', 'crash-all', 'pause'],
  disk: ['sync-error', 'full-disk', 'slow-disk', 'bit-flip', 'misdirected', 'lost-write', 'lying'],
  clock: ['drift', 'jump'],
  membership: ['wipe', 'restore', 'remove', 'promote', 'demote', 'resize', 'transfer', 'priority'],
} as const;

export type FaultGroup = keyof typeof FAULT_KINDS;
export type FaultKind = (typeof FAULT_KINDS)[FaultGroup][number];

export const FAULT_GROUPS = Object.keys(FAULT_KINDS) as readonly FaultGroup[];
export const ALL_FAULT_KINDS: readonly FaultKind[] = FAULT_GROUPS.flatMap((group) => [...FAULT_KINDS[group]]);

/** What the operator asked for: the kinds that may occur, and whether each run picks among them. */
export interface FaultSelection {
  readonly kinds: readonly FaultKind[];
  readonly isSwarm: boolean;
}

export const NO_FAULTS: FaultSelection = { kinds: [], isSwarm: false };

/** Faults per virtual second of turbulence, by kind; kinds that are not in it don't occur. */
export interface FaultPlan {
  readonly perSecond: ReadonlyMap<FaultKind, number>;
}

/** In swarm mode, how likely a kind is enabled: half of all subsets' sizes are near half of the kinds. */
const ENABLED_CHANCE = 0.4;
/** From once in a run of some seconds to some times a second. */
const PER_SECOND_MIN = 0.1;
const PER_SECOND_MAX = 2;
/** What needs a repair afterwards is rarer by this: the budget would refuse more. */
const DAMAGE_FACTOR = 0.25;
const DAMAGING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'wipe',
  'restore',
  'bit-flip',
  'misdirected',
  'lost-write',
  'lying',
]);

/**
 * Understands `none`, `swarm`, `all`, names of groups and of kinds, several with commas between. Undefined: a word that is none
 * of these.
 */
export function parseFaults(text: string): FaultSelection | undefined {
  const kinds = new Set<FaultKind>();
  let isSwarm = false;
  for (const word of text.split(',').map((part) => part.trim())) {
    const meant = kindsOf(word);
    if (meant === undefined) return undefined;
    isSwarm ||= word === 'swarm';
    for (const kind of meant) kinds.add(kind);
  }
  return { kinds: ALL_FAULT_KINDS.filter((kind) => kinds.has(kind)), isSwarm };
}

function kindsOf(word: string): readonly FaultKind[] | undefined {
  if (word === 'none') return [];
  if (word === 'all' || word === 'swarm') return ALL_FAULT_KINDS;
  const group = FAULT_GROUPS.find((name) => name === word);
  if (group !== undefined) return FAULT_KINDS[group];
  const kind = ALL_FAULT_KINDS.find((name) => name === word);
  return kind === undefined ? undefined : [kind];
}

export function drawPlan(selection: FaultSelection, random: Random): FaultPlan {
  const perSecond = new Map<FaultKind, number>();
  for (const kind of selection.kinds) {
    if (selection.isSwarm && !random.chance(ENABLED_CHANCE)) continue;
    const rate = PER_SECOND_MIN * (PER_SECOND_MAX / PER_SECOND_MIN) ** random.fraction();
    perSecond.set(kind, DAMAGING.has(kind) ? rate * DAMAGE_FACTOR : rate);
  }
  return { perSecond };
}
