/** Which log the nodes have that a backup is made from, and how far each has committed. Main thread. */

import type { NodesOfLog } from '../../backup/node-source.js';
import { CairnError } from '../../base/errors.js';
import { CHUNK_HEADER } from '../../net/chunk-routes.js';
import { askNode, nameOf } from '../cluster/node-requests.js';

const DEADLINE_MS = 10_000;
/** Status of a node that can't do it now. */
const UNAVAILABLE = 503;

/** One node's answer. */
interface Answer {
  readonly peer: string;
  readonly logId: string;
  readonly chunkSize: number;
  readonly committed: number;
}

/** Asks all of them; those that can't answer are left out if one does. Throws `CairnError`. */
export async function nodesOfLog(urls: readonly string[]): Promise<NodesOfLog> {
  const asked = await Promise.allSettled(urls.map(ask));
  const answers = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failure = asked.find((each) => each.status === 'rejected');
  const furthest = answers.toSorted((a, b) => b.committed - a.committed)[0];
  if (furthest === undefined)
    throw failure?.reason ?? new CairnError('invalid-configuration', 'no node is named; say --url');
  const { logId, chunkSize, committed } = furthest;
  const stranger = answers.find((answer) => answer.logId !== logId);
  if (stranger !== undefined) {
    const message = `${furthest.peer} and ${stranger.peer} are nodes of different clusters; name those of one`;
    throw new CairnError('invalid-configuration', message, { logId, otherLogId: stranger.logId });
  }
  if (committed === 0)
    throw new CairnError('not-ready', `nothing is committed yet in the log of ${furthest.peer}`);
  // Who has it all is asked first.
  const peers = [furthest.peer, ...answers.map(({ peer }) => peer).filter((peer) => peer !== furthest.peer)];
  return { logId, chunkSize, committed, peers: [...new Set(peers)] };
}

/** Throws `not-ready` for a node that has no log at the moment, or none that it can vouch for. */
async function ask(url: string): Promise<Answer> {
  try {
    return await askAnswer(url);
  } catch (error) {
    if (!(error instanceof CairnError && error.details['status'] === UNAVAILABLE)) throw error;
    const message = `${nameOf(url)} has no log to give at the moment: it is starting, or fenced; its log says which`;
    throw new CairnError('not-ready', message, error.details, error);
  }
}

async function askAnswer(url: string): Promise<Answer> {
  const peer = nameOf(url);
  const info = await askNode(url, { method: 'GET', path: '/gossip', deadlineMs: DEADLINE_MS });
  const logId = field(info, 'clusterId');
  if (typeof logId !== 'string')
    throw new CairnError('no-cluster', `${peer} belongs to no cluster yet: there is nothing to back up`);
  const headers = { [CHUNK_HEADER.cluster]: logId };
  const path = `/log/chunks?from=${Number.MAX_SAFE_INTEGER}`;
  const list = await askNode(url, { method: 'GET', path, headers, deadlineMs: DEADLINE_MS });
  const [chunkSize, committed] = [field(list, 'chunkSize'), field(list, 'committed')];
  if (typeof chunkSize === 'number' && typeof committed === 'number')
    return { peer, logId, chunkSize, committed };
  throw new CairnError('not-ready', `${peer} does not say how far its log goes; try again when it is ready`);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
