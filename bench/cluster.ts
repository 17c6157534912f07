/**
 * A cluster of node processes on this machine, each with a folder and a port of its own: started, waited for, hurt where a run is
 * about that, and never left behind. Main thread.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../src/base/errors.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';
import type { SyncMode } from '../src/writer/commands.js';
import { type NodeInfo, readWriterTotals } from './node-info.js';
import { NodeProcess } from './node-process.js';
import type { BenchNodes } from './target.js';

export interface ClusterSettings {
  /** Each node's folder is made in it. */
  readonly folder: string;
  readonly nodes: number;
  readonly syncMode: SyncMode;
  /** How many of them vote, the first ones; by default all. The others are started when those have a leader. */
  readonly voters?: number;
  /** Where each listens; by default on free ports. */
  readonly ports?: readonly number[];
  /** By which port others reach each; by default where it listens. */
  readonly advertisedPorts?: readonly number[];
  /** Further arguments of `cairn node` for each. */
  readonly flags?: readonly (readonly string[])[];
}

/** An election takes a second at most; a node that comes back with a gigabyte to take in, on a slow disk, much longer. */
const SETTLE_TIMEOUT_MS = 120_000;
/** How often nodes are asked how they are, where a run waits for it. */
const ASK_MS = 20;
/** A leader hands over in some round trips, and says so, or that it can't now. */
const RESIGN_TIMEOUT_MS = 20_000;

export class Cluster implements BenchNodes {
  readonly #settings: ClusterSettings;
  readonly #ports: readonly number[];
  readonly #nodes: NodeProcess[] = [];
  #leader = 0;

  private constructor(settings: ClusterSettings, ports: readonly number[]) {
    this.#settings = settings;
    this.#ports = ports;
  }

  /** Starts all nodes and waits until one leads and all others follow it. Throws `CairnError`. */
  static async start(settings: ClusterSettings): Promise<Cluster> {
    const { nodes, voters = nodes } = settings;
    const cluster = new Cluster(settings, settings.ports ?? (await freePorts(nodes)));
    try {
      await cluster.#startAll(0, voters);
      await cluster.untilSettled();
      if (voters < nodes) {
        // The first nodes that meet become the voters.
        await cluster.#startAll(voters, nodes);
        await cluster.untilSettled();
      }
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** The leader's, as of {@link untilSettled}. */
  get url(): string {
    return this.#nodes[this.#leader]!.url;
  }

  get urls(): readonly string[] {
    return this.#nodes.map(({ url }) => url);
  }

  /** Which node led when the cluster was last looked at. */
  get leader(): number {
    return this.#leader;
  }

  /** A node that does not lead. */
  get follower(): number {
    return this.#leader === 0 ? 1 : 0;
  }

  node(index: number): NodeProcess {
    return this.#nodes[index]!;
  }

  /** In sum, over all nodes. */
  writerTotals(): Promise<WriterStatistics> {
    return readWriterTotals(this.urls);
  }

  /** Starts a node that has ended on its folder and port again, perhaps under a command, and waits until it listens. */
  async restart(index: number, under: readonly string[] = []): Promise<void> {
    await this.#nodes[index]!.ended();
    await this.#start(index, under);
  }

  /** Resolves when one node leads and all others follow it, and have what was committed when it was first seen to lead. */
  async untilSettled(): Promise<void> {
    let target = 0;
    let seen = -1;
    await untilTrue('one node leads and all others follow it', async () => {
      const infos = await Promise.all(this.#nodes.map((node) => node.info()));
      const leader = leaderOf(infos);
      if (leader < 0) return false;
      if (leader !== seen) target = infos[leader]!.committed;
      seen = leader;
      this.#leader = leader;
      const name = this.#nameOf(leader);
      return infos.every((info, index) => index === leader || follows(info, name, target));
    });
  }

  /** Has this node lead, if it doesn't yet, and resolves when all others follow it. Throws `CairnError` if it does not come to that. */
  async untilLeads(index: number): Promise<void> {
    let isAsked = false;
    await untilTrue(`node ${index} leads`, async () => {
      await this.untilSettled();
      if (this.#leader === index) return true;
      if (!isAsked) isAsked = await askToResign(this.url, this.#nameOf(index));
      return false;
    });
  }

  /** Ends all nodes. */
  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node?.stop()));
  }

  /** By which the other nodes know it. */
  #nameOf(index: number): string {
    const port = this.#settings.advertisedPorts?.[index];
    return port === undefined ? this.#nodes[index]!.name : `127.0.0.1:${port}`;
  }

  /** Those from `first` to before `end`, at once. */
  async #startAll(first: number, end: number): Promise<void> {
    const starts = this.#ports.slice(first, end).map((_, index) => this.#start(first + index));
    await Promise.allSettled(starts);
    await Promise.all(starts);
  }

  async #start(index: number, under: readonly string[] = []): Promise<void> {
    const { folder, nodes, voters = nodes, syncMode, advertisedPorts, flags: further } = this.#settings;
    const seeds = (advertisedPorts ?? this.#ports).map((port) => `127.0.0.1:${port}`).join(',');
    const flags = ['--cluster-size', String(voters), '--gossip-seed', seeds, ...(further?.[index] ?? [])];
    if (advertisedPorts !== undefined) flags.push('--node-port-advertise-as', String(advertisedPorts[index]));
    const own = { folder: join(folder, `node-${index}`), port: this.#ports[index]!, syncMode, flags, under };
    this.#nodes[index] = await NodeProcess.start(own);
  }
}

/** Which one leads: of two that say so, the one of the later epoch. -1 if none does. */
function leaderOf(infos: readonly (NodeInfo | undefined)[]): number {
  let leader = -1;
  infos.forEach((info, index) => {
    if (info?.role === 'leader' && info.epoch > (infos[leader]?.epoch ?? 0)) leader = index;
  });
  return leader;
}

function follows(info: NodeInfo | undefined, leader: string, committed: number): boolean {
  return info?.role === 'following' && info.leader === leader && info.committed >= committed;
}

/** Answers whether the leader has taken it upon itself. */
async function askToResign(leaderUrl: string, target: string): Promise<boolean> {
  const url = new URL(`/admin/node/resign?target=${target}`, leaderUrl.replace(/^ws/, 'http'));
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(RESIGN_TIMEOUT_MS) });
  await response.body?.cancel();
  return response.ok;
}

/** Asks until the answer is yes. Throws `CairnError` code `timeout`. */
async function untilTrue(what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
  while (!(await ask())) {
    if (performance.now() > deadlineMs)
      throw new CairnError('timeout', `waited ${SETTLE_TIMEOUT_MS / 1000} s until ${what}, in vain`);
    await pause(ASK_MS);
  }
}

/** Ports that nobody listens on: held together until all are known, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
