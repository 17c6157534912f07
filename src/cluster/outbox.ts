/**
 * The effects of one step, in order, and who this node is: every message leaves with the sender's envelope. Pure.
 */
import type { Member, MemberId } from './configuration.js';
import type { Alarm, Effect, Outgoing } from './effects.js';
import type { Envelope, Message, Payload } from './messages.js';
import { changedState, type NodeState } from './node-state.js';

/** Somebody to talk to. The id may be '' where only the name is known. */
export type Addressee = Pick<Member, 'id' | 'name'>;

export interface Letter {
  readonly to: Addressee;
  readonly payload: Payload;
}

export class Outbox {
  /** What this node remembers; only {@link save} changes it. */
  state: NodeState;
  /**
   * A number that this node wants to hear from itself (an `ack` with this attempt) when all that it has saved so far is durable. Goes with every
   * save until it is heard: what should leave behind a save doesn't, if a later one with a higher promise was faster (effects.ts).
   */
  ownAck: number | undefined;
  readonly #name: string;
  #effects: Effect[] = [];

  constructor(name: string, state: NodeState) {
    this.#name = name;
    this.state = state;
  }

  get me(): MemberId {
    return this.state.memberId;
  }

  take(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  push(effect: Effect): void {
    this.#effects.push(effect);
  }

  send(to: Addressee, payload: Payload): void {
    this.#effects.push({ kind: 'send', ...this.outgoing(to, payload) });
  }

  /** Changes what this node remembers; `thenSend` leaves when that is durable. It counts for the core at once. */
  save(change: Partial<NodeState>, ...thenSend: readonly Letter[]): void {
    this.state = changedState(this.state, change);
    const outgoing = thenSend.map(({ to, payload }) => this.outgoing(to, payload));
    if (this.ownAck !== undefined && !this.state.fenced) outgoing.push(this.#ownAckOf(this.ownAck));
    this.#effects.push({ kind: 'save', state: this.state, thenSend: outgoing });
  }

  #ownAckOf(attempt: number): Outgoing {
    const payload = { kind: 'ack', epoch: this.state.promisedEpoch, attempt, durable: 0 } as const;
    return this.outgoing({ id: this.me, name: this.#name }, payload);
  }

  alarm(alarm: Alarm): void {
    this.#effects.push({ kind: 'alarm', alarm });
  }

  outgoing(to: Addressee, payload: Payload): Outgoing {
    // Spreading two objects into a third takes V8 fifty times as long.
    return { to: to.name, message: Object.assign(this.envelope(to.id), payload) as Message };
  }

  envelope(to: MemberId): Envelope {
    const { clusterId, memberId, start, nonce } = this.state;
    return { clusterId: clusterId ?? '', from: memberId, fromName: this.#name, start, nonce, to };
  }
}
