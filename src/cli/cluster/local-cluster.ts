/**
 * A cluster of real processes on this machine: founded, started, stopped and killed node by node. Main thread. What always holds: a
 * process is signalled only if it is the one that was recorded (its number and start time), and what runs is always in the record.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '../../base/errors.js';
import { isAlive, type ProcessIdentity } from '../../node/process-identity.js';
import {
  type ClusterRecord,
  changeRecord,
  folderOf,
  type LocalNode,
  logFileOf,
  type NodeKind,
  readRecord,
} from './cluster-record.js';
import { NodeNetworks, withoutNetworks } from './node-networks.js';
import {
  CAIRN,
  type Command,
  checkPorts,
  hasEnded,
  lastWords,
  signalProcess,
  startProcess,
} from './node-process.js';

/** What a new cluster is to be. */
export interface ClusterPlan {
  readonly voters: number;
  readonly clones: number;
  readonly replicas: number;
  readonly basePort: number;
  /** Given to the nodes in turn; empty = none has one. */
  readonly zones: readonly string[];
  readonly nodeArguments: readonly string[];
  /** Each node in a network namespace of its own. */
  readonly hasNamespaces?: boolean;
}

export interface NewNode {
  readonly kind: NodeKind;
  readonly zone: string;
}

const HOST = '127.0.0.1';
/** What is accepted becomes durable and is answered; then a node ends. Far more than that takes. */
const STOP_DEADLINE_MS = 15_000;
/** SIGKILL ends a process at once, unless its disk keeps it. */
const KILL_DEADLINE_MS = 5000;
const PORT_MAX = 65_535;
/** What a folder of a cluster holds besides its record. */
const NODE_FILES = /^node-\d+(\.log)?$/;

export class LocalCluster {
  private constructor(
    readonly directory: string,
    private readonly command: Command,
  ) {}

  /** The cluster in this folder. Throws `invalid-configuration` if there is none. */
  static open(directory: string, command: Command = CAIRN): LocalCluster {
    if (readRecord(directory) === undefined)
      throw new CairnError(
        'invalid-configuration',
        `there is no cluster in ${directory}: cairn cluster up starts one, --dir names another folder`,
        { directory },
      );
    return new LocalCluster(directory, command);
  }

  static exists(directory: string): boolean {
    return readRecord(directory) !== undefined;
  }

  /** Writes down a new cluster, and starts nothing. */
  static async create(directory: string, plan: ClusterPlan, command: Command = CAIRN): Promise<LocalCluster> {
    const networks = plan.hasNamespaces === true ? newNetworks(directory) : undefined;
    try {
      const nodes = plannedNodes(plan, networks);
      if (networks === undefined) await checkFree(nodes);
      await changeRecord(directory, (record) => {
        if (record !== undefined) throw invalid(`there is a cluster in ${directory} already`);
        const { voters, nodeArguments } = plan;
        const network = networks === undefined ? {} : { network: networks.number };
        const shared = { format: 1, clusterSize: voters, nodeArguments, ...network } as const;
        return { ...shared, nextNumber: nodes.length + 1, nodes };
      });
    } catch (error) {
      networks?.remove([]);
      throw error;
    }
    return new LocalCluster(directory, command);
  }

  get record(): ClusterRecord {
    const record = readRecord(this.directory);
    if (record === undefined) throw invalid(`the cluster in ${this.directory} is gone`);
    return record;
  }

  get nodes(): readonly LocalNode[] {
    return this.record.nodes;
  }

  /** Undefined if the nodes have no namespaces of their own. Throws `invalid-configuration` if they can't be had at the moment. */
  networks(): NodeNetworks | undefined {
    const { network } = this.record;
    if (network === undefined) return undefined;
    checkNetworks();
    return NodeNetworks.open(network, this.directory);
  }

  /** `up`: its process runs, `paused`: it does but stands still, `down`: it has none. */
  stateOf({ process: last, isPaused }: LocalNode): 'up' | 'paused' | 'down' {
    if (last === undefined || !isAlive(last)) return 'down';
    return isPaused === true ? 'paused' : 'up';
  }

  /** Starts those of these nodes that don't run; returns them. */
  async start(numbers: readonly number[]): Promise<readonly LocalNode[]> {
    const stopped = this.nodes.filter(
      (node) => numbers.includes(node.number) && this.stateOf(node) === 'down',
    );
    const networks = this.networks();
    if (networks === undefined) await checkFree(stopped);
    for (const { number } of stopped) networks?.connect(number);
    const started: LocalNode[] = [];
    await this.#change((record) => {
      const nodes = record.nodes.map((node) => {
        if (!numbers.includes(node.number) || this.stateOf(node) !== 'down') return node;
        const command = under(networks, node, this.command);
        const running = { ...withoutProcess(node), process: this.#startProcess(record, node, command) };
        started.push(running);
        return running;
      });
      return { ...record, nodes };
    });
    return started;
  }

  /** Stops the node in order; by force if it doesn't within some seconds. Returns how. */
  async stop(number: number): Promise<'stopped' | 'killed' | 'was down'> {
    const { process: last } = this.node(number);
    if (last === undefined || !signalProcess(last, 'SIGTERM')) return 'was down';
    signalProcess(last, 'SIGCONT');
    const isGone = await hasEnded(last, STOP_DEADLINE_MS);
    if (!isGone) await this.#killProcess(last);
    await this.#forgetProcess(number, last);
    return isGone ? 'stopped' : 'killed';
  }

  /** Ends the node as a power cut would, but for the page cache. Returns whether it ran. */
  async kill(number: number): Promise<boolean> {
    const { process: last } = this.node(number);
    if (last === undefined || !isAlive(last)) return false;
    await this.#killProcess(last);
    await this.#forgetProcess(number, last);
    return true;
  }

  /** Lets the process stand still; returns whether it ran. */
  async pause(number: number): Promise<boolean> {
    return await this.#mark(number, 'SIGSTOP', true);
  }

  async resume(number: number): Promise<boolean> {
    return await this.#mark(number, 'SIGCONT', false);
  }

  /** Writes down one node more, and starts it. */
  async add({ kind, zone }: NewNode): Promise<LocalNode> {
    const port = Math.max(...this.nodes.map((node) => node.port)) + 1;
    const networks = this.networks();
    if (networks === undefined) await checkPorts(HOST, [port]);
    const number = await this.#change((record) => {
      const { nextNumber } = record;
      const name = nameOf(networks, nextNumber, port);
      const node: LocalNode = { number: nextNumber, name, port, kind, zone };
      return { ...record, nextNumber: record.nextNumber + 1, nodes: [...record.nodes, node] };
    }).then((record) => record.nextNumber - 1);
    await this.start([number]);
    return this.node(number);
  }

  /** Takes a node that was stopped out of the record. Its folder stays, and its number is not given again. */
  async forget(number: number): Promise<void> {
    this.networks()?.disconnect(number);
    await this.#change((record) => ({
      ...record,
      nodes: record.nodes.filter((node) => node.number !== number),
    }));
  }

  /** Nodes that are started from now on are told this size. */
  async resize(clusterSize: number): Promise<void> {
    await this.#change((record) => ({ ...record, clusterSize }));
  }

  /** Stops all nodes; returns those that had to be killed. */
  async down(): Promise<readonly LocalNode[]> {
    const nodes = this.nodes;
    const outcomes = await Promise.all(nodes.map(({ number }) => this.stop(number)));
    this.#removeNetworks(this.record);
    return nodes.filter((_, index) => outcomes[index] === 'killed');
  }

  /** Kills all nodes and waits for nothing: the record says it when it is next looked at. */
  killAllNow(): void {
    const record = readRecord(this.directory);
    if (record === undefined) return;
    for (const { process: last } of record.nodes) if (last !== undefined) signalProcess(last, 'SIGKILL');
    this.#removeNetworks(record);
  }

  /** Deletes everything of the cluster, whose nodes must be down. */
  wipe(): void {
    if (this.nodes.some((node) => this.stateOf(node) !== 'down')) throw invalid('its nodes still run');
    for (const name of readdirSync(this.directory).filter((file) => NODE_FILES.test(file)))
      rmSync(join(this.directory, name), { recursive: true });
    for (const name of ['cluster.json', 'cluster.json.tmp', 'lock', 'lock.tmp'])
      rmSync(join(this.directory, name), { force: true });
    if (readdirSync(this.directory).length === 0) rmSync(this.directory, { recursive: true });
  }

  /** The node of this number. Throws `invalid-configuration`. */
  node(number: number): LocalNode {
    const nodes = this.nodes;
    const found = nodes.find((node) => node.number === number);
    if (found !== undefined) return found;
    const numbers = nodes.map((node) => node.number).join(', ');
    throw invalid(`there is no node ${number} in ${this.directory}: there are ${numbers}`);
  }

  /** Why a node that does not run has ended, as its log says. */
  causeOfDeath(node: LocalNode): string | undefined {
    const path = logFileOf(this.directory, node);
    try {
      return lastWords(readFileSync(path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #startProcess(record: ClusterRecord, node: LocalNode, command: Command): ProcessIdentity {
    mkdirSync(folderOf(this.directory, node), { recursive: true });
    const words = ['node', ...nodeWords(this.directory, record, node)];
    return startProcess(command, words, logFileOf(this.directory, node));
  }

  /** The next start makes them again. */
  #removeNetworks({ network, nodes }: ClusterRecord): void {
    if (network === undefined || withoutNetworks() !== undefined) return;
    NodeNetworks.find(network, this.directory)?.remove(nodes.map(({ number }) => number));
  }

  async #killProcess(last: ProcessIdentity): Promise<void> {
    signalProcess(last, 'SIGKILL');
    if (!(await hasEnded(last, KILL_DEADLINE_MS)))
      throw new CairnError('timeout', `process ${last.pid} does not end, not even by force`, {
        pid: last.pid,
      });
  }

  /** Unless somebody has started the node again meanwhile. */
  async #forgetProcess(number: number, last: ProcessIdentity): Promise<void> {
    await this.#change((record) => ({
      ...record,
      nodes: record.nodes.map((node) =>
        node.number === number && node.process?.pid === last.pid ? withoutProcess(node) : node,
      ),
    }));
  }

  async #mark(number: number, signal: 'SIGSTOP' | 'SIGCONT', isPaused: boolean): Promise<boolean> {
    const { process: last } = this.node(number);
    if (last === undefined || !signalProcess(last, signal)) return false;
    await this.#change((record) => ({
      ...record,
      nodes: record.nodes.map((node) => {
        if (node.number !== number || node.process === undefined) return node;
        const running = { ...withoutProcess(node), process: node.process };
        return isPaused ? { ...running, isPaused: true as const } : running;
      }),
    }));
    return true;
  }

  async #change(change: (record: ClusterRecord) => ClusterRecord): Promise<ClusterRecord> {
    return await changeRecord(this.directory, (record) => {
      if (record === undefined) throw invalid(`the cluster in ${this.directory} is gone`);
      return change(record);
    });
  }
}

/** The options of a node: its own come last but one, so that those of the user win where both are allowed. */
function nodeWords(directory: string, record: ClusterRecord, node: LocalNode): string[] {
  return [
    ...['--db', folderOf(directory, node), '--node-port', `${node.port}`],
    // Nobody but this machine reaches a namespace.
    ...(record.network === undefined ? [] : ['--node-ip', hostOf(node), '--insecure']),
    ...['--cluster-size', `${record.clusterSize}`],
    ...['--gossip-seed', seedsFor(record, node).join(',')],
    ...(node.zone === '' ? [] : ['--zone', node.zone]),
    ...(node.kind === 'replica' ? ['--read-only-replica'] : []),
    // So that `cairn cluster partition` works.
    '--fault-injection',
    ...record.nodeArguments,
  ];
}

/** Who is to found a cluster of one names nobody else: a node that does waits to be let in. */
function seedsFor({ clusterSize, nodes }: ClusterRecord, node: LocalNode): string[] {
  const isAlone = clusterSize === 1 && node.kind === 'voter';
  return isAlone ? [node.name] : nodes.map(({ name }) => name);
}

function plannedNodes(
  { voters, clones, replicas, basePort, zones }: ClusterPlan,
  networks: NodeNetworks | undefined,
): LocalNode[] {
  const kinds: NodeKind[] = [
    ...Array<NodeKind>(voters).fill('voter'),
    ...Array<NodeKind>(clones).fill('clone'),
    ...Array<NodeKind>(replicas).fill('replica'),
  ];
  if (basePort + kinds.length - 1 > PORT_MAX)
    throw invalid(`ports end at ${PORT_MAX}: choose a lower --base-port`);
  return kinds.map((kind, index) => {
    const port = basePort + index;
    const zone = zones.length === 0 ? '' : zones[index % zones.length]!;
    return { number: index + 1, name: nameOf(networks, index + 1, port), port, kind, zone };
  });
}

function nameOf(networks: NodeNetworks | undefined, number: number, port: number): string {
  return `${networks?.addressOf(number) ?? HOST}:${port}`;
}

function hostOf({ name, port }: LocalNode): string {
  return name.slice(0, -`:${port}`.length);
}

/** What a command is run as to be this node. */
function under(networks: NodeNetworks | undefined, { number }: LocalNode, command: Command): Command {
  return networks === undefined ? command : [...networks.inside(number), ...command];
}

function newNetworks(directory: string): NodeNetworks {
  checkNetworks();
  return NodeNetworks.create(directory);
}

function checkNetworks(): void {
  const reason = withoutNetworks();
  if (reason !== undefined) throw invalid(`nodes can't have networks of their own here: ${reason}`);
}

async function checkFree(nodes: readonly LocalNode[]): Promise<void> {
  await checkPorts(
    HOST,
    nodes.map(({ port }) => port),
  );
}

function withoutProcess({ number, name, port, kind, zone }: LocalNode): LocalNode {
  return { number, name, port, kind, zone };
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
