/**
 * How a node becomes a member of a cluster that exists: it says hello to whom it knows, the leader makes it a member, and invites it
 * when it is one. Pure.
 */
import { memberOf } from './configuration.js';
import type { Core } from './core.js';
import type { Leader } from './leader.js';
import type { MessageOf } from './messages.js';
import type { Addressee } from './outbox.js';

export class Admission {
  readonly #core: Core;
  #nextHelloMs: number;

  constructor(core: Core) {
    this.#core = core;
    this.#nextHelloMs = core.nowMs + core.options.electionTimeoutMs;
  }

  /** A voter asks its voters for a leader; who has no vote, and no leader, asks to be known. */
  get deadlineMs(): number {
    return this.#core.isVoter ? Number.POSITIVE_INFINITY : this.#nextHelloMs;
  }

  tick(): void {
    const { outbox, options, others, nowMs } = this.#core;
    if (nowMs < this.deadlineMs) return;
    this.#nextHelloMs = nowMs + options.electionTimeoutMs;
    const { role, zone, clusterSize, chunkSize } = options;
    const names = new Set([...options.seeds, ...others.map(({ name }) => name)]);
    names.delete(options.name);
    for (const name of names) {
      outbox.send({ id: '', name }, { kind: 'hello', role, zone, clusterSize, chunkSize, isAnswer: false });
    }
  }

  /** Somebody who is no member, or doesn't know that it is one. `leader` and `follows`: what this node is. */
  onHello(message: MessageOf<'hello'>, leader: Leader | undefined, follows: Addressee | undefined): void {
    const { outbox } = this.#core;
    const { foundation } = outbox.state;
    const isFounder = foundation?.members.some(({ id }) => id === message.from) === true;
    if (message.isAnswer) return;
    if (message.clusterId === '' && isFounder) {
      // All have agreed, and it has not heard so.
      this.#core.reply(message, { kind: 'founded', clusterId: foundation.clusterId });
    } else if (leader !== undefined) {
      this.#admit(message, leader);
    } else if (follows !== undefined) {
      outbox.push({ kind: 'send', to: follows.name, message: { ...message, to: '' } });
    }
  }

  #admit(message: MessageOf<'hello'>, leader: Leader): void {
    const { configuration, log, options } = this.#core;
    const { from: id, fromName: name, zone, start: seenStart, nonce: seenNonce } = message;
    if (configuration !== undefined && memberOf(configuration, id) !== undefined) {
      this.#core.reply(message, { kind: 'invite', chunkSize: options.chunkSize });
    } else if (log.hasHad(id)) {
      // Whoever was removed comes back as somebody else, or not at all.
      this.#core.reply(message, { kind: 'fenced', seenStart, seenNonce, reason: 'removed' });
    } else {
      leader.changes.admit({ id, name, zone, role: message.role === 'replica' ? 'replica' : 'clone' });
    }
  }
}
