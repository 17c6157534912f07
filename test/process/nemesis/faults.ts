/**
 * What a nemesis can do to a cluster of processes, and how it is taken back: the catalogue. A fault takes up one member, the network or
 * everything, so that no two get into each other's way.
 */
import type { ClusterMember } from '../cluster/cluster-member.js';
import type { ClusterProcess } from '../cluster/cluster-process.js';
import { withoutVolatileDisk } from '../disks/volatile-disk.js';
import { CLIENTS, type NetworkLab, withoutNetworkLab } from '../network/network-lab.js';
import type { SeededRandom } from '../random.js';
import { withoutStrace } from '../tools.js';

/** `injection`: the nodes are started with `--fault-injection`. */
export type FaultNeed = 'network' | 'disks' | 'strace' | 'injection';
/** Takes a fault back; resolves when all is as it was, or on the way there by itself. */
export type Undo = () => Promise<void> | void;

/** What is hit, and with which dice. */
export interface Blow {
  readonly cluster: ClusterProcess;
  readonly index: number;
  /** Drawn for this fault alone. */
  readonly random: SeededRandom;
}

interface Fault {
  readonly needs?: FaultNeed;
  readonly takes: 'member' | 'network' | 'all';
  /** At most one in a run. */
  readonly isOnce?: boolean;
  strike(blow: Blow): Promise<Undo> | Undo;
}

const KEPT_PERCENT = [0, 50, 90];

const FAULTS = {
  kill: {
    takes: 'member',
    async strike(blow) {
      const member = hit(blow);
      await member.kill();
      return () => member.start();
    },
  },
  'kill-all': {
    takes: 'all',
    async strike({ cluster, random }) {
      await Promise.all(cluster.members.map((member) => member.kill()));
      return () => startInAnyOrder(cluster, random);
    },
  },
  stop: {
    takes: 'member',
    async strike(blow) {
      const member = hit(blow);
      await member.stop();
      return () => member.start();
    },
  },
  pause: {
    takes: 'member',
    strike(blow) {
      const member = hit(blow);
      member.pause();
      return () => member.resume();
    },
  },
  /**
   * It comes back with an empty folder, as a new member. Once in a run: where a majority has forgotten what it acknowledged, nobody can keep it.
   */
  wipe: {
    takes: 'member',
    isOnce: true,
    async strike(blow) {
      const member = hit(blow);
      await member.kill();
      member.wipe();
      return () => member.start();
    },
  },
  'slow-sync': {
    needs: 'strace',
    takes: 'member',
    strike(blow) {
      const milliseconds = 50 + blow.random.below(500);
      return hit(blow).tamper(`fdatasync:delay_enter=${milliseconds * 1000}`);
    },
  },
  'fail-sync': {
    needs: 'strace',
    takes: 'member',
    strike(blow) {
      const member = hit(blow);
      member.expectEnd();
      const letGo = member.tamper('fdatasync:error=EIO');
      return async () => {
        await letGo();
        // Whoever had nothing to sync lives on.
        await member.kill();
        await member.start();
      };
    },
  },
  /** It and the others don't hear each other, by their own doing: needs no root. */
  block: {
    needs: 'injection',
    takes: 'member',
    async strike({ cluster, index }) {
      const rest = cluster.members.map((_, i) => i).filter((i) => i !== index);
      await cluster.block(index, rest);
      return () => cluster.block(index, []);
    },
  },
  /** The same with one of the others alone. */
  'block-one': {
    needs: 'injection',
    takes: 'member',
    async strike({ cluster, index, random }) {
      const rest = cluster.members.map((_, i) => i).filter((i) => i !== index);
      await cluster.block(index, [random.pick(rest)]);
      return () => cluster.block(index, []);
    },
  },
  isolate: { needs: 'network', takes: 'network', strike: cut((network, i) => network.isolate(i)) },
  /** It sends, and hears nothing. */
  deaf: {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => {
      for (const other of others(network, i)) network.break(other, i);
    }),
  },
  /** It hears, and can't send. */
  mute: {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => {
      for (const other of others(network, i)) network.break(i, other);
    }),
  },
  'one-way': {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i, random) => network.break(i, random.pick(others(network, i)))),
  },
  /** It reaches all others, who are in two groups that don't reach each other. */
  bridge: {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => {
      const rest = others(network, i);
      const half = rest.length >> 1;
      network.partition(rest.slice(0, half), rest.slice(half));
    }),
  },
  partition: {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i, random) => {
      const minority = [i, random.pick(others(network, i))].slice(0, network.size >> 1);
      network.partition(
        minority,
        others(network, i).filter((other) => !minority.includes(other)),
      );
    }),
  },
  reset: {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => {
      for (const other of others(network, i)) network.reset(i, other);
    }),
  },
  'reset-clients': {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => network.reset(CLIENTS, i)),
  },
  'cut-clients': {
    needs: 'network',
    takes: 'network',
    strike: cut((network, i) => network.partition([CLIENTS], [i])),
  },
  'power-cut': {
    needs: 'disks',
    takes: 'member',
    async strike(blow) {
      const member = hit(blow);
      await cutPower(member, blow.random);
      return () => restore(member);
    },
  },
  'power-cut-all': {
    needs: 'disks',
    takes: 'all',
    async strike({ cluster, random }) {
      await Promise.all(cluster.members.map((member) => cutPower(member, random)));
      return async () => {
        await Promise.all(cluster.members.map((member) => member.restoreDisk()));
        await startInAnyOrder(cluster, random);
      };
    },
  },
  'full-disk': { needs: 'disks', takes: 'member', strike: (blow) => hit(blow).fillDisk() },
  'slow-disk': {
    needs: 'disks',
    takes: 'member',
    strike(blow) {
      const { disk } = hit(blow);
      disk!.delayFlushes(20 + blow.random.below(300));
      return () => disk!.delayFlushes(0);
    },
  },
  /** Its disk fails some flushes, and what was not flushed is lost. */
  'fail-flush': {
    needs: 'disks',
    takes: 'member',
    strike(blow) {
      const member = hit(blow);
      member.expectEnd();
      member.disk!.failFlushes(blow.random.below(20), 1 + blow.random.below(3));
      return async () => {
        await member.kill();
        await restore(member);
      };
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

export function faultOf(name: FaultName): Fault {
  return FAULTS[name];
}

/** Why a fault can't be had here; undefined if it can. */
export function whyNotFault(name: FaultName): string | undefined {
  switch (faultOf(name).needs) {
    case 'network':
      return withoutNetworkLab();
    case 'disks':
      return withoutVolatileDisk();
    case 'strace':
      return withoutStrace;
    case 'injection':
    case undefined:
      return undefined;
  }
}

function hit({ cluster, index }: Blow): ClusterMember {
  return cluster.members[index]!;
}

function others(network: NetworkLab, index: number): number[] {
  return Array.from({ length: network.size }, (_, i) => i).filter((i) => i !== index);
}

function cut(strike: (network: NetworkLab, index: number, random: SeededRandom) => void): Fault['strike'] {
  return ({ cluster, index, random }) => {
    const network = cluster.network!;
    strike(network, index, random);
    return () => network.heal();
  };
}

/** The machine is off, and its disk has lost some of what it was not told to keep. */
async function cutPower(member: ClusterMember, random: SeededRandom): Promise<void> {
  member.expectEnd();
  member.disk!.cutPower(random.bits(), random.pick(KEPT_PERCENT));
  await member.kill();
}

async function restore(member: ClusterMember): Promise<void> {
  await member.restoreDisk();
  await member.start();
}

async function startInAnyOrder(cluster: ClusterProcess, random: SeededRandom): Promise<void> {
  const waiting = [...cluster.members];
  const starts: Promise<void>[] = [];
  while (waiting.length > 0) {
    const [next] = waiting.splice(random.below(waiting.length), 1);
    const start = next!.start();
    starts.push(start);
    // Together, or one after the other.
    if (random.chance(0.5)) await start;
  }
  await Promise.all(starts);
}
