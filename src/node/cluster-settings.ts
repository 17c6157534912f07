/** What a node's options mean to its cluster core. Pure. */
import type { NodeOptions } from '../config/options.js';
import type { ClusterSettings } from './open-engine.js';

export function clusterSettings(
  options: NodeOptions,
  name: string,
  seeds: () => readonly string[],
): ClusterSettings {
  return {
    name,
    zone: options.zone,
    role: options.readOnlyReplica ? 'replica' : 'voter',
    clusterSize: options.clusterSize,
    get seeds() {
      return seeds();
    },
    priority: options.nodePriority,
    electionTimeoutMs: options.leaderElectionTimeoutMs,
    heartbeatIntervalMs: options.replicationHeartbeatInterval,
    deadVoterTimeoutMs: options.voterReplacementTimeoutSec * 1000,
    diskStallTimeoutMs: options.diskStallTimeoutMs,
  };
}
