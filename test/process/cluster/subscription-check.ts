/**
 * Decides whether what a subscriber was told can be true, given the log that all nodes ended with. Pure. Of the final log the subscriber wanted some
 * events, in this order; it has to be shown them one after the other, from where it began to the end, over all its openings:
 *
 *   wanted  ──▶  a   b   c   d   e   f
 *                opened ────▲       ▲ then only this one may come
 *                after b    └ shown ┘
 *
 * - what was shown is in the log, as it was shown (what was truncated later, or never committed, is not);
 * - nothing is left out, shown twice, out of order, or not wanted; at the end nothing is missing;
 * - "caught up", or a checkpoint, at a place: all before it was shown, nothing behind it, and nothing before it was asked for later. Caught up, it has no
 *   part of a transaction without the rest, as far as it wants it. It is said again only after falling behind;
 * - a client that promises to mend itself does.
 */
import type { Anomaly, AnomalyKind, Findings } from '../../../src/sim/checks/anomaly.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import type { ClusterHistory, ShownEvent } from './cluster-history.js';
import type { LogIndex } from './log-index.js';
import {
  type ClusterSubscription,
  describeSubscription,
  type SubscriptionPlace,
} from './subscription-history.js';

/** Holds all subscriptions of a history against the log. */
export function checkSubscriptions(history: ClusterHistory, log: LogIndex, findings: Findings): void {
  const askedFor = new Map<string, number>();
  for (const { eventIds, invoked } of history.appends) for (const id of eventIds) askedFor.set(id, invoked);
  const transactions = transactionsOf(log.events);
  for (const subscription of history.subscriptions) {
    const parts = { subscription, log, findings, askedFor, transactions };
    new SubscriptionCheck(parts).run();
  }
}

interface SubscriptionCheckParts {
  readonly subscription: ClusterSubscription;
  readonly log: LogIndex;
  readonly findings: Findings;
  /** Event id → the moment at which somebody first asked for it to be appended. */
  readonly askedFor: ReadonlyMap<string, number>;
  /** Position of an event → number of its transaction. */
  readonly transactions: ReadonlyMap<number, number>;
}

class SubscriptionCheck {
  readonly #parts: SubscriptionCheckParts;
  readonly #subscription: ClusterSubscription;
  readonly #wanted: readonly LoggedEvent[];
  /** Position → place in what is wanted. */
  readonly #places = new Map<number, number>();
  readonly #shown = new Set<number>();
  /** Place of the event that has to come next; undefined as long as it began at an end that it has not heard of. */
  #next: number | undefined;
  #isCaughtUp = false;

  constructor(parts: SubscriptionCheckParts) {
    const { subscription, log } = parts;
    this.#parts = parts;
    this.#subscription = subscription;
    this.#wanted = log.events.filter((event) => subscription.wants(event));
    for (const [place, { position }] of this.#wanted.entries()) this.#places.set(position, place);
  }

  run(): void {
    for (const step of this.#subscription.steps) {
      switch (step.kind) {
        case 'opened':
          this.#open(step.after);
          break;
        case 'shown':
          this.#show(step.event);
          break;
        case 'caught-up':
          this.#checkCaughtUp(step.checkpoint, step.moment);
          break;
        case 'checkpoint':
          this.#checkCheckpoint(step.checkpoint, step.moment);
          break;
        case 'behind':
          this.#isCaughtUp = false;
          break;
        case 'closed':
          this.#checkEnd(step.error);
      }
    }
    this.#checkNothingMissing();
  }

  #open(after: SubscriptionPlace): void {
    this.#isCaughtUp = false;
    const place = after === 'end' ? undefined : this.#placeAfter(after);
    if (this.#next !== undefined && place !== this.#next)
      this.#report('delivery-gap', `it was opened after ${after}, which is not where it was`);
    this.#next = place;
  }

  #show(event: ShownEvent): void {
    const place = this.#placeOf(event);
    if (place === undefined) return;
    const due = this.#next ?? place;
    const what = `it was shown ${describeEvent(event)}`;
    if (place < due) {
      const isAgain = this.#shown.has(event.position);
      this.#report(isAgain ? 'delivered-twice' : 'delivery-disorder', `${what}, and had it behind it`);
      return;
    }
    if (place > due) this.#report('delivery-gap', `${what} instead of ${describeEvent(this.#wanted[due]!)}`);
    this.#shown.add(event.position);
    this.#next = place + 1;
  }

  /** Where an event that was shown stands in what is wanted; undefined if it should not have been shown. */
  #placeOf(event: ShownEvent): number | undefined {
    const { position, stream, revision, eventId } = event;
    const logged = this.#parts.log.at(position);
    const place = this.#places.get(position);
    const isAsLogged =
      logged?.stream === stream && logged.revision === revision && logged.eventId === eventId;
    if (isAsLogged && place !== undefined) return place;
    const there = logged === undefined ? 'no event' : describeEvent(logged);
    if (isAsLogged) this.#report('delivery-unwanted', `it was shown ${there}`);
    else this.#report('delivered-uncommitted', `it was shown ${describeEvent(event)}, where ${there} is`);
    return undefined;
  }

  #checkCheckpoint(checkpoint: number, moment: number): void {
    this.#next ??= this.#placeAfter(checkpoint);
    const [last, next] = [this.#wanted[this.#next - 1], this.#wanted[this.#next]];
    const what = `it was told to have all up to ${checkpoint}`;
    if (next !== undefined && this.#keyOf(next) <= checkpoint)
      this.#report('delivery-gap', `${what}, but was not shown ${describeEvent(next)}`);
    if (last !== undefined && this.#keyOf(last) > checkpoint)
      this.#report('false-caught-up', `${what}, and had been shown ${describeEvent(last)}`);
    const early = this.#wanted
      .slice(0, this.#placeAfter(checkpoint))
      .find(({ eventId }) => (this.#parts.askedFor.get(eventId) ?? 0) > moment);
    if (early !== undefined)
      this.#report('false-caught-up', `${what}; ${describeEvent(early)} was asked for later`);
  }

  #checkCaughtUp(checkpoint: number, moment: number): void {
    this.#checkCheckpoint(checkpoint, moment);
    const place = this.#next!;
    const { transactions } = this.#parts;
    const [last, next] = [this.#wanted[place - 1], this.#wanted[place]].map(
      (event) => event && transactions.get(event.position),
    );
    if (last !== undefined && last === next)
      this.#report('split-delivery', `it had caught up at ${checkpoint}, in the middle of a transaction`);
    if (this.#isCaughtUp) this.#report('false-caught-up', `it was told so twice, at ${checkpoint} again`);
    this.#isCaughtUp = true;
  }

  #checkEnd(error: string | undefined): void {
    this.#isCaughtUp = false;
    if (error !== undefined && this.#subscription.wish.mendsItself)
      this.#report('subscription-lost', `it mends itself, and ended with ${error}`);
  }

  #checkNothingMissing(): void {
    if (this.#next === undefined) this.#report('delivery-missing', 'it never heard of anything');
    const missing = this.#wanted.slice(this.#next);
    if (missing.length > 0) {
      const first = describeEvent(missing[0]!);
      this.#report('delivery-missing', `it was not shown the last ${missing.length}, from ${first} on`);
    }
  }

  /** Place of the first that is wanted behind this revision, or position. */
  #placeAfter(after: number): number {
    let [low, high] = [0, this.#wanted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keyOf(this.#wanted[middle]!) <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #keyOf({ revision, position }: LoggedEvent): number {
    return this.#subscription.wish.stream === undefined ? position : revision;
  }

  #report(kind: AnomalyKind, problem: string): void {
    const message: Anomaly['message'] = `${describeSubscription(this.#subscription)}: ${problem}`;
    this.#parts.findings.add(kind, message, [this.#subscription.number]);
  }
}

function transactionsOf(events: readonly LoggedEvent[]): ReadonlyMap<number, number> {
  const transactions = new Map<number, number>();
  let number = 0;
  for (const { position, isFirst } of events) {
    if (isFirst) number++;
    transactions.set(position, number);
  }
  return transactions;
}

function describeEvent({ stream, revision, position, eventId }: ShownEvent): string {
  return `${stream} @${revision} (${eventId}, at ${position})`;
}
