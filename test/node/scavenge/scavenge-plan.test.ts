/** What points remove, worked out through the index while the log goes on, against a look at the whole of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPTIONS } from '../../../src/config/options.js';
import type { StreamQuery, StreamRuns } from '../../../src/indexer/commands.js';
import { LogQuestions } from '../../../src/node/scavenge/log-questions.js';
import { keepDraftFrom, type PlanParts, planRemovals } from '../../../src/node/scavenge/scavenge-plan.js';
import { DRAFT_OVER_AFTER_US } from '../../../src/scavenge/draft-steps.js';
import type { RemovalRules } from '../../../src/scavenge/removal-rules.js';
import type { ScavengePoint } from '../../../src/scavenge/scavenge-events.js';
import { type NaiveSealed, naiveSeal, prepareBody } from '../../log/naive-records.js';
import { draftName, ScavengeLog } from '../../scavenge/scavenge-log.js';

const SECOND_US = 1_000_000;

interface Logged {
  readonly stream: string;
  readonly revision: number;
  readonly sealed: NaiveSealed;
  readonly timestampUs: number;
  readonly data: Record<string, unknown>;
  readonly type: string;
  isGone: boolean;
}

/** A log of events, a second from one to the next, and an index that has lost what is gone. */
class PlanLog {
  readonly events: Logged[] = [];

  append(stream: string, type = 'e', data: Record<string, unknown> = {}): void {
    const revision = this.events.filter((event) => event.stream === stream).length;
    const body = prepareBody({ stream, type, data: Buffer.from(JSON.stringify(data)) }, revision, 0);
    const sealed = naiveSeal({ type: 1, flags: 3, epoch: 1, body }, this.events.at(-1)?.sealed);
    const timestampUs = (1_000 + this.events.length) * SECOND_US;
    sealed.bytes.writeBigUInt64LE(BigInt(timestampUs), 16);
    this.events.push({ stream, revision, sealed, timestampUs, data, type, isGone: false });
  }

  /** A point that is the next event, whatever that is. */
  point(index: number): ScavengePoint {
    const { sealed, timestampUs } = this.events[index]!;
    return { position: sealed.position, timestampUs, throttlePercent: 50 };
  }

  of(stream: string): Logged[] {
    return this.events.filter((event) => event.stream === stream);
  }

  /** Notes in `reads` how many bytes are read at once. */
  questions(reads: number[] = []): LogQuestions {
    const bytes = Buffer.concat(this.events.map(({ sealed }) => sealed.bytes));
    return new LogQuestions(
      { lookup: async (query) => this.#lookup(query) },
      {
        readRaw: async (position, target) => {
          reads.push(target.length);
          target.set(bytes.subarray(position, position + target.length));
        },
        wholeRecords: (_position, read) => read.length,
      },
    );
  }

  async listMetadataStreams() {
    const names = new Set(this.events.map(({ stream }) => stream).filter((name) => name.startsWith('$$')));
    return { names: [...names].map((name) => new Uint8Array(Buffer.from(name))), next: undefined };
  }

  #lookup({ stream, direction, from }: StreamQuery): StreamRuns {
    const name = new TextDecoder().decode(stream);
    const all = this.of(name);
    const here = all.filter(({ isGone }) => !isGone);
    const found = direction === 'backwards' ? here.at(-1) : here.find(({ revision }) => revision >= from);
    const said = this.of(`$$${name}`).at(-1)?.sealed;
    return {
      head: here.at(-1)?.revision ?? -1,
      next: found === undefined ? from : found.revision + 1,
      runCount: found === undefined ? 0 : 1,
      positions: Float64Array.of(found?.sealed.position ?? -1),
      bytes: Uint32Array.of(found?.sealed.bytes.length ?? 0),
      events: Uint32Array.of(1),
      metadata: said && { position: said.position, bytes: said.bytes.length },
    };
  }
}

/** Below which revision everything of a stream goes at a point. */
function naiveKeepFrom(log: PlanLog, stream: string, { position, timestampUs }: ScavengePoint): number {
  const before = (name: string) => log.of(name).filter(({ sealed }) => sealed.position < position);
  const said = before(`$$${stream}`).at(-1);
  const events = before(stream);
  if (said === undefined || events.length === 0 || stream.startsWith('$')) return 0;
  if (said.type === '$tombstone') return Number.POSITIVE_INFINITY;
  const { $tb = 0, $maxCount = Infinity, $maxAge = Infinity } = said.data as Record<string, number>;
  const isShown = ({ revision, timestampUs: writtenUs }: Logged) =>
    revision >= $tb &&
    revision >= events.length - $maxCount &&
    writtenUs >= timestampUs - $maxAge * SECOND_US;
  const first = events.findIndex(isShown);
  return first < 0 ? events.length - 1 : Math.min(first, events.length - 1);
}

async function planned(parts: PlanParts, points: readonly ScavengePoint[]): Promise<RemovalRules> {
  const rules = await planRemovals(parts, points, new AbortController().signal);
  if ('tooMuch' in rules) throw new Error(rules.tooMuch);
  return rules;
}

const STREAMS = ['a', 'b', 'c', '$scavenges'];

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ stream: fc.constantFrom(...STREAMS), said: fc.constant(undefined) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      stream: fc.constantFrom(...STREAMS, '$$a'),
      said: fc.oneof(
        fc.record({ $maxCount: fc.integer({ min: 1, max: 8 }) }),
        fc.record({ $maxAge: fc.integer({ min: 1, max: 30 }) }),
        fc.record({ $tb: fc.nat(8) }),
        fc.record({ $maxCount: fc.integer({ min: 1, max: 8 }), $maxAge: fc.integer({ min: 1, max: 30 }) }),
        fc.constant({}),
        fc.constant('tombstone' as const),
      ),
    }),
  },
);

test('is what was hidden at each point, whatever came later, and whatever is gone already', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 60 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (steps, places, isFirstDone) => {
        const log = new PlanLog();
        for (const { stream, said } of steps) {
          if (said === 'tombstone') log.append(`$$${stream}`, '$tombstone');
          else if (said !== undefined) log.append(`$$${stream}`, '$metadata', said);
          else log.append(stream);
        }
        const indexes = [...new Set(places.map((place) => place % log.events.length))].sort((a, b) => a - b);
        const points = indexes.map((index) => log.point(index));
        const [first] = points;
        if (isFirstDone) {
          for (const event of log.events)
            event.isGone =
              event.sealed.position < first!.position &&
              event.revision < naiveKeepFrom(log, event.stream, first!);
        }
        const parts = {
          questions: log.questions(),
          listMetadataStreams: () => log.listMetadataStreams(),
          streamsMax: 3,
        };
        const rules = await planned(parts, points);
        for (const { stream, revision, sealed, isGone } of log.events) {
          if (isGone) continue;
          for (const { position: chunkEnd } of points) {
            if (chunkEnd <= sealed.position) continue;
            const expected = points.some(
              (point) => chunkEnd <= point.position && revision < naiveKeepFrom(log, stream, point),
            );
            const name = Buffer.from(stream);
            expect([
              stream,
              revision,
              chunkEnd,
              rules.removes(name, 0, name.length, { revision, chunkEnd }),
            ]).toEqual([stream, revision, chunkEnd, expected]);
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('is refused, with the number, if something goes of more streams than there is room for', async () => {
  const log = new PlanLog();
  for (const stream of ['a', 'b', 'c']) {
    log.append(stream);
    log.append(stream);
    log.append(`$$${stream}`, '$metadata', { $maxCount: 1 });
  }
  log.append('$scavenges');
  const parts = { questions: log.questions(), listMetadataStreams: () => log.listMetadataStreams() };
  const planWith = (streamsMax: number) =>
    planRemovals({ ...parts, streamsMax }, [log.point(9)], new AbortController().signal);
  expect(await planWith(3)).toMatchObject({ size: 3 });
  expect(await planWith(2)).toEqual({ tooMuch: expect.stringContaining('more than 2 streams') });
});

test('to see how old events are, their headers are read and no more', async () => {
  const log = new PlanLog();
  for (let i = 0; i < 20; i++) log.append('a', 'e', { long: 'x'.repeat(5_000) });
  log.append('$$a', '$metadata', { $maxAge: 7 });
  log.append('$scavenges');
  const reads: number[] = [];
  const parts = {
    questions: log.questions(reads),
    listMetadataStreams: () => log.listMetadataStreams(),
    streamsMax: 3,
  };
  const rules = await planned(parts, [log.point(21)]);
  const [name, chunkEnd] = [Buffer.from('a'), log.point(21).position];
  const removed = log
    .of('a')
    .filter(({ revision }) => rules.removes(name, 0, name.length, { revision, chunkEnd }));
  expect(removed.length).toBe(14);
  expect(Math.max(...reads)).toBeLessThan(200);
});

test('of an open transaction all steps but the last go once it has ended, or had no step for a day', async () => {
  const DAY_US = 86_400 * SECOND_US;
  for (const isEnd of [true, false]) {
    const log = new ScavengeLog();
    for (let i = 0; i < 3; i++) log.draft(5, isEnd && i === 2);
    const bytes = Buffer.concat(log.records.map((record) => record.bytes));
    const questions = new LogQuestions(
      {
        lookup: async ({ direction, from }) => {
          const revision = direction === 'backwards' ? 2 : from;
          const { position, bytes: record } = log.records[revision]!;
          const found = { positions: Float64Array.of(position), bytes: Uint32Array.of(record.length) };
          return { ...found, head: 2, next: revision + 1, runCount: 1, events: Uint32Array.of(1) };
        },
      },
      {
        readRaw: async (position, target) =>
          void target.set(bytes.subarray(position, position + target.length)),
        wholeRecords: (_position, read) => read.length,
      },
    );
    const lastUs = Number(log.records[2]!.bytes.readBigUInt64LE(16));
    const keptAt = (position: number, timestampUs: number) =>
      keepDraftFrom(questions, new Uint8Array(draftName(5)), { position, timestampUs, throttlePercent: 1 });
    expect(await keptAt(log.end, lastUs + 5)).toBe(isEnd ? 2 : 0);
    expect(await keptAt(log.end, lastUs + 2 * DAY_US)).toBe(2);
    // As of a point before its last step.
    expect(await keptAt(log.records[2]!.position, lastUs + 5)).toBe(0);
    expect(await keptAt(log.records[2]!.position, lastUs + 2 * DAY_US)).toBe(1);
  }
});

test('no node lets a transaction be open for longer than what counts as over', () => {
  expect(OPTIONS.TransactionTimeoutMs.max * 1_000).toBeLessThanOrEqual(DRAFT_OVER_AFTER_US);
});
