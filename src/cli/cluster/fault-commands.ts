/**
 * `cairn cluster kill|stop|start|pause|resume|partition|heal`: what can happen to the nodes of a local cluster, done on purpose. Main thread.
 * Processes are signalled. Partitions are the nodes' own doing (`POST /admin/faults/block`), so they need no rights and end with the process; of
 * nodes that have namespaces the network is cut, which goes one way, too.
 */
import type { Command } from 'commander';
import { CairnError } from '../../base/errors.js';
import type { LocalNode } from './cluster-record.js';
import { addDirectory, localClusterOf, localNodeOf, type TargetFlags } from './cluster-target.js';
import type { LocalCluster } from './local-cluster.js';
import type { NodeNetworks } from './node-networks.js';
import { askNode, isNoAnswer } from './node-requests.js';
import { type Blocks, parseOneWay, parsePartition } from './partition.js';

type NodeAction = (cluster: LocalCluster, node: LocalNode) => Promise<string>;

interface PartitionFlags extends TargetFlags {
  readonly oneWay?: true;
}

const NODE_ARGUMENT = 'numbers or names of nodes, or leader';
const BLOCK_DEADLINE_MS = 2000;

/** In the order of the help: name, what it does, and how. */
const ACTIONS: readonly (readonly [string, string, NodeAction])[] = [
  ['kill', 'end nodes by force (SIGKILL)', killNode],
  ['stop', 'end nodes in order (SIGTERM)', stopNode],
  ['start', "start nodes that don't run", startNode],
  ['pause', 'let nodes stand still (SIGSTOP)', pauseNode],
  ['resume', 'let them go on (SIGCONT)', resumeNode],
];

/** Adds them all. */
export function addFaults(cluster: Command): void {
  for (const [name, description, action] of ACTIONS) {
    const command = cluster.command(name).description(description).argument('<node...>', NODE_ARGUMENT);
    addDirectory(command).action((words: readonly string[], flags: TargetFlags) =>
      forEach(words, flags, action),
    );
  }
  const partition = cluster
    .command('partition')
    .description('let nodes neither send to each other nor hear each other')
    .argument('<parts>', "1: node 1 and the rest; '1|2,3': these parts; '1|3' of three: node 2 hears both")
    .option(
      '--one-way',
      "what the first part sends doesn't reach the second, which it hears; needs cluster up --namespaces",
    );
  addDirectory(partition).action(partitionNodes);
  addDirectory(cluster.command('heal').description('end all partitions')).action(healNodes);
}

/** All nodes are looked up before anything is done to one: `leader` means one node, once. */
async function forEach(words: readonly string[], flags: TargetFlags, action: NodeAction): Promise<void> {
  const cluster = localClusterOf(flags);
  const nodes: LocalNode[] = [];
  for (const word of words) nodes.push(await localNodeOf(word, cluster));
  for (const node of nodes) console.log(`node ${node.number} (${node.name}) ${await action(cluster, node)}`);
}

async function killNode(cluster: LocalCluster, { number }: LocalNode): Promise<string> {
  return (await cluster.kill(number)) ? 'killed' : 'is down already';
}

async function stopNode(cluster: LocalCluster, { number }: LocalNode): Promise<string> {
  const how = await cluster.stop(number);
  if (how === 'was down') return 'is down already';
  return how === 'stopped' ? 'stopped' : 'did not stop in time, and was killed';
}

async function startNode(cluster: LocalCluster, { number }: LocalNode): Promise<string> {
  const [started] = await cluster.start([number]);
  return started === undefined ? 'runs already' : `started, process ${started.process?.pid}`;
}

async function pauseNode(cluster: LocalCluster, { number }: LocalNode): Promise<string> {
  return (await cluster.pause(number)) ? 'paused' : 'is down';
}

async function resumeNode(cluster: LocalCluster, { number }: LocalNode): Promise<string> {
  return (await cluster.resume(number)) ? 'goes on' : 'is down';
}

async function partitionNodes(parts: string, flags: PartitionFlags): Promise<void> {
  const cluster = localClusterOf(flags);
  const all = cluster.nodes.map(({ number }) => number);
  const blocks = flags.oneWay === true ? parseOneWay(parts, all) : parsePartition(parts, all);
  const networks = cluster.networks();
  if (networks !== undefined) {
    for (const [number, others] of blocks) {
      silence(networks, number, others);
      console.log(`node ${number} does not hear ${others.join(', ')}`);
    }
    return;
  }
  if (flags.oneWay === true) throw withoutNamespaces();
  await blockAll(cluster, blocks);
}

/** A node that asks itself not to hear another one doesn't send to it either: a connection goes both ways. */
function withoutNamespaces(): CairnError {
  return new CairnError(
    'invalid-configuration',
    'the nodes of this cluster share a network, in which nothing can be cut one way: ' +
      'start a cluster with cairn cluster up --namespaces (Linux, as root), or leave out --one-way',
  );
}

/** What these nodes send this one is lost from now on, and nothing else. */
function silence(networks: NodeNetworks, number: number, others: readonly number[]): void {
  networks.connect(number);
  networks.breakLinks(
    number,
    others.map((from) => ({ from, to: number, fault: 'drop' })),
  );
}

async function blockAll(cluster: LocalCluster, blocks: Blocks): Promise<void> {
  const deaf = new Set<number>();
  for (const [number, others] of blocks) {
    const names = others.map((other) => cluster.node(other).name);
    if (!(await block(cluster.node(number), names))) deaf.add(number);
  }
  for (const [number, others] of blocks) {
    if (!deaf.has(number)) console.log(`node ${number} does not hear ${others.join(', ')}`);
    else
      console.error(
        `cairn: node ${number} does not answer: it is cut off by the others' doing alone, if at all`,
      );
  }
}

async function healNodes(flags: TargetFlags): Promise<void> {
  const cluster = localClusterOf(flags);
  const networks = cluster.networks();
  for (const node of cluster.nodes) {
    if (networks !== undefined) {
      silence(networks, node.number, []);
      console.log(`node ${node.number} hears all`);
      continue;
    }
    if (cluster.stateOf(node) === 'down') continue;
    if (await block(node, [])) console.log(`node ${node.number} hears all`);
    else console.error(`cairn: node ${node.number} does not answer: heal again when it goes on`);
  }
}

/** Tells a node whom not to hear; returns whether it answered. */
async function block(node: LocalNode, names: readonly string[]): Promise<boolean> {
  try {
    await askNode(node.name, {
      method: 'POST',
      path: '/admin/faults/block',
      body: names,
      deadlineMs: BLOCK_DEADLINE_MS,
    });
    return true;
  } catch (error) {
    if (isNoAnswer(error)) return false;
    throw error;
  }
}
