/**
 * A cluster of real processes: on loopback, or each node in a network namespace; in plain folders, or each on a disk whose power can
 * be cut. All that it is made of is taken down by `remove`.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { VolatileDisk } from '../disks/volatile-disk.js';
import { NetworkLab } from '../network/network-lab.js';
import { endAllNodes } from '../node-process.js';
import { until } from '../within.js';
import { ClusterMember } from './cluster-member.js';
import type { Target } from './node-connection.js';

export interface ClusterProcessOptions {
  readonly size: number;
  /** Everything lies in here. */
  readonly scratch: string;
  /** Each node in a namespace of its own (needs root). */
  readonly isNetworked?: boolean;
  /** Each node on a {@link VolatileDisk} (needs root). */
  readonly isOnVolatileDisks?: boolean;
  readonly flags?: readonly string[];
}

/** Every node has an address of its own there. */
const PORT_IN_NAMESPACE = 2113;
const LEADER_DEADLINE_MS = 30_000;
const ANSWER_MS = 500;
/** How long an order may take: on a busy machine, by a node that has just started. */
const ORDER_MS = 10_000;

export class ClusterProcess {
  readonly members: readonly ClusterMember[];
  readonly network: NetworkLab | undefined;

  private constructor(members: readonly ClusterMember[], network: NetworkLab | undefined) {
    this.members = members;
    this.network = network;
  }

  /** Builds it all, and starts nothing. */
  static async create(options: ClusterProcessOptions): Promise<ClusterProcess> {
    const { size, scratch, isNetworked = false, isOnVolatileDisks = false, flags = [] } = options;
    const network = isNetworked ? NetworkLab.create(size) : undefined;
    const names =
      network === undefined
        ? (await freePorts(size)).map((port) => `127.0.0.1:${port}`)
        : Array.from({ length: size }, (_, i) => `${network.addressOf(i)}:${PORT_IN_NAMESPACE}`);
    const members: ClusterMember[] = [];
    for (const [i, name] of names.entries()) {
      const [host, port] = name.split(':') as [string, string];
      const place = [
        '--node-ip',
        host,
        '--node-port',
        port,
        ...(network === undefined ? [] : ['--insecure']),
      ];
      const peers = ['--cluster-size', `${size}`, '--gossip-seed', names.join(',')];
      const folder = join(scratch, `node-${i}`);
      members.push(
        new ClusterMember({
          ...{ name, folder },
          disk: isOnVolatileDisks ? await VolatileDisk.create(`${folder}-disk`) : undefined,
          flags: [...place, ...peers, ...flags],
          under: network?.inside(i) ?? [],
        }),
      );
    }
    return new ClusterProcess(members, network);
  }

  /** Those that a client could connect to now. */
  readonly targets = (): readonly Target[] =>
    this.members.filter(({ isUp }) => isUp).map(({ target }) => target);

  /** Starts all that are down. */
  async start(): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
  }

  /** Who says of itself that it leads: the one with the highest epoch, if several do. */
  async leader(): Promise<number | undefined> {
    const asked = await Promise.all(this.members.map((member) => epochLedBy(member)));
    const highest = Math.max(...asked);
    return highest < 0 ? undefined : asked.indexOf(highest);
  }

  async untilLed(): Promise<number> {
    // A leader may be the first, number 0.
    const found = await until(LEADER_DEADLINE_MS, 'a leader is elected', async () => {
      const leader = await this.leader();
      return leader === undefined ? undefined : { leader };
    });
    return found.leader;
  }

  /** Makes node `index` deaf and mute towards these, without touching the network: needs the flag `--fault-injection`. */
  async block(index: number, others: readonly number[]): Promise<void> {
    const names = others.map((other) => this.members[other]!.name);
    const url = `http://${this.members[index]!.name}/admin/faults/block`;
    // Another fault may break the connection that the order goes over.
    await until(ORDER_MS, `${url} takes an order`, async () => {
      const order = { method: 'POST', body: JSON.stringify(names), signal: AbortSignal.timeout(ORDER_MS) };
      return (await fetch(url, order).catch(() => undefined))?.ok;
    });
  }

  /** Everything is as it should be again: links whole, nodes running. */
  async heal(): Promise<void> {
    this.network?.heal();
    for (const member of this.members) member.resume();
    await this.start();
  }

  /** Asks all to stop, at once. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  /** Ends and unmounts everything. What was written to plain folders, and the disks' images, stay. */
  async remove(): Promise<void> {
    for (const member of this.members) member.resume();
    await endAllNodes();
    for (const { disk } of this.members) await disk?.remove();
    this.network?.remove();
  }
}

/** The epoch that it says to lead; -1 if it doesn't lead, or does not answer. */
async function epochLedBy(member: ClusterMember): Promise<number> {
  if (!member.isUp || member.isPaused) return -1;
  try {
    const response = await fetch(`http://${member.name}/info`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { leader, epoch } = (await response.json()) as { leader: string | null; epoch: number };
    return leader === member.name ? epoch : -1;
  } catch (error) {
    // Whoever can't answer doesn't lead, as far as tests are concerned.
    if (error instanceof Error) return -1;
    throw error;
  }
}

/** Ports that were free a moment ago: a cluster's nodes have to know each other's before any of them listens. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as { port: number }).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
