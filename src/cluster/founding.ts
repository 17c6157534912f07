/**
 * A node without a cluster: it introduces itself to its seeds, and either is invited into a cluster that exists or takes part in
 * founding one. Pure. Founding needs everyone: the lowest of `clusterSize` fresh nodes proposes, each agrees to one founding
 * and remembers that durably before it says so, and the founder completes it when all have agreed. So two clusters can't form that share
 * a node; the price is that founding waits for the last node. (A commit of all participants, as in Gray, Notes on Data
 * Base Operating Systems, 1978, section 5.8.3.3; the founder is its coordinator, and may abandon but never complete after that.)
 */

import { unreachable } from '../base/assert.js';
import type { Member, MemberId } from './configuration.js';
import { type Core, senderOf } from './core.js';
import type { Foundation } from './foundation.js';
import type { FoundingKind } from './message-kinds.js';
import type { MessageOf } from './messages.js';

/** Fresh nodes that are remembered as candidates; more wait until some have founded a cluster. */
const CANDIDATES_MAX = 32;

interface Candidate {
  readonly member: Member;
  readonly heardMs: number;
}

/** How a node comes to a cluster. */
export type FoundingOutcome = 'founded' | 'invited';

export class Founding {
  readonly #core: Core;
  readonly #candidates = new Map<MemberId, Candidate>();
  #agreed = new Set<MemberId>();
  /** A member of a cluster has answered: this node joins, it doesn't found. */
  #hasHeardOfCluster = false;
  #nextHelloMs: number;

  constructor(core: Core) {
    this.#core = core;
    this.#nextHelloMs = core.nowMs;
  }

  get deadlineMs(): number {
    return this.#nextHelloMs;
  }

  tick(): void {
    const { nowMs, options } = this.#core;
    if (nowMs < this.#nextHelloMs) return;
    this.#nextHelloMs = nowMs + options.electionTimeoutMs / 2;
    this.#greetSeeds();
    const { foundation } = this.#core.outbox.state;
    if (foundation === undefined) this.#propose();
    else if (foundation.founder === this.#core.me) this.#ask(foundation);
    else this.#agree(foundation);
  }

  /** What has become of the founding by it: complete, or needless; then the node belongs to a cluster. Undefined while it goes on. */
  onMessage(message: MessageOf<FoundingKind>): FoundingOutcome | undefined {
    switch (message.kind) {
      case 'hello':
        this.#onHello(message);
        break;
      case 'found':
        this.#onFound(message);
        break;
      case 'foundAgreed':
        return this.#onAgreed(message);
      case 'foundRefused':
        this.#onRefused(message);
        break;
      case 'foundAbandoned':
        this.#onAbandoned(message);
        break;
      case 'founded':
        return this.#onFounded(message);
      case 'invite':
        return this.#onInvite(message);
      default:
        unreachable(message);
    }
    return undefined;
  }

  /** A fresh node's hello. Whoever has a cluster answers otherwise (`admission.ts`). */
  #onHello(message: MessageOf<'hello'>): void {
    if (message.clusterId !== '') {
      this.#hasHeardOfCluster = true;
      return;
    }
    const { from: id, fromName: name, role, zone, clusterSize, chunkSize } = message;
    const { options, nowMs } = this.#core;
    const fits = role === 'voter' && clusterSize === options.clusterSize && chunkSize === options.chunkSize;
    if (fits && (this.#candidates.has(id) || this.#candidates.size < CANDIDATES_MAX)) {
      this.#candidates.set(id, { member: { id, name, role, zone }, heardMs: nowMs });
    }
    if (!message.isAnswer) this.#core.reply(message, this.#core.hello(true));
  }

  #onFound(message: MessageOf<'found'>): void {
    const { foundation: proposed } = message;
    const { outbox, me } = this.#core;
    const held = outbox.state.foundation;
    const isAsked = proposed.members.some(({ id }) => id === me) && !this.#hasHeardOfCluster;
    if (held === undefined && isAsked) {
      const payload = { kind: 'foundAgreed', clusterId: proposed.clusterId } as const;
      outbox.save({ foundation: proposed }, { to: senderOf(message), payload });
    } else if (held?.clusterId === proposed.clusterId) {
      this.#agree(held);
    } else if (held !== undefined) {
      const { clusterId: heldClusterId, founder: heldFounder } = held;
      const { clusterId } = proposed;
      this.#core.reply(message, { kind: 'foundRefused', clusterId, heldClusterId, heldFounder });
    }
  }

  #onAgreed(message: MessageOf<'foundAgreed'>): FoundingOutcome | undefined {
    const { outbox, me } = this.#core;
    const { foundation } = outbox.state;
    if (foundation?.clusterId !== message.clusterId) {
      // Only its founder is asked, and that is this node: so it was abandoned.
      this.#core.reply(message, { kind: 'foundAbandoned', clusterId: message.clusterId });
      return undefined;
    }
    if (foundation.founder !== me) return undefined;
    this.#agreed.add(message.from);
    const isComplete = foundation.members.every(({ id }) => this.#agreed.has(id));
    return isComplete ? this.#complete(foundation) : undefined;
  }

  #onFounded(message: MessageOf<'founded'>): FoundingOutcome | undefined {
    const { foundation } = this.#core.outbox.state;
    return foundation?.clusterId === message.clusterId ? this.#complete(foundation) : undefined;
  }

  /**
   * A cluster that exists has made this node a member. One that it has agreed to found comes first, but for one that it proposes itself
   * and that isn't complete: whoever should agree may belong to the other one by now, and would never answer.
   */
  #onInvite({ clusterId, chunkSize }: MessageOf<'invite'>): FoundingOutcome | undefined {
    const { outbox, me } = this.#core;
    const { foundation } = outbox.state;
    const isOther = foundation !== undefined && foundation.clusterId !== clusterId;
    if (isOther && foundation.founder !== me) return undefined;
    if (isOther) this.#abandon(foundation);
    this.#makeLog(clusterId, chunkSize);
    outbox.save({ clusterId });
    return 'invited';
  }

  #complete({ clusterId, chunkSize, members, founder }: Foundation): FoundingOutcome {
    const { outbox, me } = this.#core;
    const others = founder === me ? members.filter(({ id }) => id !== me) : [];
    const payload = { kind: 'founded', clusterId } as const;
    this.#makeLog(clusterId, chunkSize);
    // In one: members that all died between would know their cluster, and not that they may vote in it.
    outbox.save({ clusterId, founded: true }, ...others.map((to) => ({ to, payload })));
    return 'founded';
  }

  /** The log is made before the node remembers that it belongs to the cluster: so who remembers has a log. */
  #makeLog(clusterId: string, chunkSize: number): void {
    this.#core.outbox.push({ kind: 'joined', clusterId, chunkSize });
  }

  /** Somebody holds another founding. Between two that block each other the founder with the higher id gives way. */
  #onRefused(message: MessageOf<'foundRefused'>): void {
    const { outbox, me } = this.#core;
    const { foundation } = outbox.state;
    const isMine = foundation?.founder === me && foundation.clusterId === message.clusterId;
    if (isMine && message.heldFounder < me) this.#abandon(foundation);
  }

  /** One's own, as long as it isn't complete. */
  #abandon({ clusterId, members }: Foundation): void {
    const { outbox, me } = this.#core;
    this.#agreed = new Set();
    const payload = { kind: 'foundAbandoned', clusterId } as const;
    const others = members.filter(({ id }) => id !== me);
    outbox.save({ foundation: undefined }, ...others.map((to) => ({ to, payload })));
  }

  #onAbandoned(message: MessageOf<'foundAbandoned'>): void {
    const { outbox } = this.#core;
    const { foundation } = outbox.state;
    if (foundation?.clusterId !== message.clusterId || foundation.founder !== message.from) return;
    outbox.save({ foundation: undefined });
  }

  #greetSeeds(): void {
    const { options, outbox } = this.#core;
    for (const name of options.seeds) {
      if (name !== options.name) outbox.send({ id: '', name }, this.#core.hello(false));
    }
  }

  /** The founder, if it is this node: the lowest of enough fresh nodes. */
  #propose(): void {
    const { options, nowMs, me, outbox } = this.#core;
    if (options.role !== 'voter' || this.#hasHeardOfCluster) return;
    // Alone it needs nobody's word: so who names others wants to join them, and waits.
    if (options.clusterSize === 1 && options.seeds.some((name) => name !== options.name)) return;
    const freshSinceMs = nowMs - 2 * options.electionTimeoutMs;
    const present = [...this.#candidates.values()].filter(({ heardMs }) => heardMs >= freshSinceMs);
    const self: Member = { id: me, name: options.name, role: 'voter', zone: options.zone };
    const all = [self, ...present.map(({ member }) => member)].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (all.length < options.clusterSize || all[0]!.id !== me) return;
    const members = all.slice(0, options.clusterSize);
    if (new Set(members.map(({ name }) => name)).size < members.length) return;
    const { chunkSize, newId } = options;
    const foundation = { clusterId: newId(), founder: me, chunkSize, members };
    this.#agreed = new Set();
    const others = members.filter(({ id }) => id !== me);
    const payload = { kind: 'found', foundation } as const;
    outbox.save({ foundation }, ...others.map((to) => ({ to, payload })));
    this.#agree(foundation);
  }

  #ask(foundation: Foundation): void {
    for (const member of foundation.members) {
      if (member.id === this.#core.me) this.#agree(foundation);
      else if (!this.#agreed.has(member.id)) this.#core.outbox.send(member, { kind: 'found', foundation });
    }
  }

  #agree({ members, founder, clusterId }: Foundation): void {
    const to = members.find(({ id }) => id === founder);
    if (to === undefined) return;
    // Behind a save, even to oneself, so that it can't overtake the one that makes it true.
    this.#core.outbox.save({}, { to, payload: { kind: 'foundAgreed', clusterId } });
  }
}
