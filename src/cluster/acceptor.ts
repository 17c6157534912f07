/**
 * A node's part in elections that others hold: grants pre-votes, promises epochs, votes for a leader. Pure. A promise and a vote are
 * durable before they are said (invariant 2), and a vote goes only to a log that is at least this node's: so whoever gets a
 * majority of votes holds everything that is committed (Ongaro and Ousterhout, Raft, section 5.4).
 */
import type { Core } from './core.js';
import { senderOf } from './core.js';
import { compareLogs } from './log-rank.js';
import type { MessageOf } from './messages.js';

export class Acceptor {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** `missesLeader`: whether this node hasn't heard from a leader for an election timeout, nor is one itself. */
  onPreVote(message: MessageOf<'preVote'>, missesLeader: boolean): void {
    const { promisedEpoch } = this.#core;
    const { round } = message;
    this.#core.reply(message, { kind: 'preVoteReply', round, granted: missesLeader, promisedEpoch });
  }

  /** Answers whether it promised: then this node has no leader any more. */
  onPrepare(message: MessageOf<'prepare'>): boolean {
    const { outbox, log, commit, statedPriority: priority, promisedEpoch } = this.#core;
    const { epoch } = message;
    // Equal is refused too: one coordinator per epoch and node. A doubled message gets no second promise; nobody needs it.
    if (epoch <= promisedEpoch) {
      if (epoch < promisedEpoch) this.#core.reply(message, { kind: 'stale', promisedEpoch });
      return false;
    }
    const { durableEpoch: lastEpoch, durable: position } = log;
    const to = senderOf(message);
    const payload = { kind: 'prepareOk', epoch, lastEpoch, position, commit, priority } as const;
    outbox.save({ promisedEpoch: epoch, ackedPosition: commit }, { to, payload });
    return true;
  }

  /** Answers whether it voted. A vote in an epoch is given once, to one leader; said again only by asking again in a higher one. */
  onProposal(message: MessageOf<'proposal'>): boolean {
    const { outbox, log, promisedEpoch } = this.#core;
    const { epoch, leader: id, leaderName: name } = message;
    if (epoch < promisedEpoch) {
      this.#core.reply(message, { kind: 'stale', promisedEpoch });
      return false;
    }
    if (epoch <= outbox.state.acceptedEpoch) return false;
    const mine = { lastEpoch: log.durableEpoch, position: log.durable };
    const comparison = compareLogs(mine, message);
    // A nominee's log may have become longer since it promised. If it is shorter, something was lost meanwhile.
    if (id === this.#core.me ? comparison < 0 : comparison > 0) return false;
    outbox.save(
      { promisedEpoch: epoch, acceptedEpoch: epoch, acceptedLeader: id },
      { to: { id, name }, payload: { kind: 'accept', epoch } },
    );
    return true;
  }
}
