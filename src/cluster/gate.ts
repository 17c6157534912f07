/**
 * Who may speak to this node: checked before a message is looked at. Pure. Nothing of another cluster, of a former life of the
 * sender, of a copy, or for a former life of this node gets through (invariant 8).
 */
import type { Core } from './core.js';
import { senderOf } from './core.js';
import type { Message, MessageKind } from './messages.js';

/** About a founding: they name the cluster that is to be, whether or not the node belongs to one by now. */
const FOUNDING_KINDS: ReadonlySet<MessageKind> = new Set([
  'found',
  'foundAgreed',
  'foundRefused',
  'foundAbandoned',
  'founded',
]);

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
    if (mine === undefined) return kind === 'invite';
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
    const { from, start, nonce } = message;
    if (from === this.#core.me) return start === outbox.state.start && nonce === outbox.state.nonce;
    const verdict = contacts.note(message, nowMs);
    if (verdict.kind === 'known') return true;
    const { start: seenStart, nonce: seenNonce } = verdict.seen;
    // If it is only a late message of a former life, the present one knows its start and laughs at this.
    outbox.send(senderOf(message), { kind: 'fenced', seenStart, seenNonce, reason: 'copy' });
    if (verdict.kind === 'copy') outbox.alarm({ kind: 'member-fenced', member: from, reason: 'copy' });
    return false;
  }
}
