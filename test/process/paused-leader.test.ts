/**
 * A leader that stands still for longer than an election takes, with questions waiting in its sockets, and then goes on: nothing that it
 * says may rest on its old reign.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkCluster } from './cluster/cluster-check.js';
import { ClusterHistory } from './cluster/cluster-history.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { eventIdOf } from './cluster/event-content.js';
import { readLog, untilCaughtUp } from './cluster/final-log.js';
import { NodeConnection, type Verdict } from './cluster/node-connection.js';
import { removeFolder, temporaryFolder } from './node-process.js';
import { until } from './within.js';

const PAUSE_MS = 5_000;
const DEADLINE_MS = 30_000;
/** Longer than the pause: what is asked meanwhile is answered by the leader that was. */
const TIMEOUT_MS = 20_000;
const SALT = 91;

let scratch: string;
let cluster: ClusterProcess;
let history: ClusterHistory;

beforeEach(async () => {
  scratch = temporaryFolder();
  history = new ClusterHistory();
  cluster = await ClusterProcess.create({ size: 3, scratch });
  await cluster.start();
});

afterEach(async () => {
  await cluster.remove();
  removeFolder(scratch);
});

async function connected(index: number, name: string): Promise<NodeConnection> {
  const { target } = cluster.members[index]!;
  return await until(DEADLINE_MS, 'a client is let in', () =>
    NodeConnection.open(target, history, name, TIMEOUT_MS),
  );
}

function append(
  connection: NodeConnection,
  stream: string,
  expected: number | 'any' | 'none',
): Promise<Verdict> {
  const eventIds = [eventIdOf(SALT, history.appends.length, 0)];
  return connection.append(history.ask({ client: 'c', stream, expected, eventIds }));
}

/** The same append again and again, until it is acknowledged. */
async function untilAppended(connection: NodeConnection, stream: string): Promise<void> {
  const eventIds = [eventIdOf(SALT, history.appends.length, 0)];
  const asked = history.ask({ client: 'd', stream, expected: 'any', eventIds });
  await until(DEADLINE_MS, 'a write is accepted', async () => (await connection.append(asked)) === 'yes');
}

const READ = { isBackwards: true, from: undefined, count: 3, consistency: 'linearizable' } as const;

test('a leader paused for 5 s acks nothing of its old reign, and serves no stale linearizable read or refusal', async () => {
  const old = await cluster.untilLed();
  const [atOld, alsoAtOld] = [await connected(old, 'old'), await connected(old, 'old, too')];
  await untilAppended(atOld, 's');
  const paused = cluster.members[old]!;
  paused.pause();
  const resumesAtMs = performance.now() + PAUSE_MS;
  // Before anybody else leads: the old leader has never seen these.
  const waiting: Promise<unknown>[] = [
    append(atOld, 's', 'any'),
    append(atOld, 't', 'none'),
    alsoAtOld.read({ ...READ, stream: 's' }),
  ];
  const next = await until(DEADLINE_MS, 'another leader is elected', async () => {
    const leader = await cluster.leader();
    return leader === undefined || leader === old ? undefined : { leader };
  });
  const atNext = await connected(next.leader, 'next');
  for (let i = 0; i < 5; i++) await untilAppended(atNext, 's');
  // What the old leader would say from its own log alone is wrong by now.
  waiting.push(
    append(atOld, 's', 7),
    append(atOld, 's', 'none'),
    alsoAtOld.read({ ...READ, stream: 's' }),
    alsoAtOld.read({ ...READ, stream: undefined }),
    alsoAtOld.read({ ...READ, stream: 's', consistency: 'local' }),
  );
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, resumesAtMs - performance.now())));
  paused.resume();
  await Promise.all(waiting);
  await untilAppended(atOld, 's').catch(async () => untilAppended(await connected(old, 'again'), 's'));
  await untilAppended(atNext, 's');
  const last = Math.max(
    ...history.appends.flatMap((a) => a.acknowledgements.map(({ position }) => position)),
  );
  for (const { target } of cluster.members) {
    await untilCaughtUp(target, last, DEADLINE_MS);
    expect(checkCluster(history, await readLog(target.url))).toEqual([]);
  }
  await Promise.all([atOld, alsoAtOld, atNext].map((connection) => connection.close()));
});
