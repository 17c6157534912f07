/**
 * A leader that has no space for appends lets a member lead that has: then nobody's appends are refused. What members have they tell by
 * gossip, which may be old or wrong; so this only asks for a resignation, which costs nothing if it leads nowhere, and not often. Main
 * thread.
 */
import type { SpaceLevel } from '../../base/disk-space.js';
import type { MemberId } from '../../cluster/configuration.js';
import type { GossipMember } from '../../cluster/gossip.js';
import type { MemberProgress } from '../../cluster/node-view.js';

export interface SpaceHandoverParts {
  readonly isLeading: () => boolean;
  /** Whether this node has no space for appends, or for the next chunk. */
  readonly isShort: () => boolean;
  /** The other members, as the leader knows them. */
  readonly progress: () => readonly MemberProgress[];
  readonly gossip: () => readonly GossipMember[];
  readonly resign: (to: MemberId) => Promise<unknown>;
  readonly note: (message: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly nowMs: () => number;
}

/** An election and its reign's beginning are long over by then; two nodes that run short in turns don't pass the lead on all the time. */
const REST_MS = 10_000;
/** Of two with room the one that need not be warned. */
const ROOM: readonly SpaceLevel[] = ['ok', 'low'];

export class SpaceHandover {
  readonly #parts: SpaceHandoverParts;
  #restsUntilMs = 0;

  constructor(parts: SpaceHandoverParts) {
    this.#parts = parts;
  }

  /** To be called again and again. */
  consider(): void {
    const { isLeading, isShort, progress, gossip, resign, note, nowMs } = this.#parts;
    if (nowMs() < this.#restsUntilMs || !isLeading() || !isShort()) return;
    const successor = successorOf(progress(), gossip());
    if (successor === undefined) return;
    this.#restsUntilMs = nowMs() + REST_MS;
    const { name } = successor;
    note('this leader is short of disk space: a member that is not shall lead', { to: name });
    resign(successor.id).catch(({ message: reason }: Error) =>
      note('this leader is short of disk space and leads on', { to: name, reason }),
    );
  }
}

/** The voter with most room, of these the one with most of the log; undefined if nobody is known to have any. */
export function successorOf(
  members: readonly MemberProgress[],
  gossip: readonly GossipMember[],
): MemberProgress | undefined {
  const told = new Map(gossip.filter(({ isAlive }) => isAlive).map(({ entry }) => [entry.memberId, entry]));
  const roomOf = ({ id }: MemberProgress) => ROOM.indexOf(told.get(id)?.diskSpace ?? 'unknown');
  return members
    .filter((member) => member.role === 'voter' && member.isStreaming && roomOf(member) >= 0)
    .sort((a, b) => roomOf(a) - roomOf(b) || a.lagBytes - b.lagBytes)[0];
}
