/**
 * `cairn cluster up` and `down`: a cluster of real processes on this machine, for trying and testing. Main thread. What always holds: in the
 * foreground it leaves no process behind; detached, `down` ends them all.
 */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CairnError } from '../../base/errors.js';
import { VOTERS_MAX } from '../../cluster/configuration.js';
import { addDirectory, DEFAULT_DIRECTORY, localClusterOf, type TargetFlags } from './cluster-target.js';
import { Foreground } from './foreground.js';
import { LocalCluster } from './local-cluster.js';
import { wholeNumber } from './whole-number.js';

interface UpFlags extends TargetFlags {
  readonly nodes?: number;
  readonly clones?: number;
  readonly replicas?: number;
  readonly basePort?: number;
  readonly zones?: readonly string[];
  readonly namespaces?: true;
  readonly detach?: true;
}

const DEFAULT_NODES = 3;
const DEFAULT_BASE_PORT = 2113;

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
    .option(
      '--namespaces',
      'each node in a network namespace of its own (Linux, as root): partitions are then in the network, also one way',
    )
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
  const foreground = new Foreground(cluster);
  try {
    if (!(await foreground.start())) return;
    if (flags.detach === true) foreground.leaveRunning();
    else await foreground.watch();
  } finally {
    await foreground.end();
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
    hasNamespaces: flags.namespaces === true,
  });
}

/** A cluster that exists is started as it is: what it was made with can't be said again. */
function checkFits(directory: string, nodeArguments: readonly string[], flags: UpFlags): void {
  const { nodes, clones, replicas, basePort, zones, namespaces } = flags;
  const given = {
    '--nodes': nodes,
    '--clones': clones,
    '--replicas': replicas,
    '--base-port': basePort,
    '--zones': zones,
    '--namespaces': namespaces,
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

function names(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.every((name) => name !== '')) return list;
  throw new InvalidArgumentError('It must be names with commas between them.');
}
