import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { RECORD_TYPE } from '../../src/log/record.js';
import { SampleLog, type SampleRecord } from '../indexer/sample-log.js';
import {
  append,
  CHUNK_BYTES,
  DIRECTIONS,
  encode,
  expectEvents,
  expectRefused,
  history,
  inOrder,
  pageOf,
  positionsIn,
  RING_BYTES,
  STREAMS,
  type Step,
  startOf,
  streamRead,
} from './any-log.js';
import { HEADROOM_BYTES, LiveLog, pagesOf } from './live-log.js';

const PAGE_BYTES = 1_048_544;

const open: LiveLog[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) await live.close();
});

describe('LogReader, any history', () => {
  test('gives all events of the log and of each stream, in both directions, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        history(),
        history(),
        fc.integer({ min: 1, max: 100_000 }),
        async (before, after, pageBytes) => {
          const live = liveLog(before, after);
          for (const direction of DIRECTIONS) {
            const all = live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity });
            const events = live.sample.events;
            expectEvents(await pagesOf(all, pageBytes), live, inOrder(events, direction), pageBytes);
            for (const stream of STREAMS) {
              const answers = await pagesOf(streamRead(live, stream, direction), pageBytes);
              const expected = live.sample.eventsOf(stream);
              if (expected.length === 0)
                expect(answers).toEqual([{ kind: 'stream-not-found', lastRevision: -1 }]);
              else expectEvents(answers, live, inOrder(expected, direction), pageBytes);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('starts at any record, and gives no more events than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        history(),
        history(),
        fc.nat(),
        fc.integer({ min: 1, max: 200 }),
        async (before, after, pick, eventsMax) => {
          const live = liveLog(before, after);
          const { sample, reader } = live;
          const record = sample.records[pick % sample.records.length]!;
          for (const direction of DIRECTIONS) {
            const from = direction === 'forwards' ? record.position : record.position + record.bytes;
            const isBehind = (event: SampleRecord) =>
              direction === 'forwards' ? event.position >= from : event.position < from;
            const expected = inOrder(sample.events.filter(isBehind), direction).slice(0, eventsMax);
            expectEvents(
              await pagesOf(reader.readAll({ direction, from, eventsMax }), PAGE_BYTES),
              live,
              expected,
              PAGE_BYTES,
            );
          }
          const ofStream = sample.eventsOf(record.stream);
          for (const direction of ofStream.length > 0 ? DIRECTIONS : []) {
            const from = record.revision;
            const isBehind = (event: SampleRecord) =>
              direction === 'forwards' ? event.revision >= from : event.revision <= from;
            const expected = inOrder(ofStream.filter(isBehind), direction).slice(0, eventsMax);
            const read = reader.readStream({ stream: encode(record.stream), direction, from, eventsMax });
            expectEvents(await pagesOf(read, 5000), live, expected, 5000);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('goes on from the `next` of any page as the same read would', async () => {
    const live = busyLog();
    for (const direction of DIRECTIONS) {
      const seen: number[] = [];
      for (let from = startOf(direction); ; ) {
        const page = pageOf(await live.reader.readAll({ direction, from, eventsMax: 7 }).nextPage(3000));
        seen.push(...positionsIn(page, live).filter((position) => isEvent(live, position)));
        if (page.next === Infinity || page.next >= live.committed) break;
        from = page.next;
      }
      expect(seen).toEqual(inOrder(live.sample.events, direction).map((event) => event.position));
    }
  });
});

describe('LogReader, what it refuses', () => {
  test('answers bad-position to every position that is not the edge of a record, in memory and on disk', async () => {
    const live = busyLog();
    const edges = new Set(
      live.sample.records.flatMap((record) => [record.position, record.position + record.bytes]),
    );
    for (let from = 4; from < live.sample.end + 64; from += 1236) {
      if (edges.has(from)) continue;
      const backwards = await live.reader
        .readAll({ direction: 'backwards', from, eventsMax: 1 })
        .nextPage(PAGE_BYTES);
      expect(backwards).toEqual({ kind: 'bad-position', position: from });
      if (from >= live.sample.end) continue;
      const forwards = await live.reader
        .readAll({ direction: 'forwards', from, eventsMax: 1 })
        .nextPage(PAGE_BYTES);
      expect(forwards).toEqual({ kind: 'bad-position', position: from });
    }
  });

  test('gives nothing from the end of the log forwards, nor from its start backwards', async () => {
    const live = busyLog();
    for (const from of [live.committed, live.committed + 8, live.committed + 1e9]) {
      const page = pageOf(
        await live.reader.readAll({ direction: 'forwards', from, eventsMax: 1 }).nextPage(PAGE_BYTES),
      );
      expect(page).toMatchObject({ eventCount: 0, next: from, head: live.committed, isLast: true });
      expect(page.bytes.length).toBe(HEADROOM_BYTES);
    }
    const page = pageOf(
      await live.reader.readAll({ direction: 'backwards', from: 0, eventsMax: 1 }).nextPage(PAGE_BYTES),
    );
    expect(page).toMatchObject({ eventCount: 0, next: Infinity, isLast: true });
  });

  test('gives nothing beyond a stream, and all of it backwards from beyond its end', async () => {
    const live = busyLog();
    const events = live.sample.eventsOf('a');
    const beyond = { stream: encode('a'), from: events.length + 5, eventsMax: Infinity };
    const forwards = await pagesOf(live.reader.readStream({ ...beyond, direction: 'forwards' }), PAGE_BYTES);
    expect(forwards).toMatchObject([
      { eventCount: 0, next: events.length + 5, head: events.length - 1, isLast: true },
    ]);
    const backwards = await pagesOf(
      live.reader.readStream({ ...beyond, direction: 'backwards' }),
      PAGE_BYTES,
    );
    expectEvents(backwards, live, inOrder(events, 'backwards'), PAGE_BYTES);
  });

  test('is not led astray by an event that contains records, whoever made their checksums right', async () => {
    const steps: Step[] = [
      [{ stream: 'a', dataBytes: 50 }],
      'commit',
      [{ stream: 'b', dataBytes: 50 }],
      'commit',
    ];
    const live = liveLog([...steps, ...steps], []);
    const { sample } = live;
    for (const count of [1, 2, 3, 4]) {
      sample.transaction([{ stream: 'trap', dataBytes: 4000 }]);
      const at = sample.events.at(-1)!.position + 160;
      const end = sample.forge(sample.records.slice(5 - count, 6), at);
      live.advance();
      await expectRefused(live, at, end);
      for (let i = 0; i < 100; i++) sample.transaction([{ stream: 'c', dataBytes: 2000 }]);
      live.advance();
      await expectRefused(live, at, end);
    }
  });

  test('does not read beyond what is committed', async () => {
    const live = busyLog();
    const { end } = live.sample;
    live.committed = live.sample.events[150]!.position;
    for (const direction of DIRECTIONS) {
      const answers = await pagesOf(
        live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity }),
        10_000,
      );
      const expected = live.sample.events.slice(0, 150);
      expectEvents(answers, live, inOrder(expected, direction), 10_000);
    }
    live.committed = end;
  });
});

describe('LogReader, while the log grows', () => {
  test('ends each read where the log ended when it began, though the ring overtakes it', async () => {
    const live = busyLog();
    const grow = () => {
      for (let i = 0; i < 20; i++)
        live.sample.transaction([{ stream: 'a', dataBytes: 700 }, { stream: 'b' }]);
      live.sample.commit();
      live.advance();
    };
    for (const direction of DIRECTIONS) {
      const all = live.sample.events;
      const ofStream = live.sample.eventsOf('a');
      const [allAnswers, streamAnswers] = await Promise.all([
        pagesOf(
          live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity }),
          4000,
          grow,
        ),
        pagesOf(streamRead(live, 'a', direction), 3000),
      ]);
      expectEvents(allAnswers, live, inOrder(all, direction), 4000);
      expectEvents(streamAnswers, live, inOrder(ofStream, direction), 3000);
    }
  });
});

/** `before` is in files only; `after` went through the ring. */
function liveLog(before: readonly Step[], after: readonly Step[]): LiveLog {
  const sample = new SampleLog(CHUNK_BYTES);
  sample.epoch();
  append(sample, before);
  const live = new LiveLog(sample, RING_BYTES);
  open.push(live);
  append(sample, after);
  live.advance();
  return live;
}

/** Some 400 KiB of three streams, of which the ring holds the last third. */
function busyLog(): LiveLog {
  const steps = (count: number): Step[] =>
    Array.from({ length: count }, (_, i) =>
      i % 5 === 4
        ? 'commit'
        : [
            { stream: STREAMS[i % 3]!, dataBytes: 10 * (i % 200) },
            { stream: 'a', dataBytes: 1 },
          ],
    );
  return liveLog(steps(120), steps(300));
}

function isEvent(live: LiveLog, position: number): boolean {
  return live.sample.records.find((record) => record.position === position)!.type === RECORD_TYPE.prepare;
}
