/** A cluster of real nodes on this machine whose links are those of a topology: each node reaches each other one through the proxy. Main thread. */
import type { SyncMode } from '../../src/writer/commands.js';
import { Cluster, freePorts } from '../cluster.js';
import { type LinkShape, NO_DELAY } from './link-shape.js';
import { LinkProxy } from './proxy/link-proxy.js';
import type { Passage } from './proxy/passages.js';
import { linkKey, nodeNamed, type Topology, type TopologyNode } from './topology.js';

export interface ZoneClusterSettings {
  readonly topology: Topology;
  /** Each node's folder is made in it. */
  readonly folder: string;
  readonly syncMode: SyncMode;
  readonly seed: number;
}

export class ZoneCluster {
  /** Voters first, as they were started. */
  readonly nodes: readonly TopologyNode[];
  readonly #cluster: Cluster;
  readonly #proxy: LinkProxy;

  private constructor(nodes: readonly TopologyNode[], cluster: Cluster, proxy: LinkProxy) {
    this.nodes = nodes;
    this.#cluster = cluster;
    this.#proxy = proxy;
  }

  /** Starts all nodes, without delays on the links, and resolves when the topology's leader leads. Throws `CairnError`. */
  static async start({ topology, folder, syncMode, seed }: ZoneClusterSettings): Promise<ZoneCluster> {
    const nodes = [...topology.nodes].sort((a, b) => Number(a.kind === 'clone') - Number(b.kind === 'clone'));
    const ports = await freePorts(nodes.length);
    const parties = nodes.map(({ name, zone }, index) => ({ party: { name, zone }, port: ports[index]! }));
    const clients = [{ name: clientParty(topology), zone: topology.client }];
    const proxy = await LinkProxy.start({ seed, nodes: parties, clients });
    try {
      const cluster = await Cluster.start({
        folder,
        syncMode,
        nodes: nodes.length,
        voters: nodes.filter(({ kind }) => kind === 'voter').length,
        ports,
        advertisedPorts: proxy.nodePorts,
        flags: nodes.map(({ zone, priority }) => ['--zone', zone, '--node-priority', String(priority)]),
      });
      const zones = new ZoneCluster(nodes, cluster, proxy);
      await zones.#untilLeads(topology.leader);
      return zones;
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  /** By which the client reaches a node. */
  clientUrl(name: string): string {
    return `ws://127.0.0.1:${this.#proxy.clientPorts[0]![this.#indexOf(name)]!}`;
  }

  /** By which it is reached without the links. */
  directUrl(name: string): string {
    return this.#cluster.urls[this.#indexOf(name)]!;
  }

  /** From now on. */
  setLinks(links: ReadonlyMap<string, LinkShape>): Promise<void> {
    return this.#proxy.setLinks(links);
  }

  record(): Promise<void> {
    return this.#proxy.record();
  }

  recorded(): Promise<readonly Passage[]> {
    return this.#proxy.recorded();
  }

  /** The zone's nodes end as in a fire, nothing more enters or leaves it, and what is under way is lost. */
  async burn(zone: string): Promise<void> {
    const burning = this.nodes.map((_, index) => index).filter((index) => this.nodes[index]!.zone === zone);
    // Links first: a moment between the two would let what is under way arrive.
    await this.#proxy.cut(new Set([zone]));
    for (const index of burning) this.#cluster.node(index).kill();
    await Promise.all(burning.map((index) => this.#cluster.node(index).ended()));
  }

  /** Whether a node leads, as it says itself. */
  async leads(name: string): Promise<boolean> {
    return (await this.#cluster.node(this.#indexOf(name)).info())?.role === 'leader';
  }

  /** Up to where a node has the log on disk, as it says itself; 0 if it does not answer. */
  async durableOf(name: string): Promise<number> {
    return (await this.#cluster.node(this.#indexOf(name)).info())?.durable ?? 0;
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
    await this.#proxy.stop();
  }

  async #untilLeads(name: string): Promise<void> {
    try {
      await this.#cluster.untilLeads(this.#indexOf(name));
    } catch (error) {
      await this.#cluster.stop();
      throw error;
    }
  }

  #indexOf(name: string): number {
    return this.nodes.findIndex((node) => node.name === name);
  }
}

/** How passages name the client. */
function clientParty({ client }: Topology): string {
  return `(${client})`;
}

/** The same constant delay on all links of a topology, one way, but for the client's, which stay. */
export function evenLinks(topology: Topology, delayMs: number): ReadonlyMap<string, LinkShape> {
  const { zones, links, client, leader } = topology;
  const shape = { ...NO_DELAY, delayMs };
  const even = new Map(zones.flatMap((from) => zones.map((to) => [linkKey(from, to), shape] as const)));
  const { zone } = nodeNamed(topology, leader);
  for (const key of [linkKey(client, zone), linkKey(zone, client)]) even.set(key, links.get(key) ?? shape);
  return even;
}
