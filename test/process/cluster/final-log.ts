/**
 * What the nodes of a cluster have when all is over: the events that each of them shows, which must be the same; and, once they are stopped, the
 * bytes in their folders, which must be the same as well, up to the end of what was committed, and without damage.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoggedEvent, eventOf as loggedEventOf } from '../../../src/sim/checks/logged-event.js';
import { RawClient } from '../../net/raw-client.js';
import { readEvents } from '../reading.js';
import { until } from '../within.js';
import type { ClusterMember } from './cluster-member.js';
import { isGenuine } from './event-content.js';
import type { Target } from './node-connection.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
/** Of a chunk file. */
const HEADER_BYTES = 4096;

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

/** All events that a node has committed, from its own log. Throws if one is not as it was sent. */
export async function readLog(url: string): Promise<readonly LoggedEvent[]> {
  const { client } = await RawClient.greeted(url);
  const events: LoggedEvent[] = [];
  try {
    await readEvents(client, {}, ({ header, body }) => {
      const event = loggedEventOf({ header, body })!;
      if (!isGenuine(event.eventId, body.eventType, body.data)) {
        throw new Error(`the event at ${event.position} is not as it was sent`);
      }
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

/** What is wrong with the folders of stopped nodes; empty if nothing is. `end`: up to where all must have the same bytes. */
export function inspectFolders(
  members: readonly ClusterMember[],
  end: number,
  chunkBytes: number,
): readonly string[] {
  const problems: string[] = [];
  for (const { name, folder } of members) {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'inspect', 'verify', folder], {
      encoding: 'utf8',
    });
    if (status !== 0) problems.push(`inspect verify of ${name} says ${status}:\n${stdout}`);
  }
  for (let start = 0; start < end; start += chunkBytes) {
    const hashes = members.map(({ folder }) =>
      hashChunk(folder, start / chunkBytes, Math.min(chunkBytes, end - start)),
    );
    const isSame = hashes.every((hash) => hash === hashes[0]);
    if (!isSame)
      problems.push(`the logs differ between ${start} and ${start + chunkBytes}: ${hashes.join(', ')}`);
  }
  return problems;
}

/** Of the first `bytes` of a chunk's data. */
function hashChunk(folder: string, number: number, bytes: number): string {
  const prefix = `chunk-${`${number}`.padStart(6, '0')}.`;
  const name = readdirSync(folder)
    .filter((file) => file.startsWith(prefix) && !file.endsWith('.tmp'))
    .sort()
    .at(-1);
  if (name === undefined) return 'missing';
  const data = new Uint8Array(bytes);
  const file = openSync(join(folder, name), 'r');
  const taken = readSync(file, data, 0, bytes, HEADER_BYTES);
  closeSync(file);
  return `${taken} bytes ${createHash('sha256').update(data).digest('hex').slice(0, 16)}`;
}
