/**
 * Which cluster a command is about: one of this machine, in a folder, or any, by the address of a node; and which of its nodes. Main
 * thread.
 */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CairnError } from '../../base/errors.js';
import { pollCluster } from './cluster-poll.js';
import type { LocalNode } from './cluster-record.js';
import type { ClusterView } from './cluster-view.js';
import { LocalCluster } from './local-cluster.js';
import { nameOf } from './node-requests.js';

/** Where `cairn cluster up` and `npm start` put their cluster. */
export const DEFAULT_DIRECTORY = 'data/cluster';
const DEFAULT_URL = '127.0.0.1:2113';
/** In place of a node: the one that leads at the moment. */
const LEADER = 'leader';

export interface TargetFlags {
  readonly dir?: string;
  readonly url?: readonly string[];
}

/** Adds `--dir`. */
export function addDirectory(command: Command): Command {
  return command.option(
    '--dir <folder>',
    `the folder of a cluster on this machine (default: ${DEFAULT_DIRECTORY})`,
  );
}

/** Adds `--dir` and `--url`. */
export function addTarget(command: Command): Command {
  return addDirectory(command).option(
    '--url <urls>',
    'any cluster instead, by one or more of its nodes, such as 10.0.0.1:2113,10.0.0.2:2113 (also CAIRN_URL)',
    addresses,
  );
}

export interface ClusterTarget {
  readonly local: LocalCluster | undefined;
  /** Whom to ask. */
  addresses(): readonly string[];
  poll(): Promise<ClusterView>;
}

/**
 * What the flags say; without any, the cluster in the default folder if there is one, else the node that CAIRN_URL names. Throws
 * `invalid-configuration`.
 */
export function targetOf({ dir, url }: TargetFlags): ClusterTarget {
  if (dir !== undefined && url !== undefined) throw invalid('use --dir or --url, not both');
  const directory = resolve(dir ?? DEFAULT_DIRECTORY);
  if (dir !== undefined || (url === undefined && LocalCluster.exists(directory)))
    return localTarget(LocalCluster.open(directory));
  const names = url ?? namesOf(process.env['CAIRN_URL'] || DEFAULT_URL);
  return {
    local: undefined,
    addresses: () => names,
    poll: () => pollCluster({ names, areExpected: false }),
  };
}

/** The cluster in the folder that the flags name. Throws `invalid-configuration` if there is none. */
export function localClusterOf({ dir }: TargetFlags): LocalCluster {
  return LocalCluster.open(resolve(dir ?? DEFAULT_DIRECTORY));
}

export function localTarget(local: LocalCluster): ClusterTarget {
  const names = () => local.nodes.map(({ name }) => name);
  return { local, addresses: names, poll: () => pollCluster({ names: names(), areExpected: true }) };
}

/** The name of the node that `text` means: a number in a local cluster, `leader`, or a name or id as it stands. */
export async function nodeNameOf(text: string, target: ClusterTarget): Promise<string> {
  if (text === LEADER) return await leaderName(target);
  if (target.local !== undefined && isNumber(text)) return target.local.node(Number(text)).name;
  return text;
}

/** The node of this machine's cluster that `text` means: its number, its name, or `leader`. */
export async function localNodeOf(text: string, cluster: LocalCluster): Promise<LocalNode> {
  if (isNumber(text)) return cluster.node(Number(text));
  const name = text === LEADER ? await leaderName(localTarget(cluster)) : text;
  const found = cluster.nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  const numbers = cluster.nodes.map(({ number }) => number).join(', ');
  throw invalid(`there is no node ${text} in ${cluster.directory}: name one of ${numbers}, or ${LEADER}`);
}

/** The name of the node that leads. Throws `no-leader`. */
export async function leaderName(target: ClusterTarget): Promise<string> {
  const { leader } = await target.poll();
  if (leader !== null) return leader;
  throw new CairnError('no-leader', 'no node leads at the moment: look at cairn cluster status');
}

/** `127.0.0.1:2113, ws://localhost:2114` → the names in it. Throws `invalid-configuration`. */
function namesOf(text: string): readonly string[] {
  return text.split(',').map((part) => nameOf(part.trim()));
}

/** The same, for commander. */
function addresses(text: string): readonly string[] {
  try {
    return namesOf(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
