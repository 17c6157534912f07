/** Redis as a peer: a primary and two replicas on loopback, each with an append-only file that is synced before it answers. Main thread. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../cluster.js';
import { executable } from './executables.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';
import { askRedis, redisTarget } from './redis-client.js';

const NODES = 3;

export const redis: Peer = {
  name: 'redis',
  title: 'Redis, AOF always, WAIT 1',
  debianPackage: 'redis-server',
  needs: ['redis-server'],
  durability:
    'Synced by the primary and by one of two replicas: each syncs its file (appendfsync always) before it answers, the replica before WAIT hears of it. No consensus: a failover may lose what was acknowledged',
  isEqual: false,
  start: startRedis,
};

async function startRedis(folder: string): Promise<PeerCluster> {
  const ports = await freePorts(NODES);
  const [primary] = ports;
  const processes = ports.map((port, index) => {
    const own = join(folder, `n${index}`);
    mkdirSync(own);
    const settings = [
      ['port', String(port)],
      ['bind', '127.0.0.1'],
      ['dir', own],
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
      ['auto-aof-rewrite-percentage', '0'],
      ['save', ''],
      ['repl-diskless-sync-delay', '0'],
      ...(index === 0 ? [] : [['replicaof', `127.0.0.1 ${primary}`]]),
    ];
    const flags = settings.flatMap(([name, value]) => [
      `--${name}`,
      ...(name === 'replicaof' ? value!.split(' ') : [value!]),
    ]);
    return new PeerProcess({
      command: [executable('redis-server'), ...flags],
      log: join(folder, `n${index}.log`),
    });
  });
  return await clusterOf(processes, async () => {
    await untilAnswered('both replicas of Redis are in step', processes, () => areInStep(primary!));
    return (load) => redisTarget(primary!, load);
  });
}

async function areInStep(primary: number): Promise<true | undefined> {
  const info = await askRedis(primary, ['INFO', 'replication']);
  return info.split('state=online').length === NODES ? true : undefined;
}
