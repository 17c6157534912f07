/** What `/info` says of a node in its cluster. Pure. */
import type { NodeStatus } from '../node-port.js';
import { stateWord } from './state-words.js';

export function statusFacts(status: NodeStatus): object {
  const { name, memberId, zone, role, memberRole, leader, clusterId, configuration } = status;
  const { epoch, epochPosition, lagBytes, promisedEpoch, priority, isReady } = status;
  const { published, durable, committed, indexed, pendingAppends, repairs, damagedChunks } = status;
  const { streamHeads, streamsWithMetadata, diskSpace, scrub } = status;
  const { lastRoundEndedAt: ended } = scrub;
  const { open, live, ...delivered } = status.subscriptions;
  return {
    state: stateWord(role, memberRole, lagBytes),
    ...{ isReady, node: name, memberId, memberRole: memberRole ?? null, zone, priority },
    ...{ leader: leader ?? null, epoch, epochPosition, promisedEpoch, lagBytes },
    ...{ clusterId: clusterId ?? null, configuration: configuration ?? null },
    ...{ published, durable, committed, indexed, pendingAppends, repairs, damagedChunks },
    ...{ diskSpace, streamHeads, streamsWithMetadata },
    scrub: { ...scrub, lastRoundEndedAt: ended === null ? null : new Date(ended).toISOString() },
    subscriptions: { open, live, catchingUp: open - live, ...delivered },
  };
}
