/**
 * How a node becomes a member of a cluster that exists: it says hello to whom it knows, the leader makes it a member, and invites it
 * when it is one. Pure.
 */
import { memberOf } from './configuration.js';
import type { Core } from './core.js';
import type { Leader } from './leader.js';
import type { MessageOf } from './messages.js';
import type { Addressee } from './outbox.js';

/** Election timeouts between two hellos of a voter. */
const VOTERS_PATIENCE = 5;

export class Admission {
  readonly #core: Core;
  #nextHelloMs = 0;

  constructor(core: Core) {
    this.#core = core;
    this.wait();
  }

  /** There was a leader until now. */
  wait(): void {
    const { nowMs, options, isVoter } = this.#core;
    // A voter asks its voters for a leader; perhaps they are all gone and replaced.
    this.#nextHelloMs = nowMs + (isVoter ? VOTERS_PATIENCE : 1) * options.electionTimeoutMs;
  }

  /** When to say hello, as long as there is no leader: to be known, or to be told that one was removed. */
  get deadlineMs(): number {
    return this.#nextHelloMs;
  }

  tick(): void {
    const { outbox, options, others, nowMs } = this.#core;
    if (nowMs < this.deadlineMs) return;
    this.wait();
    const names = new Set([...options.seeds, ...others.map(({ name }) => name)]);
    names.delete(options.name);
    for (const name of names) {
      outbox.send({ id: '', name }, this.#core.hello(false));
    }
  }

  /** Somebody who is no member, or doesn't know that it is one. `leader` and `follows`: what this node is. */
  onHello(message: MessageOf<'hello'>, leader: Leader | undefined, follows: Addressee | undefined): void {
    const { outbox } = this.#core;
    const { foundation } = outbox.state;
    const isFounder = foundation?.members.some(({ id }) => id === message.from) === true;
    if (message.isAnswer || this.tellsRemoved(message)) return;
    if (message.clusterId === '' && isFounder) {
      // All have agreed, and it has not heard so.
      this.#core.reply(message, { kind: 'founded', clusterId: foundation.clusterId });
      return;
    }
    // There is a cluster: nobody who hears that founds another one.
    if (message.clusterId === '') this.#core.reply(message, this.#core.hello(true));
    if (leader !== undefined) {
      this.#admit(message, leader);
    } else if (follows !== undefined) {
      outbox.push({ kind: 'send', to: follows.name, message: { ...message, to: '' } });
    }
  }

  /** Somebody still waits for a founding that is over, well or badly: its founder, which is this node, tells it which. */
  onAgreed(message: MessageOf<'foundAgreed'>): void {
    const { foundation } = this.#core.outbox.state;
    const { clusterId } = message;
    const kind = foundation?.clusterId === clusterId ? 'founded' : 'foundAbandoned';
    this.#core.reply(message, { kind, clusterId });
  }

  /**
   * Somebody may have been removed while it didn't hear anything, and would ask, and hold elections, for ever. Whoever was removed
   * comes back as somebody else, or not at all. Only what is committed counts: it is told for good.
   */
  tellsRemoved(message: MessageOf<'hello' | 'preVote' | 'prepare'>): boolean {
    const { log, commit } = this.#core;
    const { from: id, start: seenStart, nonce: seenNonce } = message;
    const placed = log.configuration;
    if (placed === undefined || placed.end > commit || !log.hasHad(id)) return false;
    if (memberOf(placed.configuration, id) !== undefined) return false;
    this.#core.reply(message, { kind: 'fenced', seenStart, seenNonce, reason: 'removed' });
    return true;
  }

  #admit(message: MessageOf<'hello'>, leader: Leader): void {
    const { configuration, log, options } = this.#core;
    const { from: id, fromName: name, zone } = message;
    if (configuration !== undefined && memberOf(configuration, id) !== undefined) {
      this.#core.reply(message, { kind: 'invite', chunkSize: options.chunkSize });
    } else if (!log.hasHad(id)) {
      leader.changes.admit({ id, name, zone, role: message.role === 'replica' ? 'replica' : 'clone' });
    }
  }
}
