/** ZooKeeper as a peer: three servers on loopback. Main thread. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../cluster.js';
import { executable } from './executables.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';
import { zooKeeperMode, zooKeeperTarget } from './zookeeper-client.js';

const NODES = 3;
const JAR = '/usr/share/java/zookeeper.jar';

export const zooKeeper: Peer = {
  name: 'zookeeper',
  title: 'ZooKeeper',
  debianPackage: 'zookeeper',
  needs: ['java', JAR],
  durability: 'Zab: synced (forceSync) by a majority of three. A sequential node for each event',
  isEqual: true,
  start: startZooKeeper,
};

async function startZooKeeper(folder: string): Promise<PeerCluster> {
  const ports = await freePorts(3 * NODES);
  const client = ports.slice(0, NODES);
  const members = client.map((_, index) => `127.0.0.1:${ports[NODES + index]}:${ports[2 * NODES + index]}`);
  const processes = client.map((port, index) => {
    const own = join(folder, `n${index}`);
    mkdirSync(own);
    writeFileSync(join(own, 'myid'), String(index + 1));
    const path = join(folder, `n${index}.cfg`);
    writeFileSync(path, zooKeeperConfiguration(own, port, members));
    const command = [
      executable('java'),
      '-Xmx1g',
      // It would listen on every address.
      '-Dzookeeper.admin.enableServer=false',
      '-cp',
      JAR,
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      path,
    ];
    return new PeerProcess({ command, log: join(folder, `n${index}.log`), cwd: own });
  });
  return await clusterOf(processes, async () => {
    const leader = await untilAnswered('ZooKeeper has a leader', processes, () => leaderOf(client));
    return (load) => zooKeeperTarget(leader, load);
  });
}

export function zooKeeperConfiguration(folder: string, port: number, members: readonly string[]): string {
  const servers = members.map((address, index) => `server.${index + 1}=${address}`);
  return `${[
    'tickTime=2000',
    'initLimit=10',
    'syncLimit=5',
    `dataDir=${folder}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    '4lw.commands.whitelist=srvr',
    ...servers,
  ].join('\n')}\n`;
}

async function leaderOf(ports: readonly number[]): Promise<number | undefined> {
  const modes = await Promise.all(ports.map(zooKeeperMode));
  if (modes.filter((mode) => mode === 'follower').length !== NODES - 1) return undefined;
  return ports[modes.indexOf('leader')];
}
