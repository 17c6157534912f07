/** Asks all nodes of a cluster what they are, and those that they tell of. Main thread. A node that does not answer costs one deadline. */
import { CairnError } from '../../base/errors.js';
import { type ClusterView, clusterView, type Fields, type NodeAnswer, namesIn } from './cluster-view.js';
import { askNode } from './node-requests.js';

/** On loopback or a network a living node answers in milliseconds. */
const ANSWER_DEADLINE_MS = 1000;
/** A name of a node, as against any other text in that field. */
const NAME_PATTERN = /:\d+$/;

export interface PollTarget {
  /** Addresses (`host:port`) of nodes to ask first. */
  readonly names: readonly string[];
  /** Whether the cluster is healthy only if all of these are there; else they are only whom to ask. */
  readonly areExpected: boolean;
}

export async function pollCluster({ names, areExpected }: PollTarget): Promise<ClusterView> {
  const answers = await askAll(names);
  const known = new Set(answers.map(({ name }) => name));
  const told = await askAll(namesIn(answers).filter((name) => !known.has(name)));
  return clusterView([...answers, ...told], areExpected ? names : []);
}

function askAll(addresses: readonly string[]): Promise<NodeAnswer[]> {
  return Promise.all(
    addresses.map(async (address) => {
      const [info, gossip] = await Promise.all([fieldsOf(address, '/info'), fieldsOf(address, '/gossip')]);
      return { name: ownName(info) ?? address, info, gossip };
    }),
  );
}

/** `localhost:2113` may be how we reach a node that others call `127.0.0.1:2113`. */
function ownName(info: Fields | undefined): string | undefined {
  const name = info?.['name'];
  return typeof name === 'string' && NAME_PATTERN.test(name) ? name : undefined;
}

/** Undefined = no answer, or none that says anything: whatever the reason is, the node shows as one that does not answer. */
async function fieldsOf(address: string, path: string): Promise<Fields | undefined> {
  try {
    const value = await askNode(address, { method: 'GET', path, deadlineMs: ANSWER_DEADLINE_MS });
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch (error) {
    if (error instanceof CairnError) return undefined;
    throw error;
  }
}
