/**
 * What the nodes of a cluster have when all is over: the events that each of them shows, which must be the same; and, once they are stopped, the
 * records in their folders, which must be the same as well, up to the end of what was committed, and without damage.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type LoggedEvent, eventOf as loggedEventOf } from '../../../src/sim/checks/logged-event.js';
import { RawClient } from '../../net/raw-client.js';
import { readEvents } from '../reading.js';
import { until } from '../within.js';
import type { ClusterMember } from './cluster-member.js';
import { isGenuine, isGenuineScrap, isOfLoad, isScrap } from './event-content.js';
import { type FolderRecords, findRecordDifference, readRecords } from './folder-records.js';
import type { Target } from './node-connection.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

/** Waits until the node shows an event at this position or beyond. */
export async function untilCaughtUp(target: Target, position: number, deadlineMs: number): Promise<void> {
  await until(deadlineMs, `${target.name} has caught up`, async () => {
    try {
      return (await lastPosition(target.url)) >= position;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    }
  });
}

async function lastPosition(url: string): Promise<number> {
  const { client } = await RawClient.greeted(url);
  let last = -1;
  try {
    await readEvents(client, { isBackwards: true, count: 1 }, ({ header }) => {
      last = Math.max(last, header.position);
    });
  } finally {
    client.socket.terminate();
  }
  return last;
}

/** All events of the load that a node has committed, from its own log. Throws if one is not as it was sent. */
export async function readLog(url: string): Promise<readonly LoggedEvent[]> {
  return (await readWholeLog(url)).filter(({ stream }) => isOfLoad(stream));
}

/** The same with all else that it shows. */
export async function readWholeLog(url: string): Promise<readonly LoggedEvent[]> {
  const { client } = await RawClient.greeted(url);
  const events: LoggedEvent[] = [];
  try {
    await readEvents(client, {}, ({ header, body }) => {
      const event = loggedEventOf({ header, body })!;
      const { eventType, data } = body;
      const isAsSent =
        (isOfLoad(event.stream) && isGenuine(event.eventId, eventType, data)) ||
        (isScrap(event.stream) && isGenuineScrap(event.eventId, eventType, data)) ||
        event.stream.startsWith('$');
      if (!isAsSent) throw new Error(`the event at ${event.position} is not as it was sent`);
      events.push(event);
    });
  } finally {
    client.socket.terminate();
  }
  return events;
}

/** Where two logs part, in words; undefined if they are the same. */
export function findDifference(a: readonly LoggedEvent[], b: readonly LoggedEvent[]): string | undefined {
  const at = a.findIndex((event, i) => JSON.stringify(event) !== JSON.stringify(b[i]));
  if (at >= 0) return `event ${at}: ${JSON.stringify(a[at])} and ${JSON.stringify(b[at])}`;
  return a.length === b.length ? undefined : `${a.length} and ${b.length} events`;
}

/** What stopped nodes have in their folders. */
export interface FolderFindings {
  /** Empty if nothing is wrong. */
  readonly problems: readonly string[];
  /** Records that a scavenge has removed from each. */
  readonly removed: number;
}

/**
 * Up to `end` all must have the same records, and have removed the same. Their files may differ: what is removed is packed by each node in its own way,
 * and stands as it is in a chunk that it has fetched.
 */
export function inspectFolders(members: readonly ClusterMember[], end: number): FolderFindings {
  const problems: string[] = [];
  const found: FolderRecords[] = [];
  for (const { name, folder } of members) {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'inspect', 'verify', folder], {
      encoding: 'utf8',
    });
    if (status !== 0) problems.push(`inspect verify of ${name} says ${status}:\n${stdout}`);
    else found.push(readRecords(folder, end));
  }
  const [first] = found;
  for (const [i, other] of found.entries()) {
    const difference = findRecordDifference(first!, other);
    if (difference !== undefined) problems.push(`the logs of nodes 0 and ${i} differ: ${difference}`);
  }
  return { problems, removed: first?.removed ?? 0 };
}
