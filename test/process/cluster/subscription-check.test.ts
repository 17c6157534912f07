/** The judge of subscriptions, judged: true ones pass, and each way to bend what a subscriber was told is noticed. */
import { beforeEach, expect, test } from 'vitest';
import type { AnomalyKind } from '../../../src/sim/checks/anomaly.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { checkCluster } from './cluster-check.js';
import { ClusterHistory, type ShownEvent } from './cluster-history.js';
import { eventIdOf, eventOf } from './event-content.js';
import {
  ClusterSubscription,
  type SubscriptionPlace,
  type SubscriptionWish,
} from './subscription-history.js';

const RECORD_BYTES = 104;
let history: ClusterHistory;
let log: LoggedEvent[];

beforeEach(() => {
  history = new ClusterHistory();
  log = [];
  append('s');
  append('t', 's');
  append('s');
  append('u');
  append('s', 't');
});

/** Writes a transaction of one event to each of these streams, and tells nobody. */
function append(...streams: readonly string[]): void {
  const ids = streams.map((_, i) => eventIdOf(1, history.appends.length, i));
  const parts = streams.map((stream, i) => ({
    ...{ client: 'c', stream, expected: 'any' as const, eventIds: [ids[i]!] },
  }));
  const asked = streams.length === 1 ? [history.ask(parts[0]!)] : history.askParts(parts);
  for (const [i, { stream, eventIds }] of asked.entries()) {
    asked[i]!.unsettled++;
    const position = 8 + log.length * RECORD_BYTES;
    const revision = log.filter((event) => event.stream === stream).length;
    const [isFirst, isLast] = [i === 0, i === asked.length - 1];
    log.push({
      ...{ stream, revision, eventId: eventIds[0]!, position },
      ...{ end: position + RECORD_BYTES, isFirst, isLast },
    });
  }
}

function of(stream: string): LoggedEvent[] {
  return log.filter((event) => event.stream === stream);
}

function subscribe(wish: Partial<SubscriptionWish> = {}, begin: SubscriptionPlace = -1): ClusterSubscription {
  const subscription = new ClusterSubscription(history, { client: 'f', mendsItself: true, ...wish }, begin);
  subscription.opened('n1');
  return subscription;
}

function show(subscription: ClusterSubscription, events: readonly ShownEvent[]): void {
  for (const event of events) subscription.shown(event);
}

/** Just before the next record: what a node says when it has come to the end of this one. */
function checkpointOf({ end }: LoggedEvent): number {
  return end - 1;
}

function again(subscription: ClusterSubscription, error?: string): void {
  subscription.closed(error);
  subscription.opened('n2');
}

function found(): AnomalyKind[] {
  return [...new Set(checkCluster(history, log).map(({ kind }) => kind))];
}

test('true subscriptions pass: of streams and of the log, filtered, from everywhere, in pieces', () => {
  const [all, stream, filtered] = [
    subscribe(),
    subscribe({ stream: 's' }),
    subscribe({ filter: { streamPrefix: 's', typePrefix: [eventOf(of('s')[1]!.eventId).type!] } }),
  ];
  show(all, log.slice(0, 3));
  all.told('caught-up', checkpointOf(log[2]!));
  show(all, log.slice(3, 5));
  again(all);
  all.fellBehind();
  all.told('caught-up', checkpointOf(log[4]!));
  show(all, log.slice(5));
  stream.told('caught-up', -1);
  show(stream, of('s').slice(0, 2));
  again(stream);
  show(stream, of('s').slice(2));
  stream.told('caught-up', 3);
  filtered.told('checkpoint', checkpointOf(log[0]!));
  const wanted = log.filter((event) => filtered.wants(event));
  expect(wanted.length).toBeLessThan(of('s').length);
  show(filtered, wanted);
  filtered.told('caught-up', checkpointOf(log.at(-1)!));
  const end = subscribe({ mendsItself: false }, 'end');
  again(end, 'connection-lost');
  end.told('caught-up', checkpointOf(log[6]!));
  append('s');
  show(end, log.slice(7));
  for (const subscription of [all, stream]) show(subscription, log.slice(-1));
  if (filtered.wants(log.at(-1)!)) show(filtered, log.slice(-1));
  show(subscribe({ stream: 'u' }, 0), []);
  expect(checkCluster(history, log)).toEqual([]);
});

test('an event that is left out is noticed, live, over a new opening, and behind a checkpoint', () => {
  const all = subscribe();
  show(all, [...log.slice(0, 2), ...log.slice(3)]);
  expect(found()).toEqual(['delivery-gap']);
  history.subscriptions.length = 0;
  const opened = subscribe({ stream: 's' });
  show(opened, of('s').slice(0, 1));
  again(opened);
  show(opened, of('s').slice(2));
  expect(found()).toEqual(['delivery-gap']);
  history.subscriptions.length = 0;
  const told = subscribe();
  show(told, log.slice(0, 1));
  told.told('checkpoint', checkpointOf(log[2]!));
  again(told);
  show(told, log.slice(3));
  expect(found()).toEqual(['delivery-gap']);
});

test('an event that is delivered again is noticed, live and over a new opening', () => {
  const all = subscribe();
  show(all, [...log.slice(0, 2), log[1]!, ...log.slice(2)]);
  expect(found()).toContain('delivered-twice');
  history.subscriptions.length = 0;
  const opened = subscribe({ stream: 's' });
  show(opened, of('s').slice(0, 2));
  again(opened);
  show(opened, of('s').slice(1));
  expect(found()).toEqual(['delivered-twice']);
});

test('events in another order are noticed, and such as are before the place where it was opened', () => {
  const all = subscribe();
  show(all, [log[1]!, log[0]!, ...log.slice(2)]);
  expect(found()).toEqual(['delivery-gap', 'delivery-disorder']);
  history.subscriptions.length = 0;
  const after = subscribe({ stream: 's' }, 1);
  show(after, of('s').slice(1));
  expect(found()).toEqual(['delivery-disorder']);
});

test('an event that is not in the log, or not as it was shown, is noticed: it was truncated, or never committed', () => {
  const last = log.at(-1)!;
  show(subscribe(), [...log, { ...last, position: last.end, revision: 9 }]);
  expect(found()).toContain('delivered-uncommitted');
  history = new ClusterHistory();
  log = [];
  append('s');
  show(subscribe(), [{ ...log[0]!, eventId: eventIdOf(1, 77, 0) }]);
  expect(found()).toContain('delivered-uncommitted');
});

test('an event of another stream, or that does not fit the filter, is noticed', () => {
  show(subscribe({ stream: 's' }), [...of('s'), ...of('u')]);
  expect(found()).toEqual(['delivery-unwanted']);
  history.subscriptions.length = 0;
  show(subscribe({ filter: { streamPrefix: 's' } }), log);
  expect(found()).toEqual(['delivery-unwanted']);
});

test('one that does not come to the end of the log is noticed', () => {
  show(subscribe(), log.slice(0, -1));
  expect(found()).toEqual(['delivery-missing']);
  history.subscriptions.length = 0;
  subscribe({}, 'end');
  expect(found()).toEqual(['delivery-missing']);
});

test('half a transaction is noticed when the subscriber is said to have caught up', () => {
  const all = subscribe();
  show(all, log.slice(0, 2));
  all.told('caught-up', checkpointOf(log[1]!));
  show(all, log.slice(2));
  expect(found()).toEqual(['split-delivery']);
});

test('a place that a subscriber is told to be at, and is not, is noticed', () => {
  const beyond = subscribe();
  show(beyond, log.slice(0, 3));
  beyond.told('caught-up', checkpointOf(log[0]!));
  expect(found()).toContain('false-caught-up');
  history.subscriptions.length = 0;
  const twice = subscribe();
  show(twice, log);
  for (let i = 0; i < 2; i++) twice.told('caught-up', checkpointOf(log.at(-1)!));
  expect(found()).toEqual(['false-caught-up']);
  history.subscriptions.length = 0;
  const early = subscribe({}, 'end');
  early.told('caught-up', checkpointOf(log.at(-1)!) + RECORD_BYTES);
  append('s');
  expect(found()).toEqual(['false-caught-up']);
});

test('a client that promises to mend itself, and ends with an error, is noticed', () => {
  const lost = subscribe();
  show(lost, log.slice(0, 1));
  again(lost, 'connection-lost');
  show(lost, log.slice(1));
  expect(found()).toEqual(['subscription-lost']);
});

test('what a subscriber was shown is known to all: a linearizable read that misses it is stale', () => {
  show(subscribe(), log);
  const asked = { client: 'c', node: 'n3', life: 1, consistency: 'linearizable', stream: 's' } as const;
  const question = { ...asked, isBackwards: false, from: undefined, count: Number.POSITIVE_INFINITY };
  history.completeRead(question, { invoked: history.moment(), invokedMs: 0 }, of('s').slice(0, 2));
  expect(found()).toEqual(['stale-read']);
});
