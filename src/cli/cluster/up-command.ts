/**
 * `cairn cluster up` and `down`: a cluster of real processes on this machine, for trying and testing. Main thread. What always holds: in the
 * foreground it leaves no process behind; detached, `down` ends them all.
 */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CairnError } from '../../base/errors.js';
import { VOTERS_MAX } from '../../cluster/configuration.js';
import type { ExitCode } from '../exit-codes.js';
import { type LocalNode, logFileOf } from './cluster-record.js';
import {
  addDirectory,
  DEFAULT_DIRECTORY,
  localClusterOf,
  localTarget,
  type TargetFlags,
} from './cluster-target.js';
import { Interruption } from './interruption.js';
import { LiveStatus, localFacts, untilHealthy, watchCluster } from './live-status.js';
import { LocalCluster } from './local-cluster.js';
import { wholeNumber } from './whole-number.js';

interface UpFlags extends TargetFlags {
  readonly nodes?: number;
  readonly clones?: number;
  readonly replicas?: number;
  readonly basePort?: number;
  readonly zones?: readonly string[];
  readonly detach?: true;
}

const DEFAULT_NODES = 3;
const DEFAULT_BASE_PORT = 2113;
/** A start takes a second; on a loaded machine, with long logs to read, longer. */
const HEALTHY_DEADLINE_MS = 120_000;

const HELP = `
In a folder that holds a cluster already it starts the nodes that don't run. Options behind -- go to every node:
  cairn cluster up -n 5 --zones a,b,c -- --log-level debug
`;

/** Adds `up` and `down`. */
export function addUpAndDown(cluster: Command): void {
  const up = cluster
    .command('up')
    .description('start a cluster of real processes on this machine, and stay until Ctrl-C stops them')
    .argument('[options...]', 'behind --: further options for every node')
    .option('-n, --nodes <n>', `voters (default: ${DEFAULT_NODES})`, wholeNumber(1, VOTERS_MAX))
    .option('--clones <n>', 'nodes that join as clones', wholeNumber(0, VOTERS_MAX))
    .option('--replicas <n>', 'nodes that join as read-only replicas', wholeNumber(0, VOTERS_MAX))
    .option(
      '--base-port <port>',
      `the port of the first node; the others have those behind it (default: ${DEFAULT_BASE_PORT})`,
      wholeNumber(1, 65_535),
    )
    .option('--zones <names>', 'zones, given to the nodes in turn, such as a,b,c', names)
    .option('--detach', 'return when the cluster is healthy, and leave it running')
    .addHelpText('after', HELP);
  addDirectory(up).action(startUp);
  const down = cluster
    .command('down')
    .description('stop all nodes, paused ones too')
    .option('--wipe', 'and delete the folder with all data');
  addDirectory(down).action(takeDown);
}

async function startUp(nodeArguments: readonly string[], flags: UpFlags): Promise<void> {
  const cluster = await foundOrOpen(nodeArguments, flags);
  const inForeground = new Foreground(cluster);
  try {
    if (!(await inForeground.start())) return;
    if (flags.detach === true) inForeground.leaveRunning();
    else await inForeground.watch();
  } finally {
    await inForeground.end();
  }
}

async function takeDown(flags: TargetFlags & { readonly wipe?: true }): Promise<void> {
  const cluster = localClusterOf(flags);
  const killed = await cluster.down();
  for (const { number } of killed)
    console.error(`cairn: node ${number} did not stop in time, and was killed`);
  if (flags.wipe === true) cluster.wipe();
  console.log(flags.wipe === true ? `stopped, and ${cluster.directory} wiped` : 'stopped');
}

async function foundOrOpen(nodeArguments: readonly string[], flags: UpFlags): Promise<LocalCluster> {
  const directory = resolve(flags.dir ?? DEFAULT_DIRECTORY);
  if (LocalCluster.exists(directory)) {
    checkFits(directory, nodeArguments, flags);
    return LocalCluster.open(directory);
  }
  return await LocalCluster.create(directory, {
    voters: flags.nodes ?? DEFAULT_NODES,
    clones: flags.clones ?? 0,
    replicas: flags.replicas ?? 0,
    basePort: flags.basePort ?? DEFAULT_BASE_PORT,
    zones: flags.zones ?? [],
    nodeArguments,
  });
}

/** A cluster that exists is started as it is: what it was made with can't be said again. */
function checkFits(directory: string, nodeArguments: readonly string[], flags: UpFlags): void {
  const { nodes, clones, replicas, basePort, zones } = flags;
  const given = {
    '--nodes': nodes,
    '--clones': clones,
    '--replicas': replicas,
    '--base-port': basePort,
    '--zones': zones,
  };
  const [first] = Object.entries(given).filter(([, value]) => value !== undefined);
  const what = first?.[0] ?? (nodeArguments.length > 0 ? 'what is behind --' : undefined);
  if (what === undefined) return;
  throw new CairnError(
    'invalid-configuration',
    `there is a cluster in ${directory} already, to which ${what} can't be applied: leave it out, or choose another --dir, ` +
      'or use cairn cluster add, remove and resize',
    { directory },
  );
}

/** A local cluster that this process starts, shows and, in the end, stops. */
export class Foreground {
  readonly #interruption: Interruption;
  readonly #live = new LiveStatus(process.stdout);
  #isLeftRunning = false;

  constructor(readonly cluster: LocalCluster) {
    this.#interruption = new Interruption((exitCode) => this.#endNow(exitCode));
  }

  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  get live(): LiveStatus {
    return this.#live;
  }

  /** Starts all nodes that don't run; resolves when the cluster is healthy, to false if interrupted before. */
  async start(): Promise<boolean> {
    const { cluster, signal } = this;
    const all = cluster.nodes;
    const isNew = all.every((node) => node.process === undefined);
    // The first nodes that meet become the voters.
    const later = isNew ? all.filter(({ kind }) => kind === 'clone') : [];
    await this.#startNodes(all.filter((node) => !later.includes(node)));
    if (later.length > 0) {
      await watchCluster(localTarget(cluster), signal, ({ leader }) => {
        this.#checkLiving(all.filter((node) => !later.includes(node)));
        return leader !== null;
      });
      if (!signal.aborted) await this.#startNodes(later);
    }
    const healthy = await untilHealthy(localTarget(cluster), HEALTHY_DEADLINE_MS, signal, (view) => {
      this.#checkLiving(all);
      this.#live.show(view, localFacts(cluster));
    });
    return healthy !== undefined;
  }

  /** Shows the cluster until a signal comes. `extra`: lines below the table. */
  async watch(extra: () => readonly string[] = () => []): Promise<void> {
    await watchCluster(localTarget(this.cluster), this.signal, (view) => {
      this.#live.show(view, localFacts(this.cluster), extra());
      return false;
    });
  }

  /** The nodes go on when this process ends. */
  leaveRunning(): void {
    this.#isLeftRunning = true;
    const { directory } = this.cluster;
    const dir = directory === resolve(DEFAULT_DIRECTORY) ? '' : ` --dir ${directory}`;
    console.log(
      `\nThe cluster goes on. cairn cluster status${dir} shows it, cairn cluster down${dir} ends it.`,
    );
  }

  /** Stops all nodes, unless they are left running. */
  async end(): Promise<void> {
    if (!this.#isLeftRunning && LocalCluster.exists(this.cluster.directory)) {
      this.#live.release();
      console.log('stopping all nodes');
      await this.cluster.down();
    }
    this.#interruption.release();
  }

  async #startNodes(nodes: readonly LocalNode[]): Promise<void> {
    await this.cluster.start(nodes.map(({ number }) => number));
  }

  /** Throws if one of these nodes has ended instead of starting. */
  #checkLiving(nodes: readonly LocalNode[]): void {
    const { cluster } = this;
    const dead = nodes
      .map(({ number }) => cluster.node(number))
      .find((node) => cluster.stateOf(node) === 'down');
    if (dead === undefined || this.signal.aborted) return;
    const log = logFileOf(cluster.directory, dead);
    const why = cluster.causeOfDeath(dead) ?? 'it does not say why';
    throw new CairnError('not-ready', `node ${dead.number} has ended: ${why}`, { node: dead.number, log });
  }

  /** A second signal: nothing is waited for. */
  #endNow(exitCode: ExitCode): void {
    this.cluster.killAllNow();
    process.exit(exitCode);
  }
}

function names(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.every((name) => name !== '')) return list;
  throw new InvalidArgumentError('It must be names with commas between them.');
}
