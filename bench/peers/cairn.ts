/** Ours, measured beside the others in the same way: three nodes on loopback with their default settings, and our client library. Main thread. */
import { Cluster } from '../cluster.js';
import { parseAppendOptions } from '../options.js';
import { openWsTarget } from '../ws-target.js';
import type { PeerCluster, PeerDescription, PeerLoad, PeerTarget } from './peer.js';

const NODES = 3;

export const cairn: PeerDescription = {
  name: 'cairn',
  title: 'Cairn',
  durability: 'Synced (O_DIRECT, fdatasync) by a majority of three, under the leader’s epoch',
  isEqual: true,
};

export async function startCairn(folder: string): Promise<PeerCluster> {
  const cluster = await Cluster.start({ folder, nodes: NODES, syncMode: 'fdatasync' });
  return {
    connect: (load) => connectTo(cluster, load, folder),
    stop: () => cluster.stop(),
  };
}

async function connectTo(
  cluster: Cluster,
  { inFlight, eventBytes }: PeerLoad,
  folder: string,
): Promise<PeerTarget> {
  const options = parseAppendOptions({
    url: cluster.urls.join(','),
    inFlight: String(inFlight),
    eventBytes: String(eventBytes),
    dir: folder,
  });
  const target = await openWsTarget(options, folder);
  return Object.assign(target, { connections: options.connections });
}
