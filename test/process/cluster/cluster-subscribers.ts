/** The subscribers of a run: who follows what, and in which way; and how they are brought to an end. */
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { SeededRandom } from '../random.js';
import { until, within } from '../within.js';
import type { ClusterHistory } from './cluster-history.js';
import { ClusterSubscriber, type SubscriberPlan } from './cluster-subscriber.js';
import type { Target } from './node-connection.js';

/** Streams that `ClusterWorker` writes to, and the whole log. */
const PLANS: readonly SubscriberPlan[] = [
  { way: { kind: 'mending', preference: 'leader' }, wish: { stream: 'shared-0' }, begin: -1 },
  { way: { kind: 'mending', preference: 'follower' }, wish: { stream: 'shared-1' }, begin: 'end' },
  { way: { kind: 'mending', preference: 'random' }, wish: { stream: 'race-12' }, begin: -1 },
  { way: { kind: 'moving' }, wish: { stream: 'shared-2' }, begin: -1 },
  { way: { kind: 'pinned', node: 0 }, wish: { stream: 'own-0' }, begin: -1 },
  { way: { kind: 'mending', preference: 'random' }, wish: {}, begin: -1 },
  { way: { kind: 'moving' }, wish: {}, begin: 'end' },
  { way: { kind: 'pinned', node: 1 }, wish: {}, begin: -1, isSlow: true },
  { way: { kind: 'moving' }, wish: { filter: { streamPrefix: 'shared-' } }, begin: -1 },
  {
    way: { kind: 'mending', preference: 'nearest' },
    wish: { filter: { typePrefix: ['type-1', 'type-5'] } },
    begin: 'end',
  },
  { way: { kind: 'pinned', node: 2 }, wish: { filter: { streamPrefix: 'own-' } }, begin: -1, isSlow: true },
];

export interface ClusterSubscribersOptions {
  readonly seed: number;
  readonly history: ClusterHistory;
  readonly targets: () => readonly Target[];
  readonly urls: readonly string[];
}

/** Longer than a client waits for a node that is gone. */
const STOP_DEADLINE_MS = 30_000;

export class ClusterSubscribers {
  readonly #subscribers: readonly ClusterSubscriber[];
  #running: Promise<unknown> = Promise.resolve();

  constructor({ seed, history, targets, urls }: ClusterSubscribersOptions) {
    this.#subscribers = PLANS.map((plan, index) => {
      const random = new SeededRandom(seed * 1000 + 500 + index);
      return new ClusterSubscriber({ plan, name: `follower-${index}`, random, history, targets, urls });
    });
  }

  start(): void {
    this.#running = Promise.all(this.#subscribers.map((subscriber) => subscriber.run()));
    // Whoever stops them is told.
    this.#running.catch(() => undefined);
  }

  /** Resolves when all have been shown the end of what they want of this log; rejects if they are not in time. */
  async untilCaughtUp(events: readonly LoggedEvent[], deadlineMs: number): Promise<void> {
    for (const subscriber of this.#subscribers) subscriber.settle();
    await until(deadlineMs, 'all subscribers have caught up', () =>
      this.#subscribers.every(({ subscription }) => {
        const last = events.findLast((event) => subscription.wants(event));
        const { after } = subscription;
        if (after === 'end') return false;
        if (last === undefined) return true;
        return after >= (subscription.wish.stream === undefined ? last.position : last.revision);
      }),
    );
  }

  /** Rejects if one of them met what it can't explain. */
  async stop(): Promise<void> {
    for (const subscriber of this.#subscribers) subscriber.stop();
    await within(STOP_DEADLINE_MS, 'all subscribers end', this.#running);
  }
}
