/**
 * The things of a run, put together from its seed: queue, trace, network, nodes, clients, checks. Pure. Each part has a random stream of
 * its own, so that one drawing more doesn't change another.
 */

import { Alarms } from './alarms.js';
import { CommittedLog } from './checks/committed-log.js';
import { Invariants } from './checks/invariants.js';
import { ClientDriver, type ClientQuality } from './clients/client-driver.js';
import type { ClientRequest, ClientResponse } from './clients/client-messages.js';
import { History } from './clients/history.js';
import { SimulatedClient } from './clients/workload.js';
import { EventQueue } from './event-queue.js';
import { Network } from './network.js';
import type { ObservedProcess } from './node/process-observer.js';
import { SimNode } from './node/sim-node.js';
import { Random } from './random.js';
import type { SimulationOptions } from './simulation-result.js';
import { Trace } from './trace.js';

export interface SimClusterOptions
  extends Pick<SimulationOptions, 'seed' | 'nodes' | 'clones' | 'replicas' | 'clients'> {
  /** The node's process has ended by itself. */
  readonly onDown: (node: SimNode, reason: unknown) => void;
  /** The node has learned that it must not take part any more. */
  readonly onFenced: (node: SimNode) => void;
}

const CLIENTS = 3;

/** Few, so that clients contend; more than one, so that transactions of different streams alternate. */
const STREAMS = ['a', 'b', 'c', 'd'];
/** About an election timeout: a client that waits for a dead node should not hide that the others answer. */
const CLIENT_TIMEOUT_MS = 600;
const THINK_MS_MAX = 100;
const READ_SHARE = 0.3;
/** Nodes start within this of each other. */
const START_MS_MAX = 200;
const ZONES = ['x', 'y', 'z'];

export class SimCluster {
  readonly queue = new EventQueue();
  readonly trace = new Trace();
  readonly random: Random;
  readonly network: Network;
  readonly alarms: Alarms;
  readonly nodes: readonly SimNode[];
  readonly history = new History();
  readonly committedLog: CommittedLog;
  readonly invariants: Invariants;
  readonly clientQuality: ClientQuality = { lossChance: 0, delayMaxMs: 1 };
  readonly #clients: SimulatedClient[] = [];
  readonly #drivers: ClientDriver[] = [];
  /** When a client was last told that its events are committed; -1: never. */
  acceptedSinceMs = -1;
  acceptedCount = 0;

  constructor(options: SimClusterOptions) {
    const random = new Random(options.seed);
    this.random = random;
    const { queue, trace, history } = this;
    this.committedLog = new CommittedLog(() => history.moment(queue.nowMs).sequence);
    const trusts = (process: ObservedProcess): boolean => {
      const node = this.node(process.name);
      return node === undefined || (node.damage === 'none' && !node.disk.lying);
    };
    const onFenced = (process: ObservedProcess): void => {
      const node = this.node(process.name);
      if (node !== undefined) options.onFenced(node);
    };
    this.invariants = new Invariants({ committedLog: this.committedLog, trusts, onFenced });
    this.network = new Network({
      queue,
      trace,
      random: random.fork(),
      deliver: (to, message) => this.node(to)?.process?.receive(message),
    });
    const names = namesOf(options);
    const tell = (to: string, about: string): void => this.node(to)?.process?.alarm(about);
    this.alarms = new Alarms({ queue, trace, random: random.fork(), network: this.network, names, tell });
    this.nodes = this.#makeNodes(options);
    this.#makeClients(options.clients ?? CLIENTS);
  }

  node(name: string): SimNode | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  /** Who leads, as far as it knows: of several the one with the highest epoch. */
  get leader(): SimNode | undefined {
    let best: SimNode | undefined;
    let bestEpoch = -1;
    for (const node of this.nodes) {
      const { process } = node;
      if (process?.role !== 'leader' || process.epoch <= bestEpoch) continue;
      best = node;
      bestEpoch = process.epoch;
    }
    return best;
  }

  /** Starts all nodes and clients, each at a time of its own. */
  start(): void {
    for (const node of this.nodes) this.queue.after(this.random.below(START_MS_MAX), () => node.start());
    for (const driver of this.#drivers) this.queue.after(this.random.below(THINK_MS_MAX), () => driver.run());
  }

  /** Clients finish what they have begun, and begin nothing more. */
  stopClients(): void {
    for (const client of this.#clients) client.stop();
  }

  get areClientsDone(): boolean {
    return this.#drivers.every((driver) => driver.isDone);
  }

  #makeNodes(options: SimClusterOptions): SimNode[] {
    const { queue, trace, random, network, alarms, invariants: observer } = this;
    const { nodes, clones, onDown } = options;
    const seeds = namesOf(options);
    return seeds.map((name, i) => {
      const role = i < nodes + clones ? 'voter' : 'replica';
      const zone = ZONES[i % ZONES.length]!;
      const shared = { queue, trace, network, alarms, observer, seeds, clusterSize: nodes, onDown };
      return new SimNode({ ...shared, random: random.fork(), name, zone, role });
    });
  }

  #makeClients(count: number): void {
    const { queue, trace, random, history, clientQuality: quality } = this;
    const nodes = this.nodes.map((node) => node.name);
    const ask = (name: string, request: ClientRequest, respond: (response: ClientResponse) => void): void => {
      this.node(name)?.process?.ask(request, respond);
    };
    const onAccepted = (): void => {
      this.acceptedSinceMs = queue.nowMs;
      this.acceptedCount++;
    };
    for (let i = 1; i <= count; i++) {
      const client = new SimulatedClient(
        {
          name: `c${i}`,
          nodes,
          streams: STREAMS,
          operationsMax: Number.POSITIVE_INFINITY,
          timeoutMs: CLIENT_TIMEOUT_MS,
          thinkMsMax: THINK_MS_MAX,
          readShare: READ_SHARE,
        },
        history,
        random.fork(),
      );
      this.#clients.push(client);
      this.#drivers.push(
        new ClientDriver({ queue, trace, random: random.fork(), quality, ask, onAccepted }, client),
      );
    }
  }
}

function namesOf({ nodes, clones, replicas }: SimClusterOptions): string[] {
  return Array.from({ length: nodes + clones + replicas }, (_, i) => `n${i + 1}`);
}

/** A line about every node and the membership, for whoever has to find out what they wait for. */
export function describeCluster({ nodes, invariants: { configuration } }: SimCluster): string {
  const states = nodes.map((node) => {
    const { name, process, memberId, damage } = node;
    if (process === undefined) return `${name} is down (${damage})`;
    const { role, epoch, promisedEpoch, commit, configuration: own } = process.core.view;
    const log = process.hasLog ? `log to ${process.log.end.position}` : 'no log';
    const id = memberId?.slice(0, 8);
    return `${name} ${id} ${role} in ${epoch}, promised ${promisedEpoch}, ${log}, commit ${commit}, configuration ${own?.version}`;
  });
  const members =
    configuration?.members.map(({ name, id, role }) => `${name} ${id.slice(0, 8)} ${role}`) ?? [];
  const membership = `version ${configuration?.version} for ${configuration?.clusterSize}: ${members.join(', ')}`;
  return `${states.join('; ')}; members, ${membership}`;
}
