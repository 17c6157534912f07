/**
 * Who may speak to this node: checked before a message is looked at. Pure. Nothing of another cluster, of a former life of the
 * sender, of a copy, or for a former life of this node gets through (invariant 8).
 */
import type { Core } from './core.js';
import { senderOf } from './core.js';
import type { Message, MessageKind, MessageOf } from './messages.js';

/** About a founding: they name the cluster that is to be, whether or not the node belongs to one by now. */
const FOUNDING_KINDS: ReadonlySet<MessageKind> = new Set([
  'found',
  'foundAgreed',
  'foundRefused',
  'foundAbandoned',
  'founded',
]);

/** What a node without a cluster may hear from one that has one: also that it was a member, and is no more. */
const WELCOME_KINDS: ReadonlySet<MessageKind> = new Set(['hello', 'invite', 'fenced']);

/** Election timeouts between two alarms about foreigners: often enough to be seen, too rare to fill a disk with. */
const ALARM_TIMEOUTS = 10;

export class Gate {
  readonly #core: Core;
  #nextAlarmMs = Number.NEGATIVE_INFINITY;

  constructor(core: Core) {
    this.#core = core;
  }

  admits(message: Message): boolean {
    if (message.to !== '' && message.to !== this.#core.me) return false;
    return this.#isOfThisCluster(message) && this.#isLatest(message);
  }

  #isOfThisCluster({ clusterId, kind, fromName }: Message): boolean {
    const mine = this.#core.outbox.state.clusterId;
    if (FOUNDING_KINDS.has(kind) || clusterId === mine) return true;
    if (clusterId === '') return kind === 'hello';
    if (mine === undefined) return WELCOME_KINDS.has(kind);
    this.#alarmForeigner(clusterId, fromName);
    return false;
  }

  /** It may be a member of two clusters for ever, and hear from the other one at each heartbeat. */
  #alarmForeigner(clusterId: string, fromName: string): void {
    const { outbox, nowMs, options } = this.#core;
    if (nowMs < this.#nextAlarmMs) return;
    this.#nextAlarmMs = nowMs + ALARM_TIMEOUTS * options.electionTimeoutMs;
    outbox.alarm({ kind: 'foreign-cluster', clusterId, fromName });
  }

  #isLatest(message: Message): boolean {
    const { contacts, outbox, nowMs } = this.#core;
    const { from } = message;
    if (from === this.#core.me) return this.#isMyself(message);
    const verdict = contacts.note(message, nowMs);
    if (verdict.kind === 'known') return true;
    const { start: seenStart, nonce: seenNonce } = verdict.seen;
    // Two ghosts would tell each other for ever.
    if (message.kind === 'fenced') return false;
    // If it is only a late message of a former life, the present one knows its start and laughs at this.
    outbox.send(senderOf(message), { kind: 'fenced', seenStart, seenNonce, reason: 'copy' });
    if (verdict.kind === 'copy') outbox.alarm({ kind: 'member-fenced', member: from, reason: 'copy' });
    return false;
  }

  /**
   * A late message of a former life is nothing; one of a later life, or of another process with this one, is a copy's. A hello comes from a seed that is
   * this node under another name: it is no news, and whoever took itself for somebody else would found no cluster.
   */
  #isMyself({ kind, from, start, nonce }: Message): boolean {
    const { outbox } = this.#core;
    const { start: myStart, nonce: myNonce } = outbox.state;
    const isCopy = start > myStart || (start === myStart && nonce !== myNonce);
    if (isCopy) outbox.alarm({ kind: 'member-fenced', member: from, reason: 'copy' });
    return start === myStart && nonce === myNonce && kind !== 'hello';
  }

  /** Whether it means this life of this node: a copy is who is not the one that was seen, all else is said to who was. */
  isFencedBy({ seenStart, seenNonce, reason }: MessageOf<'fenced'>): boolean {
    const { start, nonce } = this.#core.outbox.state;
    const isThisLife = seenStart === start && seenNonce === nonce;
    const isOtherLife = seenStart > start || (seenStart === start && seenNonce !== nonce);
    return reason === 'copy' ? isOtherLife : isThisLife;
  }
}
