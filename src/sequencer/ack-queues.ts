/**
 * The answers that wait, by what they wait for: one queue for each ack policy, each in log order. Most are for a quorum; the other queues
 * are made when somebody first asks for them. Main thread only.
 */
import type { Position } from '../base/units.js';
import type { AckPolicy } from '../wire/frames.js';
import { type Confirm, PendingReplies, type Rejection } from './pending-replies.js';

export class AckQueues {
  /** The usual one: answered when committed. */
  readonly quorum: PendingReplies;
  readonly #others = new Map<AckPolicy, PendingReplies>();
  readonly #confirm: Confirm | undefined;

  constructor(confirm: Confirm | undefined) {
    this.#confirm = confirm;
    this.quorum = new PendingReplies(confirm);
  }

  /** All that wait. */
  get size(): number {
    let size = this.quorum.size;
    for (const queue of this.#others.values()) size += queue.size;
    return size;
  }

  of(policy: AckPolicy): PendingReplies {
    if (policy === 'quorum') return this.quorum;
    const known = this.#others.get(policy);
    if (known !== undefined) return known;
    const queue = new PendingReplies(this.#confirm);
    this.#others.set(policy, queue);
    return queue;
  }

  /** Answers what is acknowledged as its policy wants it. `acknowledged`: up to where; undefined = not in this configuration. */
  releaseOthers(acknowledged: (policy: AckPolicy) => Position | undefined): void {
    for (const [policy, queue] of this.#others) {
      if (queue.size === 0) continue;
      const position = acknowledged(policy);
      // It could be met when the request was let in. Now nobody knows for how long not: the events are there, and a retry says so.
      if (position === undefined) queue.abandon(POLICY_UNMET);
      else queue.release(position);
    }
  }

  abandon(rejection: Rejection): void {
    this.quorum.abandon(rejection);
    for (const queue of this.#others.values()) queue.abandon(rejection);
  }
}

const POLICY_UNMET: Rejection = {
  code: 'outcome-unknown',
  message:
    'the events are in the log, but the cluster has changed, and can no longer meet the ack policy that they were appended with; append them again with the same ids and another policy',
  details: {},
};
