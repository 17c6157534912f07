/**
 * RabbitMQ as a peer: three nodes on loopback, one quorum queue, publisher confirms. Main thread. Erlang's nodes find each other through a
 * daemon, epmd; the run has one of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../cluster.js';
import { amqpTarget, connectAmqp, declareQuorumQueue } from './amqp-client.js';
import { executable } from './executables.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';

const NODES = 3;
/** How long a node waits for the others when it asks for the cluster. */
const ONLINE_SECONDS = '80';

export const rabbitMq: Peer = {
  name: 'rabbitmq',
  title: 'RabbitMQ quorum queue',
  debianPackage: 'rabbitmq-server',
  needs: ['rabbitmq-server', 'rabbitmqctl', 'epmd'],
  durability:
    'Raft: synced by a majority of three before the publisher confirm; a node syncs many messages together',
  isEqual: true,
  start: startRabbitMq,
};

async function startRabbitMq(folder: string): Promise<PeerCluster> {
  const [epmdPort, ...ports] = await freePorts(1 + 2 * NODES);
  const [client, distribution] = [ports.slice(0, NODES), ports.slice(NODES)];
  writeFileSync(join(folder, '.erlang.cookie'), `bench${epmdPort}`, { mode: 0o400 });
  const shared = {
    HOME: folder,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Nodes and rabbitmqctl, which is a node while it runs, talk to each other on loopback alone.
    ERL_FLAGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
  };
  const log = (name: string) => join(folder, `${name}.log`);
  const processes = [new PeerProcess({ command: [executable('epmd')], log: log('epmd'), env: shared })];
  client.forEach((port, index) => {
    const own = join(folder, `n${index}`);
    mkdirSync(own);
    writeFileSync(join(own, 'rabbitmq.conf'), rabbitMqConfiguration(port));
    writeFileSync(join(own, 'enabled_plugins'), '[].\n');
    const env = { ...shared, ...environmentOf(index, own, distribution[index]!) };
    processes.push(
      new PeerProcess({ command: [executable('rabbitmq-server')], log: log(`n${index}`), env, cwd: own }),
    );
  });
  return await clusterOf(processes, async () => {
    const [first] = client;
    await untilAnswered('RabbitMQ listens', processes, () => isListening(first!));
    const command = [
      executable('rabbitmqctl'),
      '-n',
      nodeName(0),
      'await_online_nodes',
      String(NODES),
      '-t',
      ONLINE_SECONDS,
    ];
    await new PeerProcess({ command, log: log('online'), env: shared }).finished();
    await declareQuorumQueue(first!, NODES);
    return (load) => amqpTarget(first!, load);
  });
}

function nodeName(index: number): string {
  return `n${index}@localhost`;
}

/** Everything that a node would else look for or write elsewhere on the machine. */
function environmentOf(index: number, folder: string, distributionPort: number): Record<string, string> {
  return {
    RABBITMQ_NODENAME: nodeName(index),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
    // So that its script becomes the node, instead of standing beside it.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

export function rabbitMqConfiguration(port: number): string {
  const nodes = Array.from({ length: NODES }, (_, index) => {
    return `cluster_formation.classic_config.nodes.${index + 1} = ${nodeName(index)}`;
  });
  return `${[
    `listeners.tcp.default = 127.0.0.1:${port}`,
    'cluster_formation.peer_discovery_backend = classic_config',
    ...nodes,
    // It would stop taking messages on a disk that is fuller; the run's limit is its own.
    'disk_free_limit.absolute = 100MB',
    'log.console = true',
  ].join('\n')}\n`;
}

async function isListening(port: number): Promise<true> {
  const socket = await connectAmqp(port);
  socket.close();
  return true;
}
