/**
 * When a client is answered: up to which position the log meets what its request asked for. Pure. The policy never changes what is
 * committed: a client that waits for more than a quorum and gives up has written all the same.
 */
import { unreachable } from '../base/assert.js';
import type { Position } from '../base/units.js';
import { type Configuration, type Member, type MemberId, votersOf } from './configuration.js';

/**
 * `leader`: on the leader's disk; may be lost with the leader, and is weaker than all others. `quorum`: committed, the default.
 * `all`: committed, and on the disk of every voter; waits as long as one of them is down. `quorum-and-zone`: committed, and on the
 * disk of a voter in another zone than the leader's.
 */
export type AckPolicy = 'leader' | 'quorum' | 'all' | 'quorum-and-zone';

/** How far a log has come, as its leader knows. */
export interface LogProgress {
  readonly configuration: Configuration;
  readonly leader: Pick<Member, 'id' | 'zone'>;
  /** Up to where a member has told that its log is durable; 0 if it has told nothing. */
  readonly durableBy: (id: MemberId) => Position;
  readonly commit: Position;
}

/**
 * The position up to which `policy` is met. Undefined if this configuration can't meet it however long one waits: then a request is
 * refused rather than left to wait, and rather than answered with a weaker promise than it asked for.
 */
export function acknowledgedBy(policy: AckPolicy, progress: LogProgress): Position | undefined {
  const { configuration, leader, durableBy, commit } = progress;
  switch (policy) {
    case 'leader':
      // A quorum without the leader may be ahead of its disk, and is the stronger promise.
      return Math.max(commit, durableBy(leader.id));
    case 'quorum':
      return commit;
    case 'all':
      return votersOf(configuration).reduce((least, { id }) => Math.min(least, durableBy(id)), commit);
    case 'quorum-and-zone': {
      const others = votersInOtherZones(configuration, leader.zone);
      if (others.length === 0) return undefined;
      return Math.min(commit, Math.max(...others.map(({ id }) => durableBy(id))));
    }
    default:
      return unreachable(policy);
  }
}

/** Whether a request with this policy may be let in: of a cluster in a single zone nobody can ask for a second one. */
export function canBeMet(
  policy: AckPolicy,
  { configuration, leader }: Pick<LogProgress, 'configuration' | 'leader'>,
): boolean {
  return policy !== 'quorum-and-zone' || votersInOtherZones(configuration, leader.zone).length > 0;
}

/** A zone that was not configured may be any, so it is not another one. */
function votersInOtherZones(configuration: Configuration, zone: string): readonly Member[] {
  if (zone === '') return [];
  return votersOf(configuration).filter((voter) => voter.zone !== '' && voter.zone !== zone);
}
