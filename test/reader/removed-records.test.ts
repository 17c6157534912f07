/** Reads of a log from which a scavenge has removed records: in files, in the ring, and while the index still says where they were. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Direction } from '../../src/indexer/commands.js';
import { RECORD_TYPE } from '../../src/log/record.js';
import { NameFilter } from '../../src/pattern/name-filter.js';
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
import { LiveLog, pagesOf } from './live-log.js';

/** Stretches of the log that were scavenged by different points: not as large as a chunk, as one may be fetched while it is scavenged. */
const STRETCH_BYTES = 24_000;

const open: LiveLog[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) await live.close();
});

/** What of a log is to be removed, as numbers that are used in turn. */
interface Removal {
  /** By stretch and stream: events before this revision go, but for the last one. */
  readonly keepFrom: readonly number[];
  /** One Commit record in so many. */
  readonly commits: number;
}

const removal: fc.Arbitrary<Removal> = fc.record({
  keepFrom: fc.array(fc.oneof(fc.nat(12), fc.nat(200)), { minLength: 1, maxLength: 20 }),
  commits: fc.integer({ min: 1, max: 3 }),
});

function chosen(sample: SampleLog, { keepFrom, commits }: Removal): SampleRecord[] {
  return sample.records.filter(({ type, position, stream, revision }, i) => {
    if (type === RECORD_TYPE.commit) return i % commits === 0;
    if (type === RECORD_TYPE.draft) return i % 2 === 0;
    if (type !== RECORD_TYPE.prepare || revision === sample.heads.get(stream)) return false;
    const stretch = Math.floor(position / STRETCH_BYTES);
    return revision < keepFrom[(stretch * STREAMS.length + STREAMS.indexOf(stream)) % keepFrom.length]!;
  });
}

/** What an index knows of a stream that it has seen only like this: all behind the last gap. */
function known(sample: SampleLog, stream: string): SampleRecord[] {
  return behindLastGap(sample.eventsOf(stream));
}

function behindLastGap(events: SampleRecord[]): SampleRecord[] {
  const isGap = ({ revision }: SampleRecord, i: number) => i > 0 && revision > events[i - 1]!.revision + 1;
  return events.slice(Math.max(0, events.findLastIndex(isGap)));
}

interface Removed {
  readonly live: LiveLog;
  /** Streams' events that reads of streams give. */
  readonly known: ReadonlyMap<string, SampleRecord[]>;
}

/** Removed before anybody read it: `before` is in files only; `after` went through the ring. */
function fetched(before: readonly Step[], after: readonly Step[], how: Removal): Removed {
  const whole = new SampleLog(CHUNK_BYTES);
  whole.epoch();
  append(whole, before);
  const { end } = whole;
  whole.commit();
  append(whole, after);
  const sample = new SampleLog(CHUNK_BYTES);
  whole.remove(chosen(whole, how));
  sample.copy(whole, end);
  const live = new LiveLog(sample, RING_BYTES);
  open.push(live);
  sample.copy(whole, whole.end);
  live.advance();
  return { live, known: new Map(STREAMS.map((stream) => [stream, known(sample, stream)])) };
}

/** Removed while it was read. */
function scavenged(before: readonly Step[], after: readonly Step[], how: Removal): Removed {
  const sample = new SampleLog(CHUNK_BYTES);
  sample.epoch();
  append(sample, before);
  const live = new LiveLog(sample, RING_BYTES);
  open.push(live);
  append(sample, after);
  live.advance();
  const floor = Math.floor(live.producer.floor / CHUNK_BYTES) * CHUNK_BYTES;
  live.remove(chosen(sample, how).filter(({ position }) => position < floor));
  return { live, known: new Map(STREAMS.map((stream) => [stream, sample.eventsOf(stream)])) };
}

describe.each([
  ['that a follower has fetched', fetched],
  ['that is scavenged, with an index from before', scavenged],
])('a log %s', (_, make) => {
  test('gives what is left of it and of each stream, in both directions, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...[history(), history(), removal, fc.integer({ min: 1, max: 100_000 })],
        async (before, after, how, pageBytes) => {
          const { live, known } = make(before, after, how);
          for (const direction of DIRECTIONS) {
            const from = startOf(direction);
            const all = live.reader.readAll({ direction, from, eventsMax: Infinity });
            expectEvents(
              await pagesOf(all, pageBytes),
              live,
              inOrder(live.sample.events, direction),
              pageBytes,
            );
            for (const stream of STREAMS) {
              const answers = await pagesOf(streamRead(live, stream, direction), pageBytes);
              const expected = known.get(stream)!;
              if (expected.length === 0)
                expect(answers).toEqual([{ kind: 'stream-not-found', lastRevision: -1 }]);
              else expectEvents(answers, live, inOrder(expected, direction), pageBytes);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('is read from any record on, removed or not, and gives as many events as asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...[
          history(),
          history(),
          removal,
          fc.nat(),
          fc.integer({ min: 1, max: 50 }),
          fc.integer({ min: 1, max: 9000 }),
        ],
        async (before, after, how, pick, eventsMax, pageBytes) => {
          const { live, known } = make(before, after, how);
          const { sample, reader } = live;
          const { position, bytes, stream, revision } = sample.records[pick % sample.records.length]!;
          const isKnown = (event: SampleRecord) => known.get(event.stream)!.includes(event);
          for (const direction of DIRECTIONS) {
            const from = direction === 'forwards' ? position : position + bytes;
            const behind = inOrder(
              sample.events.filter((event) => event.position >= from === (direction === 'forwards')),
              direction,
            );
            // What comes before the first that the index knows is not given: nothing shows yet that the position is right.
            const isFirst = from === 0 || from === sample.end;
            const proof = isFirst ? from : firstKnown(sample, direction, from, isKnown);
            const isProven = (at: number) => (direction === 'forwards' ? at >= proof : at <= proof);
            const expected = behind.filter((event) => isProven(event.position)).slice(0, eventsMax);
            const all = reader.readAll({ direction, from, eventsMax });
            expectEvents(await pagesOf(all, pageBytes), live, expected, pageBytes);
            if (stream === '') continue;
            const ofStream = inOrder(known.get(stream)!, direction).filter((event) =>
              direction === 'forwards' ? event.revision >= revision : event.revision <= revision,
            );
            const read = reader.readStream({ stream: encode(stream), direction, from: revision, eventsMax });
            expectEvents(await pagesOf(read, pageBytes), live, ofStream.slice(0, eventsMax), pageBytes);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('is filtered, and gone on with from the `next` of any page', async () => {
    await fc.assert(
      fc.asyncProperty(
        history(),
        history(),
        removal,
        fc.integer({ min: 1, max: 9 }),
        async (before, after, how, eventsMax) => {
          const { live, known } = make(before, after, { ...how, keepFrom: [how.keepFrom[0]!] });
          const filter = new NameFilter([{ field: 'stream', kind: 'prefix', patterns: ['a', 'order'] }]);
          const wanted = live.sample.events.filter(({ stream }) => /^(a|order)/.test(stream));
          expect(wanted.every((event) => known.get(event.stream)!.includes(event))).toBe(true);
          for (const direction of DIRECTIONS) {
            const seen: number[] = [];
            for (let from = startOf(direction); ; ) {
              const page = pageOf(
                await live.reader.readAll({ direction, from, eventsMax, filter }).nextPage(3000),
              );
              seen.push(...positionsIn(page, live));
              if (page.next === Infinity || page.next >= live.committed) break;
              from = page.next;
            }
            expect(seen).toEqual(inOrder(wanted, direction).map(({ position }) => position));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('is followed from its start', async () => {
    await fc.assert(
      fc.asyncProperty(history(), history(), removal, async (before, after, how) => {
        const { live, known } = make(before, after, how);
        const all = live.reader.readAll({
          direction: 'forwards',
          from: 0,
          eventsMax: Infinity,
          isLive: true,
        });
        expect(await caughtUp(live, all)).toEqual(live.sample.events.map(({ position }) => position));
        all.close?.();
        for (const stream of STREAMS) {
          const read = live.reader.followStream({ stream: encode(stream), from: 0, eventsMax: Infinity });
          expect(await caughtUp(live, read)).toEqual(known.get(stream)!.map(({ position }) => position));
          read.close?.();
        }
      }),
      { numRuns: 30 },
    );
  });
});

/** Where the first record stands, from `from` on, that the index knows; backwards it may also begin there. */
function firstKnown(
  sample: SampleLog,
  direction: Direction,
  from: number,
  isKnown: (event: SampleRecord) => boolean,
): number {
  const drafts = behindLastGap(sample.records.filter(({ type }) => type === RECORD_TYPE.draft));
  const records = inOrder(sample.records, direction).filter(({ position }) =>
    direction === 'forwards' ? position >= from : position <= from,
  );
  const first = records.find((record) =>
    record.type === RECORD_TYPE.prepare ? isKnown(record) : drafts.includes(record),
  );
  return first?.position ?? (direction === 'forwards' ? Infinity : -1);
}

async function caughtUp(live: LiveLog, read: ReturnType<LiveLog['reader']['readAll']>): Promise<number[]> {
  const positions: number[] = [];
  const isEvent = (at: number) => live.sample.events.some(({ position }) => position === at);
  for (;;) {
    const page = pageOf(await read.nextPage(5000));
    positions.push(...positionsIn(page, live).filter(isEvent));
    if (page.isCaughtUp === true) return positions;
  }
}

describe('what was removed', () => {
  function longLog(dataBytes: number, events: number, keepEvery: number): LiveLog {
    const sample = new SampleLog(CHUNK_BYTES);
    for (let i = 0; i < events; i++) sample.transaction([{ stream: `s${i % 7}`, dataBytes }]);
    const live = new LiveLog(sample, RING_BYTES);
    open.push(live);
    for (let i = 0; i < 300; i++) sample.transaction([{ stream: 'new', dataBytes: 1000 }]);
    live.advance();
    const old = sample.events.filter(
      ({ position }) => position < Math.floor(live.producer.floor / CHUNK_BYTES) * CHUNK_BYTES,
    );
    live.remove(old.filter((_, i) => i % keepEvery !== 0));
    return live;
  }

  const readOne = (live: LiveLog, direction: Direction, from: number, pageBytes: number) =>
    live.reader.readAll({ direction, from, eventsMax: 1 }).nextPage(pageBytes);

  test('takes few reads of files to pass over, though little is asked for', async () => {
    const live = longLog(16, 6000, 10_000);
    const { floor } = live.producer;
    expect(floor).toBeGreaterThan(8 * CHUNK_BYTES);
    const first = live.sample.events[1]!.position;
    for (const [direction, from, next] of [
      ['forwards', live.sample.records[1]!.position, first],
      ['backwards', first, 0],
    ] as const) {
      live.fileReads = 0;
      const page = pageOf(await readOne(live, direction, from, 100));
      expect(positionsIn(page, live)).toEqual([next]);
      // Of each chunk some, and more for each at the start.
      expect(live.fileReads).toBeLessThan(60);
    }
  });

  test('leaves pages that are full, if every second record is there', async () => {
    const live = longLog(16, 2000, 2);
    const read = live.reader.readAll({ direction: 'forwards', from: 0, eventsMax: Infinity });
    const pages = await pagesOf(read, 8192);
    expectEvents(pages, live, live.sample.events, 8192);
    const bytes = live.sample.events.reduce((sum, event) => sum + event.bytes, 0);
    expect(pages.length).toBeLessThan((2.5 * bytes) / 8192);
  });

  test('is not read if it is long: not even damage to it is met', async () => {
    const live = longLog(30_000, 20, 2);
    for (const { type, position, bytes } of live.sample.records)
      if (type === RECORD_TYPE.removed && bytes > 20_000) live.damage(position + 20_000, Uint8Array.of(1));
    for (const direction of DIRECTIONS) {
      const all = live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity });
      expectEvents(await pagesOf(all, 4000), live, inOrder(live.sample.events, direction), 4000);
    }
    expect(live.damages).toEqual([]);
  });

  test('leads nobody astray who looks for it in an event, whoever made its checksums right', async () => {
    const sample = new SampleLog(CHUNK_BYTES);
    for (const stream of ['a', 'b', 'a', 'b', 'a']) sample.transaction([{ stream, dataBytes: 50 }]);
    sample.remove(sample.records.slice(0, 2));
    const live = new LiveLog(sample, RING_BYTES);
    open.push(live);
    for (const [from, to] of [
      [0, 1],
      [0, 2],
      [1, 3],
      [0, 5],
    ] as const) {
      sample.transaction([{ stream: 'trap', dataBytes: 4000 }]);
      const at = sample.events.at(-1)!.position + 160;
      const end = sample.forge(sample.records.slice(from, to), at);
      live.advance();
      await expectRefused(live, at, end);
      for (let i = 0; i < 100; i++) sample.transaction([{ stream: 'c', dataBytes: 2000 }]);
      live.advance();
      await expectRefused(live, at, end);
    }
  });

  test('is passed over by who follows a stream on a node that fetches a log that was scavenged', async () => {
    const sample = new SampleLog(CHUNK_BYTES);
    sample.transaction([{ stream: 'a' }, { stream: 'b' }, { stream: 'a' }]);
    const live = new LiveLog(sample, RING_BYTES);
    open.push(live);
    const follow = (stream: string) =>
      live.reader.followStream({ stream: encode(stream), from: 0, eventsMax: Infinity });
    const reads = STREAMS.map((stream) => [stream, follow(stream)] as const);
    for (let round = 0; round < 6; round++) {
      const before = sample.events.length;
      for (let i = 0; i < 8; i++)
        sample.transaction([{ stream: 'a' }, { stream: STREAMS[i % 2]!, dataBytes: 300 }]);
      if (round % 2 === 1) sample.remove(sample.events.slice(before, before + 3 * round));
      live.advance();
      live.reader.advanced();
      for (const [stream, read] of reads.slice(0, 2)) {
        const left = sample
          .eventsOf(stream)
          .filter((event) => sample.events.indexOf(event) >= (round === 0 ? 0 : before));
        const seen: number[] = [];
        while (seen.length < left.length) {
          await read.whenReady?.();
          seen.push(...positionsIn(await read.nextPage(900), live));
        }
        expect([round, stream, seen]).toEqual([round, stream, left.map(({ position }) => position)]);
      }
    }
    for (const [, read] of reads) read.close?.();
  });

  test('counts in no answer about a stream, and is too old for any', async () => {
    const live = longLog(100, 700, 10_000);
    const { sample, reader } = live;
    sample.transaction([{ stream: '$$s3', type: '$metadata', data: '{"$maxAge":1000000}' }]);
    for (let i = 0; i < 5; i++) sample.transaction([{ stream: 's3' }]);
    live.advance();
    const left = sample.eventsOf('s3');
    expect(left).toHaveLength(5);
    expect(left.at(-1)!.revision).toBe(104);
    expect(await reader.streamInfo(encode('s3'))).toMatchObject({
      revision: 104,
      firstRevision: 100,
      state: 'live',
    });
    for (const direction of DIRECTIONS)
      expectEvents(
        await pagesOf(streamRead(live, 's3', direction), 300),
        live,
        inOrder(left, direction),
        300,
      );
  });
});
