/**
 * NATS JetStream as two peers: as it comes, and on a folder whose files are written synchronously, since the version that Debian has knows no
 * setting for that. Three servers on loopback, one stream of three replicas in files. Main thread.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '../../src/base/errors.js';
import { freePorts } from '../cluster.js';
import { executable } from './executables.js';
import { askJetStream, connectNats, natsTarget, STREAM } from './nats-client.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';

const NODES = 3;

export const natsSynced: Peer = {
  name: 'nats-synced',
  title: 'NATS JetStream, synced',
  debianPackage: 'nats-server',
  needs: ['nats-server', 'chattr'],
  durability:
    'Raft: written synchronously by a majority of three. Its folder has the attribute S (chattr +S), so that each single write waits for the disk: its own setting, sync_interval: always, came with a later version',
  isEqual: true,
  start: (folder) => {
    makeSynchronous(folder);
    return startNats(folder);
  },
};

export const nats: Peer = {
  name: 'nats',
  title: 'NATS JetStream, as it comes',
  debianPackage: 'nats-server',
  needs: ['nats-server'],
  durability:
    'Raft: in the page cache of a majority of three, synced every two minutes. A power cut takes what was acknowledged since',
  isEqual: false,
  start: startNats,
};

/** What is created in it from now on inherits it. Throws `CairnError` where the file system has no such attribute. */
function makeSynchronous(folder: string): void {
  const { status, stderr } = spawnSync(executable('chattr'), ['+S', folder], { encoding: 'utf8' });
  if (status !== 0) {
    const hint = 'it takes ext4 or a file system with the same attribute';
    throw new CairnError('invalid-configuration', `chattr +S failed, ${hint}: ${stderr.trim()}`);
  }
}

async function startNats(folder: string): Promise<PeerCluster> {
  const ports = await freePorts(2 * NODES);
  const [client, routes] = [ports.slice(0, NODES), ports.slice(NODES)];
  const processes = client.map((port, index) => {
    const own = join(folder, `n${index}`);
    mkdirSync(own);
    const path = join(folder, `n${index}.conf`);
    writeFileSync(path, natsConfiguration({ index, port, routes, store: own }));
    return new PeerProcess({
      command: [executable('nats-server'), '-c', path],
      log: join(folder, `n${index}.log`),
    });
  });
  return await clusterOf(processes, async () => {
    const leader = await untilAnswered('JetStream has made the stream', processes, () => makeStream(client));
    return (load) => natsTarget(leader, load);
  });
}

interface NatsNode {
  readonly index: number;
  readonly port: number;
  /** Of all nodes. */
  readonly routes: readonly number[];
  readonly store: string;
}

export function natsConfiguration({ index, port, routes, store }: NatsNode): string {
  const others = routes.map((route) => `"nats://127.0.0.1:${route}"`).join(', ');
  return `server_name: n${index}
listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(store)}, max_file_store: 64GB }
cluster { name: bench, listen: "127.0.0.1:${routes[index]}", routes: [${others}] }
`;
}

/** Makes the stream if it isn't there, and answers with the port of the node that leads it. */
async function makeStream(ports: readonly number[]): Promise<number | undefined> {
  const socket = await connectNats(ports[0]!);
  try {
    const request = {
      name: STREAM,
      subjects: [`${STREAM}.*`],
      storage: 'file',
      num_replicas: NODES,
      retention: 'limits',
      discard: 'old',
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
    };
    const made = await askJetStream(socket, `STREAM.CREATE.${STREAM}`, request);
    const leader = (made['cluster'] as { leader?: string } | undefined)?.leader;
    return leader === undefined ? undefined : ports[Number(leader.slice(1))];
  } finally {
    socket.close();
  }
}
