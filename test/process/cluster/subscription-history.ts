/**
 * What a subscriber was told, step by step, each with its moment: what `subscription-check.ts` judges. One history goes over all openings of a
 * subscription: closed and opened again after the last event, here or at another node, it is the same one still. Pure.
 */
import type { ClusterHistory, ShownEvent } from './cluster-history.js';
import { eventOf } from './event-content.js';

/** A filter of the whole log, as the client library takes it. */
export interface SubscriptionFilter {
  readonly streamPrefix?: string;
  /** Prefixes, any of which will do. */
  readonly typePrefix?: readonly string[];
}

/** What a subscriber asks for. */
export interface SubscriptionWish {
  readonly client: string;
  /** Undefined = the whole log. */
  readonly stream?: string;
  readonly filter?: SubscriptionFilter;
  /** Whether its client promises to go on by itself, whatever happens to nodes. */
  readonly mendsItself: boolean;
}

/** After which event: a revision, in the whole log a position, −1 = from the start. `end`: what comes from now on. */
export type SubscriptionPlace = number | 'end';

export type SubscriptionStep = { readonly moment: number } & (
  | { readonly kind: 'opened'; readonly after: SubscriptionPlace; readonly node: string }
  | { readonly kind: 'shown'; readonly event: ShownEvent }
  | { readonly kind: 'caught-up' | 'checkpoint'; readonly checkpoint: number }
  | { readonly kind: 'behind' }
  /** `error`: its code; undefined if the subscriber left. */
  | { readonly kind: 'closed'; readonly error: string | undefined }
);

export class ClusterSubscription {
  readonly number: number;
  readonly wish: SubscriptionWish;
  readonly steps: SubscriptionStep[] = [];
  readonly #history: ClusterHistory;
  #after: SubscriptionPlace;

  /** `begin`: where it is opened first. */
  constructor(history: ClusterHistory, wish: SubscriptionWish, begin: SubscriptionPlace) {
    this.#history = history;
    this.number = history.subscriptions.length;
    this.wish = wish;
    this.#after = begin;
    history.subscriptions.push(this);
  }

  /** Where to open it next: after all that it has seen. */
  get after(): SubscriptionPlace {
    return this.#after;
  }

  opened(node: string): void {
    this.steps.push({ kind: 'opened', after: this.#after, node, moment: this.#history.moment() });
  }

  shown(event: ShownEvent): void {
    this.#history.see(event, `a subscription of ${this.wish.client}`);
    this.#after = this.wish.stream === undefined ? event.position : event.revision;
    this.steps.push({ kind: 'shown', event, moment: this.#history.moment() });
  }

  told(kind: 'caught-up' | 'checkpoint', checkpoint: number): void {
    this.#after = checkpoint;
    this.steps.push({ kind, checkpoint, moment: this.#history.moment() });
  }

  fellBehind(): void {
    this.steps.push({ kind: 'behind', moment: this.#history.moment() });
  }

  closed(error: string | undefined): void {
    this.steps.push({ kind: 'closed', error, moment: this.#history.moment() });
  }

  /** Whether it is to be shown an event. */
  wants({ stream, eventId }: Pick<ShownEvent, 'stream' | 'eventId'>): boolean {
    if (this.wish.stream !== undefined) return stream === this.wish.stream;
    const { streamPrefix = '', typePrefix } = this.wish.filter ?? {};
    if (!stream.startsWith(streamPrefix)) return false;
    return typePrefix === undefined || typePrefix.some((prefix) => eventOf(eventId).type.startsWith(prefix));
  }
}

/** One line about a subscription, for people. */
export function describeSubscription({ number, wish, steps }: ClusterSubscription): string {
  const { client, stream, filter } = wish;
  const what = stream ?? (filter === undefined ? '$all' : `$all with ${JSON.stringify(filter)}`);
  const shown = steps.filter(({ kind }) => kind === 'shown').length;
  const openings = steps.filter(({ kind }) => kind === 'opened').length;
  return `subscription ${number} of ${client}: ${what}, opened ${openings} times, showed ${shown}`;
}
