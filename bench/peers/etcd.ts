/** etcd as a peer: three members on loopback. Main thread. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../cluster.js';
import { etcdTarget } from './etcd-client.js';
import { executable } from './executables.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';

const NODES = 3;
/** Its default of 2 GiB would do for a run, but not for a long one. */
const QUOTA_BYTES = 8 * 2 ** 30;
const ASK_TIMEOUT_MS = 1000;

export const etcd: Peer = {
  name: 'etcd',
  title: 'etcd',
  debianPackage: 'etcd-server',
  needs: ['etcd'],
  durability: 'Raft: synced (fdatasync) by a majority of three. A put under a new key for each event',
  isEqual: true,
  start: startEtcd,
};

async function startEtcd(folder: string): Promise<PeerCluster> {
  const ports = await freePorts(2 * NODES);
  const [client, peer] = [ports.slice(0, NODES), ports.slice(NODES)];
  const urlOf = (port: number) => `http://127.0.0.1:${port}`;
  const cluster = peer.map((port, index) => `n${index}=${urlOf(port)}`).join(',');
  const processes = client.map((port, index) => {
    const name = `n${index}`;
    mkdirSync(join(folder, name), { mode: 0o700 });
    const flags = [
      ['name', name],
      ['data-dir', join(folder, name)],
      ['listen-client-urls', urlOf(port)],
      ['advertise-client-urls', urlOf(port)],
      ['listen-peer-urls', urlOf(peer[index]!)],
      ['initial-advertise-peer-urls', urlOf(peer[index]!)],
      ['initial-cluster', cluster],
      ['initial-cluster-state', 'new'],
      ['quota-backend-bytes', String(QUOTA_BYTES)],
      ['log-level', 'warn'],
    ];
    const command = [executable('etcd'), ...flags.map(([flag, value]) => `--${flag}=${value}`)];
    return new PeerProcess({ command, log: join(folder, `${name}.log`) });
  });
  return await clusterOf(processes, async () => {
    const leader = await untilAnswered('etcd has a leader', processes, () => leaderOf(client));
    return (load) => etcdTarget(leader, load);
  });
}

/** The port of the member that leads, once all of them follow it. */
async function leaderOf(ports: readonly number[]): Promise<number | undefined> {
  const states = await Promise.all(ports.map(statusOf));
  const leaders = new Set(states.map((state) => state?.leader));
  if (leaders.size !== 1) return undefined;
  const leader = states.findIndex((state) => state !== undefined && state.leader === state.header?.member_id);
  return ports[leader];
}

interface Status {
  readonly header?: { readonly member_id?: string };
  readonly leader?: string;
}

/** By the gateway of JSON to gRPC; undefined while it doesn't answer. */
async function statusOf(port: number): Promise<Status | undefined> {
  const init = { method: 'POST', body: '{}', signal: AbortSignal.timeout(ASK_TIMEOUT_MS) };
  const response = await fetch(`http://127.0.0.1:${port}/v3/maintenance/status`, init).catch(() => undefined);
  return response?.ok === true ? ((await response.json()) as Status) : undefined;
}
