import type { World } from './legal-history.js';
import {
  type Answered,
  appends,
  appendTransaction,
  bend,
  eventsOf,
  inAnyOrder,
  type PlantedAnomaly,
  replaceEvent,
} from './planting.js';

export const APPEND_ANOMALIES: readonly PlantedAnomaly[] = [
  {
    name: 'an acknowledged append that is not in the log',
    kind: 'lost-append',
    plant: (world, random) => {
      const append = inAnyOrder(appends(world, 'ok'), random)[0];
      for (const event of append === undefined ? [] : eventsOf(world, append)) {
        world.events.splice(world.events.indexOf(event), 1);
      }
      return append !== undefined;
    },
  },
  {
    name: 'an append that is in the log twice, as retries that are not recognised are',
    kind: 'doubled-event',
    isPure: true,
    plant: (world, random) => {
      const append = inAnyOrder(appends(world, 'ok'), random)[0]!;
      appendTransaction(world, append.stream, append.eventIds);
      return true;
    },
  },
  {
    name: 'another revision told than written',
    kind: 'wrong-revision',
    isPure: true,
    plant: bend('ok', ({ outcome }) => ({ ...outcome, firstRevision: outcome.firstRevision + 1 })),
  },
  {
    name: 'a retry that is told another position than written',
    kind: 'wrong-position',
    isPure: true,
    plant: bend('ok', ({ outcome }) => ({ ...outcome, position: outcome.position + 8 })),
  },
  {
    name: 'another end told than written',
    kind: 'wrong-position',
    isPure: true,
    plant: bend('ok', ({ outcome }) => ({ ...outcome, end: outcome.end - 8 })),
  },
  {
    name: 'appends that stand in the log against their order in time',
    kind: 'real-time-order',
    plant: (world, random) =>
      inAnyOrder(appends(world, 'ok'), random).some((early) => {
        const late = appends(world, 'ok').find(
          (other) =>
            other.invoked.sequence > early.completed!.sequence &&
            other.stream !== early.stream &&
            other.eventIds.length === early.eventIds.length,
        );
        if (late === undefined) return false;
        swapInLog(world, early, late);
        return true;
      }),
  },
  {
    name: 'an append without an answer that was there before it was asked for',
    kind: 'real-time-order',
    isPure: true,
    plant: (world, random) =>
      inAnyOrder(appends(world, 'unknown'), random).some((append) => {
        const found = eventsOf(world, append)[0];
        if (found === undefined) return false;
        const sequence = world.marks.at(-1)!.sequence + 1;
        Object.assign(append, { invoked: { sequence, timeMs: 0 }, completed: undefined });
        return true;
      }),
  },
  {
    name: 'a rejected append that is there',
    kind: 'rejected-but-present',
    plant: bend('ok', ({ outcome }) => ({ kind: 'rejected', current: outcome.firstRevision - 1 })),
  },
  {
    name: 'a refused append that is there',
    kind: 'refused-but-present',
    isPure: true,
    plant: bend('ok', () => ({ kind: 'refused' })),
  },
  {
    name: 'an acknowledgement before the commit',
    kind: 'acked-uncommitted',
    plant: (world, random) =>
      inAnyOrder(appends(world, 'ok'), random).some((append) => {
        const at = world.marks.findIndex(({ end }) => end >= append.outcome.end);
        const later = world.marks[at]!.sequence;
        if (append.invoked.sequence >= later) return false;
        append.completed = { sequence: append.invoked.sequence + 0.5, timeMs: 0 };
        return true;
      }),
  },
  {
    name: 'an append whose ids are said to be half there',
    kind: 'id-conflict',
    isPure: true,
    plant: bend('refused', () => ({ kind: 'conflict' })),
  },
  {
    name: 'a gap in the revisions of a stream',
    kind: 'revision-gap',
    plant: (world, random) => {
      const event = random.pick(world.events);
      replaceEvent(world, event, { revision: event.revision + 1 });
      return true;
    },
  },
  {
    name: 'an append at another revision than the expected one',
    kind: 'expected-revision-violated',
    isPure: true,
    plant: (world, random) => {
      const append = random.pick(appends(world, 'ok'));
      const isFirst = append.outcome.firstRevision === 0;
      Object.assign(append, {
        expected: isFirst ? 'exists' : random.pick(['none', append.outcome.firstRevision]),
      });
      return true;
    },
  },
  {
    name: 'an event that nobody appended',
    kind: 'unknown-event',
    isPure: true,
    plant: (world, random) => {
      appendTransaction(world, 'a', [random.uuid()]);
      return true;
    },
  },
  {
    name: 'half an append',
    kind: 'partial-append',
    isPure: true,
    plant: (world, random) => {
      const append = random.pick(appends(world, 'ok'));
      Object.assign(append, { eventIds: [...append.eventIds, random.uuid()] });
      return true;
    },
  },
  {
    name: 'events of an append in another order',
    kind: 'split-append',
    isPure: true,
    plant: (world, random) => {
      const append = inAnyOrder(appends(world, 'ok'), random).find(({ eventIds }) => eventIds.length > 1);
      if (append === undefined) return false;
      Object.assign(append, { eventIds: append.eventIds.toReversed() });
      return true;
    },
  },
  {
    name: 'two appends that have exchanged an event',
    kind: 'split-append',
    plant: (world, random) => {
      const [one, ...others] = inAnyOrder(appends(world, 'ok'), random).filter(
        ({ eventIds }) => eventIds.length > 1,
      );
      const other = others.find(({ stream }) => stream === one?.stream);
      if (one === undefined || other === undefined) return false;
      const [, a] = eventsOf(world, one);
      const [, b] = eventsOf(world, other);
      replaceEvent(world, a!, { eventId: b!.eventId });
      replaceEvent(world, b!, { eventId: a!.eventId });
      return true;
    },
  },
  {
    name: 'two appends in one transaction',
    kind: 'split-append',
    plant: (world, random) => {
      const event = inAnyOrder(world.events.slice(1), random).find(({ isFirst }) => isFirst);
      if (event === undefined) return false;
      replaceEvent(world, world.events[world.events.indexOf(event) - 1]!, { isLast: false });
      replaceEvent(world, event, { isFirst: false });
      return true;
    },
  },
  {
    name: 'an append in another stream',
    kind: 'wrong-stream',
    plant: (world, random) => {
      const append = random.pick(appends(world, 'ok'));
      Object.assign(append, { stream: 'elsewhere' });
      return true;
    },
  },
];

/** Exchanges the places of two appends of equally many events, and tells their clients so. */
function swapInLog(world: World, one: Answered<'ok'>, other: Answered<'ok'>): void {
  const [first, second] = [eventsOf(world, one), eventsOf(world, other)];
  for (const [i, a] of first.entries()) {
    const b = second[i]!;
    const { position, end } = a;
    const [atA, atB] = [world.events.indexOf(a), world.events.indexOf(b)];
    world.events[atA] = { ...b, position, end };
    world.events[atB] = { ...a, position: b.position, end: b.end };
  }
  const { position, end } = one.outcome;
  one.outcome = { ...one.outcome, position: other.outcome.position, end: other.outcome.end };
  other.outcome = { ...other.outcome, position, end };
}
