/** What can go wrong between nodes: each function begins one fault, and says how it ends. Pure. */

import { GOOD_NETWORK, type NetworkQuality } from '../network.js';
import type { Random } from '../random.js';
import type { SimCluster } from '../sim-cluster.js';
import type { ActiveFaults } from './active-faults.js';
import type { FAULT_KINDS } from './fault-plan.js';

export type NetworkFaultKind = (typeof FAULT_KINDS)['network'][number];

export interface FaultContext {
  readonly cluster: SimCluster;
  readonly active: ActiveFaults;
  readonly random: Random;
}

type Link = readonly [from: string, to: string];

/** From less than a heartbeat to some election timeouts. */
const DURATION_MS_MIN = 50;
const DURATION_MS_MAX = 3000;
const DELAY_MS_MAX = 250;
const LOSS_MAX = 0.4;
const FLAP_MS_MAX = 400;
/** Some within a heartbeat interval, so that several nodes are wrong at the same time. */
const ALARM_MS_MAX = 200;

export function durationMs(random: Random): number {
  return random.between(DURATION_MS_MIN, DURATION_MS_MAX);
}

export function beginNetworkFault(kind: NetworkFaultKind, context: FaultContext): void {
  const { random, cluster } = context;
  const names = random.shuffle(cluster.nodes.map((node) => node.name));
  switch (kind) {
    case 'loss':
      worsen(context, { lossChance: random.fraction() * LOSS_MAX });
      break;
    case 'delay':
      worsen(context, { delayMaxMs: random.between(2, DELAY_MS_MAX) });
      break;
    case 'chaos':
      worsen(context, {
        isChaotic: true,
        duplicateChance: random.fraction() / 2,
        lateChance: random.fraction() / 5,
      });
      break;
    case 'replay':
      worsen(context, { replayChance: random.fraction() / 5 });
      break;
    case 'partition': {
      const size = random.between(1, names.length - 1);
      cut(context, bothWays(names.slice(0, size), names.slice(size)));
      break;
    }
    case 'isolate': {
      const victim = random.chance(0.5) ? (cluster.leader?.name ?? names[0]!) : names[0]!;
      cut(
        context,
        bothWays(
          [victim],
          names.filter((name) => name !== victim),
        ),
      );
      break;
    }
    case 'one-way':
      cut(
        context,
        allLinks(names).filter(() => random.chance(0.4)),
      );
      break;
    case 'bridge':
      if (names.length > 2) cut(context, bothWays([names[0]!], [names[1]!]));
      break;
    case 'flap':
      flap(context, random.chance(0.5) ? bothWays([names[0]!], names.slice(1)) : allLinks(names).slice(0, 2));
      break;
    case 'false-alarm':
      alarm(context, names);
      break;
  }
}

function worsen(
  { cluster: { network }, active, random }: FaultContext,
  change: Partial<NetworkQuality>,
): void {
  const keys = Object.keys(change) as (keyof NetworkQuality)[];
  network.quality = { ...network.quality, ...change };
  active.add(durationMs(random), () => {
    const healed = Object.fromEntries(keys.map((key) => [key, GOOD_NETWORK[key]]));
    network.quality = { ...network.quality, ...healed };
  });
}

function cut({ cluster: { network }, active, random }: FaultContext, links: readonly Link[]): void {
  for (const [from, to] of links) network.cut(from, to);
  active.add(durationMs(random), () => {
    for (const [from, to] of links) network.mend(from, to);
  });
}

function flap({ cluster: { network }, active, random }: FaultContext, links: readonly Link[]): void {
  const lengthMs = durationMs(random);
  let isCut = false;
  const toggle = (): void => {
    for (const [from, to] of links) {
      if (isCut) network.mend(from, to);
      else network.cut(from, to);
    }
    isCut = !isCut;
  };
  active.repeat(lengthMs, () => random.between(5, FLAP_MS_MAX), toggle);
  active.add(lengthMs, () => {
    if (isCut) toggle();
  });
}

/** Somebody is said to be gone, again and again, to some nodes: most often the leader, who is there. */
function alarm({ cluster, active, random }: FaultContext, names: readonly string[]): void {
  const told = names.slice(0, random.between(1, names.length));
  active.repeat(
    durationMs(random),
    () => random.between(1, ALARM_MS_MAX),
    () => {
      const about = random.chance(0.7) ? cluster.leader?.name : random.pick(names);
      if (about !== undefined) cluster.alarms.raise(random.pick(told), about);
    },
  );
}

function allLinks(names: readonly string[]): Link[] {
  return names.flatMap((from) => names.filter((to) => to !== from).map((to): Link => [from, to]));
}

function bothWays(some: readonly string[], others: readonly string[]): Link[] {
  return some.flatMap((a) =>
    others.flatMap((b): Link[] => [
      [a, b],
      [b, a],
    ]),
  );
}
