import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Direction } from '../../src/indexer/commands.js';
import { RUNS_MAX, RunCollector } from '../../src/indexer/run-collector.js';
import { StreamIndex } from '../../src/indexer/stream-index.js';

interface Place {
  position: number;
  bytes: number;
}
interface Run extends Place {
  events: number;
}

describe('StreamIndex', () => {
  test('knows nothing of a stream without events', () => {
    const index = new StreamIndex();
    for (const stream of [-1, 0, 5000])
      expect([index.headOf(stream), index.lastPositionOf(stream)]).toEqual([-1, -1]);
  });

  test('finds every event of any history again, in both directions, as the naive model does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 200 }), fc.nat(20)), { maxLength: 40 }),
        fc.array(
          fc.tuple(
            fc.nat(5),
            fc.double({ min: 0, max: 1, noNaN: true }),
            fc.boolean(),
            fc.nat(700),
            fc.nat(20_000),
          ),
        ),
        (history, questions) => {
          const { index, model } = written(history);
          for (const [stream, where, isForwards, eventsMax, bytesMax] of questions) {
            const events = model[stream]!;
            if (events.length === 0) continue;
            const from = Math.min(events.length - 1, Math.floor(where * events.length));
            const direction = isForwards ? 'forwards' : 'backwards';
            const answer = collected(index, stream, from, direction, eventsMax, bytesMax);
            expect(answer).toEqual(naive(events, from, direction, eventsMax, bytesMax));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('finds each of 100,000 events of one stream', () => {
    const index = new StreamIndex();
    for (let i = 0; i < 100_000; i++) index.append(0, i, 1000 * i, 64);
    const collector = new RunCollector();
    for (let i = 0; i < 100_000; i += 1) {
      collector.begin('forwards', 1, 1);
      index.collect(0, i, 'forwards', collector);
      if (collector.positions[0] !== 1000 * i) expect.fail(`revision ${i} is at ${collector.positions[0]}`);
    }
  });

  test('keeps exact positions of events that are petabytes apart', () => {
    const index = new StreamIndex();
    const positions = [0, 8, 2 ** 35, 2 ** 35 + 8, 2 ** 50, 2 ** 52 - 8];
    for (const [revision, position] of positions.entries()) index.append(3, revision, position, 8);
    expect(index.lastPositionOf(3)).toBe(2 ** 52 - 8);
    const { runs } = collected(index, 3, 0, 'forwards', 100, 1e9);
    expect(runs).toEqual([
      { position: 0, bytes: 16, events: 2 },
      { position: 2 ** 35, bytes: 16, events: 2 },
      { position: 2 ** 50, bytes: 8, events: 1 },
      { position: 2 ** 52 - 8, bytes: 8, events: 1 },
    ]);
  });

  test('costs a stream of five events under 250 bytes, and a long one under 9 bytes an event', () => {
    const many = new StreamIndex();
    for (let i = 0; i < 5; i++)
      for (let stream = 0; stream < 20_000; stream++) many.append(stream, i, 8 * (i * 20_000 + stream), 8);
    expect(many.memoryBytes / 20_000).toBeLessThan(250);
    const long = new StreamIndex();
    for (let i = 0; i < 500_000; i++) long.append(0, i, 8 * i, 8);
    expect(long.memoryBytes / 500_000).toBeLessThan(9);
  });

  test('has what comes behind a gap in the revisions, as if nothing had been before it', () => {
    const index = new StreamIndex();
    for (const first of [0, 700, 2_000])
      for (let i = 0; i < 600; i++) index.append(3, first + i, (first + i) * 8, 8);
    index.append(4, 9, 0, 8);
    expect([index.firstOf(3), index.countOf(3), index.headOf(3)]).toEqual([2_000, 600, 2_599]);
    expect([index.firstOf(4), index.lastPositionOf(3)]).toEqual([9, 2_599 * 8]);
    const collector = new RunCollector();
    collector.begin('backwards', 1e6, 1e6);
    expect(index.collect(3, 2_500, 'backwards', collector)).toBe(1_999);
    expect([collector.positions[0], collector.events[0]]).toEqual([16_000, 501]);
  });

  test('refuses a revision that it has, or that is older', () => {
    const index = new StreamIndex();
    index.append(0, 0, 0, 8);
    index.append(0, 1, 8, 8);
    for (const revision of [0, 1]) expect(() => index.append(0, revision, 16, 8)).toThrow(/grow/);
  });
});

describe('RunCollector', () => {
  test('takes one event whatever its size, and no more than fit', () => {
    const collector = new RunCollector();
    collector.begin('forwards', 10, 100);
    expect([collector.add(0, 1000), collector.add(1000, 8)]).toEqual([true, false]);
    collector.begin('forwards', 10, 100);
    expect([collector.add(0, 48), collector.add(48, 48), collector.add(96, 8)]).toEqual([true, true, false]);
  });

  test('is full when it has as many runs as fit into an answer, but goes on with the last one', () => {
    const collector = new RunCollector();
    collector.begin('forwards', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (let i = 0; i < RUNS_MAX; i++) expect(collector.add(100 * i, 48)).toBe(true);
    expect(collector.add(100 * (RUNS_MAX - 1) + 48, 48)).toBe(true);
    expect(collector.add(100 * RUNS_MAX, 48)).toBe(false);
    expect(collector.runCount).toBe(RUNS_MAX);
  });
});

/** Appends the history's batches (stream, events, gap before it) to an index and to plain arrays. */
function written(history: readonly (readonly [number, number, number])[]) {
  const index = new StreamIndex();
  const model: Place[][] = Array.from({ length: 6 }, () => []);
  let position = 0;
  for (const [stream, count, gap] of history) {
    position += 56 * gap;
    for (let i = 0; i < count; i++) {
      const bytes = 88 + 8 * ((count + i) % 9);
      index.append(stream, model[stream]!.length, position, bytes);
      model[stream]!.push({ position, bytes });
      position += bytes;
    }
  }
  for (const [stream, events] of model.entries()) {
    expect(index.headOf(stream)).toBe(events.length - 1);
    expect(index.lastPositionOf(stream)).toBe(events.at(-1)?.position ?? -1);
  }
  return { index, model };
}

function collected(
  index: StreamIndex,
  stream: number,
  from: number,
  direction: Direction,
  ...limits: [number, number]
) {
  const collector = new RunCollector();
  collector.begin(direction, ...limits);
  const next = index.collect(stream, from, direction, collector);
  const runs: Run[] = [];
  for (let i = 0; i < collector.runCount; i++) {
    runs.push({
      position: collector.positions[i]!,
      bytes: collector.bytes[i]!,
      events: collector.events[i]!,
    });
  }
  return { next, runs };
}

function naive(
  events: Place[],
  from: number,
  direction: Direction,
  ...[eventsMax, bytesMax]: [number, number]
) {
  const step = direction === 'forwards' ? 1 : -1;
  const runs: Run[] = [];
  let [next, total] = [from, 0];
  for (let taken = 0; taken < eventsMax && next >= 0 && next < events.length; taken++, next += step) {
    const { position, bytes } = events[next]!;
    if (total + bytes > bytesMax && taken > 0) break;
    total += bytes;
    const last = runs.at(-1);
    if (last !== undefined && step > 0 && last.position + last.bytes === position) {
      last.bytes += bytes;
      last.events++;
    } else if (last !== undefined && step < 0 && position + bytes === last.position) {
      last.position = position;
      last.bytes += bytes;
      last.events++;
    } else {
      runs.push({ position, bytes, events: 1 });
    }
  }
  return { next, runs };
}
