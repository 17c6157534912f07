/** What `/info` says of a node in its cluster. Pure. */
import type { NodeStatus } from '../node-port.js';
import { stateWord } from './state-words.js';

export function statusFacts(status: NodeStatus): object {
  const { name, memberId, zone, role, memberRole, leader, clusterId, configuration } = status;
  const { epoch, epochPosition, promisedEpoch, priority, isReady } = status;
  const { published, durable, committed, indexed, pendingAppends, repairs, damagedChunks } = status;
  return {
    // A node doesn't know how far behind it is, so it never says CatchingUp of itself: /gossip knows.
    state: stateWord(role, memberRole, 0),
    ...{ isReady, node: name, memberId, memberRole: memberRole ?? null, zone, priority },
    ...{ leader: leader ?? null, epoch, epochPosition, promisedEpoch },
    ...{ clusterId: clusterId ?? null, configuration: configuration ?? null },
    ...{ published, durable, committed, indexed, pendingAppends, repairs, damagedChunks },
  };
}
