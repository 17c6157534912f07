/**
 * Which of two logs holds more of what may be committed: the one whose last epoch is higher, between equal epochs the longer
 * (Raft, section 5.4.1). Pure. And who leads, of several that promised.
 */
import type { Epoch, Position } from '../base/units.js';
import type { MemberId } from './configuration.js';

export interface LogRank {
  readonly lastEpoch: Epoch;
  readonly position: Position;
}

/** What a node says of itself with its promise. */
export interface Promised extends LogRank {
  readonly id: MemberId;
  readonly name: string;
  readonly commit: Position;
  readonly priority: number;
}

/** Above 0 if `a` holds more. */
export function compareLogs(a: LogRank, b: LogRank): number {
  return a.lastEpoch - b.lastEpoch || a.position - b.position;
}

export interface Preferences {
  /** The leader that wants to be replaced, or ''. */
  readonly resigning: MemberId;
  /** Who was proposed of late and did not become leader: passed over if somebody else can lead. */
  readonly failed: ReadonlySet<MemberId>;
  /** Whom the resigning leader has chosen, or '': goes before others with an equal log, whatever their priority. */
  readonly chosen: MemberId;
}

/**
 * The best leader among `promises`: not the resigning one and not who failed of late, if somebody else can lead; then the best log; of
 * equal ones the chosen one, the higher priority, then the lower id. It needs the votes of `quorum` nodes, and those don't vote for less than their own log: so where the best is passed over,
 * the next one must still be at least as good as `quorum` of them. Undefined if there is none.
 */
export function chooseLeader(
  promises: readonly Promised[],
  quorum: number,
  preferences: Preferences,
): Promised | undefined {
  const eligible = promises.filter((candidate) => {
    return promises.filter((other) => compareLogs(candidate, other) >= 0).length >= quorum;
  });
  const willing = eligible.filter(({ id }) => !preferences.failed.has(id) && id !== preferences.resigning);
  const { chosen } = preferences;
  return (willing.length > 0 ? willing : eligible).sort((a, b) => comparePromised(a, b, chosen)).at(0);
}

/** Below 0 if `a` is to lead rather than `b`. */
function comparePromised(a: Promised, b: Promised, chosen: MemberId): number {
  const byChoice = Number(b.id === chosen) - Number(a.id === chosen);
  return compareLogs(b, a) || byChoice || b.priority - a.priority || (a.id < b.id ? -1 : 1);
}
