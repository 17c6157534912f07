/**
 * A leader's changes of the membership, one at a time, asked for or by itself: who joins becomes a clone, a clone that has caught up
 * gets the vote of a dead voter. Pure. Rules (Ongaro, thesis, section 4.1, and his correction of 2015): the last change must be
 * committed, and a record of the leader's own epoch too, before the next one is written.
 */
import type { Position } from '../base/units.js';
import {
  applyChange,
  type Configuration,
  isVoter,
  type Member,
  type MemberId,
  type MembershipChange,
  quorumOf,
  VOTERS_MAX,
  votersOf,
} from './configuration.js';
import type { Core } from './core.js';
import type { Refusal } from './effects.js';
import type { Reign } from './reign.js';

/** A clone that lacks no more than this of the leader's log has caught up: the rest is on its way. */
const LAG_BYTES_MAX = 1_048_576;

interface Pending {
  /** Who asked; undefined if the leader did by itself. */
  readonly request: number | undefined;
  readonly configuration: Configuration;
  /** The end of its record, when that is in the log. */
  end: Position | undefined;
}

export class MembershipChanges {
  readonly #core: Core;
  readonly #reign: Reign;
  #pending: Pending | undefined;

  constructor(core: Core, reign: Reign) {
    this.#core = core;
    this.#reign = reign;
  }

  /** An operator's change. */
  onChange(request: number, change: MembershipChange): void {
    const refusal = this.#begin(request, change);
    if (refusal !== undefined) this.#core.outbox.push({ kind: 'changeRefused', request, refusal });
  }

  /** A node wants to be a member. It asks again until it is one. */
  admit(member: Member): void {
    this.#begin(undefined, { kind: 'add', member });
  }

  onAppended(end: Position): void {
    if (this.#pending !== undefined) this.#pending.end = end;
  }

  onCommit(): void {
    const pending = this.#pending;
    if (pending?.end === undefined || pending.end > this.#core.commit) return;
    this.#pending = undefined;
    const { request, configuration } = pending;
    if (request !== undefined) this.#core.outbox.push({ kind: 'changed', request, configuration });
  }

  /** The reign ends: whether the change holds is the next leader's to say. */
  refusePending(): void {
    const request = this.#pending?.request;
    if (request !== undefined)
      this.#core.outbox.push({ kind: 'changeRefused', request, refusal: 'no-leader' });
    this.#pending = undefined;
  }

  /** What the leader does by itself, one step at a time. */
  tick(): void {
    if (this.#pending !== undefined || !this.#reign.isEstablished) return;
    const change = this.#neededChange();
    if (change !== undefined) this.#begin(undefined, change);
  }

  #begin(request: number | undefined, change: MembershipChange): Refusal | undefined {
    const { configuration, log } = this.#core;
    if (configuration === undefined || !this.#reign.isEstablished) return 'no-leader';
    if (this.#isInProgress()) return 'change-in-progress';
    if (change.kind === 'promote' && !this.#hasCaughtUp(change.id)) return 'not-caught-up';
    // Whoever was removed has been told so for good, or will be.
    if (change.kind === 'add' && log.hasHad(change.member.id)) return 'invalid-change';
    const takesVote = change.kind === 'remove' || change.kind === 'demote';
    if (takesVote && !this.#canSpare(change.id)) return 'quorum-needed';
    const result = applyChange(configuration, change);
    if (result.kind === 'invalid') return 'invalid-change';
    this.#pending = { request, configuration: result.configuration, end: undefined };
    this.#core.append({ type: 'membership', configuration: result.configuration });
    return undefined;
  }

  #isInProgress(): boolean {
    const logged = this.#core.log.configuration;
    return this.#pending !== undefined || logged === undefined || logged.end > this.#core.commit;
  }

  #neededChange(): MembershipChange | undefined {
    const { configuration } = this.#core;
    if (configuration === undefined) return undefined;
    const voters = votersOf(configuration);
    const superfluous = this.#superfluous(configuration);
    if (superfluous !== undefined && this.#canSpare(superfluous.id)) {
      return { kind: this.#isSuperseded(superfluous) ? 'remove' : 'demote', id: superfluous.id };
    }
    const clone = configuration.members.find(({ id, role }) => role === 'clone' && this.#hasCaughtUp(id));
    if (clone === undefined) return undefined;
    if (voters.length < configuration.clusterSize) return { kind: 'promote', id: clone.id };
    const dead = voters.find((voter) => this.#isDead(voter));
    if (dead === undefined) return undefined;
    if (voters.length === VOTERS_MAX)
      return this.#canSpare(dead.id) ? { kind: 'demote', id: dead.id } : undefined;
    const alive = voters.filter((voter) => !this.#isDead(voter)).length + 1;
    const isQuorum = alive >= Math.floor((voters.length + 1) / 2) + 1;
    return isQuorum ? { kind: 'promote', id: clone.id, insteadOf: dead.id } : undefined;
  }

  /** Who has no place any more: a member whose name another one has, or a voter too many: a dead one, or who is furthest behind. */
  #superfluous(configuration: Configuration): Member | undefined {
    const voters = votersOf(configuration);
    const isTooMany = voters.length > configuration.clusterSize;
    const gone = configuration.members.find((member) => {
      return (isTooMany || member.role !== 'voter') && this.#isSuperseded(member);
    });
    if (gone !== undefined || !isTooMany) return gone;
    const byProgress = voters
      .filter(({ id }) => id !== this.#core.me)
      .sort((a, b) => this.#reign.durableOf(a.id) - this.#reign.durableOf(b.id));
    return byProgress.find((voter) => this.#isDead(voter)) ?? byProgress[0];
  }

  #isDead(member: Member): boolean {
    const { deadVoterTimeoutMs } = this.#core.options;
    return this.#isSuperseded(member) || !this.#reign.hasHeard(member.id, deadVoterTimeoutMs);
  }

  /** Another folder has joined under this member's name since, and the member is silent: it is gone for good. */
  #isSuperseded({ id, name }: Member): boolean {
    const { configuration, log, options } = this.#core;
    const since = log.memberSince(id);
    const isReplaced = configuration?.members.some((other) => {
      return other.name === name && log.memberSince(other.id) > since;
    });
    return isReplaced === true && !this.#reign.hasHeard(id, options.electionTimeoutMs);
  }

  /** Whether a majority of the voters that remain without this one is alive. */
  #canSpare(id: MemberId): boolean {
    const { configuration, options } = this.#core;
    if (configuration === undefined) return false;
    if (!isVoter(configuration, id)) return true;
    const result = applyChange(configuration, { kind: 'remove', id });
    // That is another fault than a lost quorum, and told as such.
    if (result.kind === 'invalid') return true;
    const alive = votersOf(result.configuration).filter((voter) => {
      return this.#reign.hasHeard(voter.id, options.electionTimeoutMs);
    });
    return alive.length >= quorumOf(result.configuration);
  }

  #hasCaughtUp(id: MemberId): boolean {
    const { options, log } = this.#core;
    const isAlive = this.#reign.hasHeard(id, options.electionTimeoutMs);
    const progress = this.#reign.progress.get(id);
    return isAlive && progress?.isStreaming === true && log.end - progress.match <= LAG_BYTES_MAX;
  }
}
