/** The table of retries in docs/protocol.md against a plain list of events: any requests made of earlier events, in the ring and out of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openPlatform } from '../../src/native/platform.js';
import { idOf, type TestEvent, type TestPart } from './requests.js';
import { RETRY_EVENTS, SequencerRig } from './sequencer-rig.js';

const { takeAppends, kernel } = openPlatform();
const STREAMS = ['a', 'b', 'c'] as const;

interface ModelEvent extends TestEvent {
  readonly id: string;
}

/** What must be answered, from the table: revisions, or a code. */
class Model {
  readonly streams = new Map<string, ModelEvent[]>(STREAMS.map((stream) => [stream, []]));

  answer(parts: readonly TestPart[]): string {
    const events = parts.flatMap(({ events }) => events as readonly ModelEvent[]);
    const known = events.filter(({ id }) => this.#all.some((one) => one.id === id));
    if (known.length === 0) {
      if (new Set(events.map(({ id }) => id)).size < events.length) return 'event-id-conflict';
      const revisions = parts.map(({ stream, events }) => {
        const all = this.streams.get(stream)!;
        return all.push(...(events as readonly ModelEvent[])) - 1;
      });
      return `appended ${revisions}`;
    }
    const revisions = parts.map(({ stream, events }) => {
      const all = this.streams.get(stream)!;
      const first = all.findIndex(({ id }) => id === events[0]!.id);
      const there = first < 0 ? [] : all.slice(first, first + events.length);
      return JSON.stringify(there) === JSON.stringify(events) ? first + events.length - 1 : -1;
    });
    return revisions.includes(-1) ? 'event-id-conflict' : `duplicate ${revisions}`;
  }

  get #all(): ModelEvent[] {
    return [...this.streams.values()].flat();
  }
}

const content = fc.record({
  type: fc.constantFrom('t', 'u', 'Größe'),
  isJson: fc.boolean(),
  metadata: fc.constantFrom('', 'm', 'mm'),
  data: fc.constantFrom('', 'd', 'e', 'dd', 'm'.repeat(3_000)),
});
const newEvents = fc.record({
  kind: fc.constant('new' as const),
  contents: fc.array(content, { minLength: 1, maxLength: 5 }),
});
/** Some events of this stream in a row, perhaps with a change. */
const known = fc.record({
  kind: fc.constant('known' as const),
  from: fc.nat(40),
  count: fc.integer({ min: 1, max: 6 }),
  change: fc.oneof(
    { weight: 14, arbitrary: fc.constant({ kind: 'none' as const }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('content' as const), at: fc.nat(5), content }) },
    ...(['swap', 'gap', 'stream', 'fresh', 'repeat'] as const).map((kind) => ({
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant(kind) }),
    })),
  ),
});
type Recipe = typeof known extends fc.Arbitrary<infer A> ? A : never;

const request = fc
  .shuffledSubarray([...STREAMS], { minLength: 1 })
  .chain((streams) =>
    fc.tuple(
      ...streams.map((stream) =>
        fc.tuple(
          fc.constant(stream),
          fc.oneof({ weight: 3, arbitrary: known }, { weight: 2, arbitrary: newEvents }),
        ),
      ),
    ),
  );
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('request' as const), parts: request }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('answers' as const) }) },
);

/** Makes requests, of events that the model has and of new ones. */
class Requests {
  #lastId = 0;

  constructor(readonly model: Model) {}

  fresh(content: Omit<ModelEvent, 'id'>): ModelEvent {
    return { id: idOf(++this.#lastId), ...content };
  }

  again(stream: string, { from, count, change }: Recipe): ModelEvent[] {
    const all = this.model.streams.get(this.#sourceOf(stream, change.kind))!;
    const start = all.length === 0 ? 0 : from % all.length;
    const events = all.slice(start, start + count);
    if (events.length === 0) return [this.fresh({ data: 'first' })];
    if (change.kind === 'content') {
      const at = change.at % events.length;
      events[at] = { id: events[at]!.id, ...change.content };
    }
    if (change.kind === 'swap') events.reverse();
    if (change.kind === 'gap') events.splice(1, 1);
    if (change.kind === 'fresh') events[events.length - 1] = this.fresh({ data: 'fresh' });
    if (change.kind === 'repeat') events.push(events[0]!);
    return events;
  }

  #sourceOf(stream: string, change: string): string {
    return change === 'stream' ? STREAMS[(STREAMS.indexOf(stream as 'a') + 1) % STREAMS.length]! : stream;
  }
}

test('any request made of earlier events, changed ones and new ones is answered as the table says', async () => {
  const seen = new Map<string, number>();
  let reads = 0;
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 45 }),
    fc.boolean(),
    async (steps, isNative) => {
      const bench = isNative ? new SequencerRig(takeAppends, undefined, kernel) : new SequencerRig(undefined);
      bench.prepared = Number.MAX_SAFE_INTEGER;
      const model = new Model();
      const requests = new Requests(model);
      const expected: string[] = [];
      for (const one of steps) {
        if (one.kind === 'commit') bench.commit();
        else if (one.kind === 'leave') bench.leaveRing();
        else if (one.kind === 'answers') {
          bench.commit();
          await bench.answered();
        } else {
          const parts = one.parts.map(([stream, recipe]) => ({
            stream,
            events:
              recipe.kind === 'known'
                ? requests.again(stream, recipe)
                : recipe.contents.map((each) => requests.fresh(each)),
          }));
          expected.push(model.answer(parts));
          const token = expected.length;
          if (parts.length > 1) bench.transact(parts, token);
          else bench.append(parts[0]!.stream, parts[0]!.events, -2, token);
        }
      }
      bench.commit();
      await bench.answered();
      expect(bench.sequencer.streams).toBeLessThanOrEqual(STREAMS.length + 1);
      expect(bench.verifiedTypes().length).toBeLessThan(RETRY_EVENTS);
      const told = new Map<number, string>();
      for (const answer of bench.answers) {
        if (answer.token > 10_000) continue;
        const result =
          'code' in answer
            ? answer.code
            : `${answer.kind} ${'revisions' in answer ? answer.revisions : answer.revision}`;
        expect(told.has(answer.token)).toBe(false);
        told.set(answer.token, result);
      }
      expect([...told.keys()]).toEqual(expected.map((_, index) => index + 1));
      expect([...told.values()]).toEqual(expected);
      for (const each of expected) {
        const kind = each.split(' ')[0]!;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
      reads += bench.stored.reads.length;
    },
  );
  await fc.assert(property, { numRuns: 60 });
  // All of the table came about, and the log was read.
  for (const kind of ['appended', 'duplicate', 'event-id-conflict'])
    expect(seen.get(kind)).toBeGreaterThan(100);
  expect(reads).toBeGreaterThan(20);
});
