/**
 * `cairn cluster add|remove|promote|demote|resign|priority|resize`: changes of a live cluster, here or elsewhere. Main thread. The nodes decide
 * whether a change is possible; a refusal is told with their reason.
 */
import type { Command } from 'commander';
import { VOTERS_MAX } from '../../cluster/configuration.js';
import { addTarget, type ClusterTarget, nodeNameOf, type TargetFlags, targetOf } from './cluster-target.js';
import { askLeader, askNode } from './node-requests.js';
import { wholeNumber } from './whole-number.js';

interface AddFlags extends TargetFlags {
  readonly replica?: true;
  readonly zone?: string;
}

const NODE_ARGUMENT = 'a number (of a local cluster), name or id, or leader';
const PRIORITY_DEADLINE_MS = 5000;

/** Adds them all. */
export function addMembership(cluster: Command): void {
  const add = cluster
    .command('add')
    .description('start one node more of a local cluster; with --url: say how a node joins')
    .option('--replica', 'as a read-only replica')
    .option('--zone <name>', 'its zone');
  addTarget(add).action(addNode);
  addNodeCommand(cluster, 'remove', 'take a node out of the cluster').action(removeNode);
  addNodeCommand(cluster, 'promote', 'give a clone a vote').action(promoteNode);
  addNodeCommand(cluster, 'demote', 'take the vote of a voter, which stays as a clone').action(demoteNode);
  const resign = cluster
    .command('resign')
    .description('let the leader hand over')
    .option('--target <node>', 'to this node, instead of the best');
  addTarget(resign).action(resignLeader);
  const priority = cluster
    .command('priority')
    .description('set who leads rather than others, between equal logs')
    .argument('<node>', NODE_ARGUMENT)
    .argument('<value>', 'the higher, the rather', wholeNumber(-0x7fff_ffff, 0x7fff_ffff));
  addTarget(priority).action(setPriority);
  const resize = cluster
    .command('resize')
    .description('change how many voters there should be')
    .argument('<voters>', 'an odd number survives most', wholeNumber(1, VOTERS_MAX));
  addTarget(resize).action(resizeCluster);
}

function addNodeCommand(cluster: Command, name: string, description: string): Command {
  return addTarget(cluster.command(name).description(description).argument('<node>', NODE_ARGUMENT));
}

async function addNode({ replica, zone = '', ...flags }: AddFlags): Promise<void> {
  const target = targetOf(flags);
  const { local } = target;
  if (local === undefined) {
    console.log(await howToJoin(target, replica === true, zone));
    return;
  }
  const node = await local.add({ kind: replica === true ? 'replica' : 'clone', zone });
  console.log(`node ${node.number} (${node.name}) started, process ${node.process?.pid}`);
}

async function howToJoin(target: ClusterTarget, isReplica: boolean, zone: string): Promise<string> {
  const { nodes, clusterSize, clusterId } = await target.poll();
  const seeds = nodes.filter(({ isAlive }) => isAlive).map(({ name }) => name);
  const known = seeds.length > 0 ? seeds : target.addresses();
  const words = [
    'cairn node --db FOLDER --node-ip ADDRESS --node-port PORT',
    `--cluster-size ${clusterSize ?? 'N'} --gossip-seed ${known.join(',')}`,
    ...(zone === '' ? [] : [`--zone ${zone}`]),
    ...(isReplica ? ['--read-only-replica'] : []),
  ];
  const lines = [
    `A node joins${clusterId === null ? '' : ` cluster ${clusterId}`} by itself, when it is started on an empty folder with these seeds:`,
    '',
    `  ${words.join(' ')}`,
    '',
    isReplica
      ? 'It is replicated to, and never votes.'
      : 'It begins as a clone, and is given a vote when there are fewer voters than there should be: cairn cluster resize says how many.',
  ];
  return lines.join('\n');
}

async function promoteNode(node: string, flags: TargetFlags): Promise<void> {
  await changeMember(node, targetOf(flags), 'promote');
}

async function demoteNode(node: string, flags: TargetFlags): Promise<void> {
  await changeMember(node, targetOf(flags), 'demote');
}

async function removeNode(node: string, flags: TargetFlags): Promise<void> {
  const target = targetOf(flags);
  const name = await changeMember(node, target, 'remove');
  const removed = target.local?.nodes.find((one) => one.name === name);
  if (target.local === undefined || removed === undefined) return;
  await target.local.stop(removed.number);
  await target.local.forget(removed.number);
  console.log(`node ${removed.number} stopped; its folder stays, and is of no use to another node`);
}

/** Asks the leader for a change of this member; returns the member's name. */
async function changeMember(
  node: string,
  target: ClusterTarget,
  change: 'promote' | 'demote' | 'remove',
): Promise<string> {
  const name = await nodeNameOf(node, target);
  await askLeader(target.addresses(), `/admin/cluster/members/${encodeURIComponent(name)}/${change}`);
  console.log(`${name} ${change}d`);
  return name;
}

async function resignLeader({
  target: successor,
  ...flags
}: TargetFlags & { target?: string }): Promise<void> {
  const target = targetOf(flags);
  const name = successor === undefined ? undefined : await nodeNameOf(successor, target);
  const query = name === undefined ? '' : `?target=${encodeURIComponent(name)}`;
  await askLeader(target.addresses(), `/admin/node/resign${query}`);
  console.log(name === undefined ? 'the leader has resigned' : `the leader has resigned, for ${name}`);
}

async function setPriority(node: string, value: number, flags: TargetFlags): Promise<void> {
  const name = await nodeNameOf(node, targetOf(flags));
  await askNode(name, {
    method: 'POST',
    path: `/admin/node/priority/${value}`,
    deadlineMs: PRIORITY_DEADLINE_MS,
  });
  console.log(`${name} has priority ${value}, until it is restarted: NodePriority sets it for good`);
}

async function resizeCluster(voters: number, flags: TargetFlags): Promise<void> {
  const target = targetOf(flags);
  await askLeader(target.addresses(), `/admin/cluster/size/${voters}`);
  await target.local?.resize(voters);
  console.log(`there should be ${voters} voters`);
}
