/** What metadata, deletes and tombstones hide: from reads of streams and of the whole log, in both directions, and from those that follow. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { NameFilter } from '../../src/pattern/name-filter.js';
import type { LogRead, ReadAnswer } from '../../src/reader/read-page.js';
import { SampleLog, type SampleRecord, timestampOf } from '../indexer/sample-log.js';
import { HEADROOM_BYTES, LiveLog, pagesOf } from './live-log.js';

const STREAMS = ['a', 'b', 'c', 'order-1'];
const PAGE_BYTES = 3000;
const DIRECTIONS = ['forwards', 'backwards'] as const;

const open: LiveLog[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) await live.close();
});

interface Said {
  readonly $maxCount?: number;
  readonly $maxAge?: number;
  readonly $tb?: number;
}

/** A log, and what was said last about each of its streams. */
class Kept {
  readonly live: LiveLog;
  readonly said = new Map<string, Said | 'tombstone'>();

  constructor(ringBytes = 64 * 1024) {
    const sample = new SampleLog(16_384);
    sample.epoch();
    this.live = new LiveLog(sample, ringBytes);
    this.live.nowUs = timestampOf(0);
    open.push(this.live);
  }

  append(streams: readonly string[]): void {
    this.live.sample.transaction(streams.map((stream) => ({ stream, dataBytes: 50 })));
    this.live.advance();
    this.live.reader.advanced();
  }

  say(stream: string, said: Said | 'tombstone'): void {
    this.said.set(stream, said);
    const type = said === 'tombstone' ? '$tombstone' : '$metadata';
    const data = said === 'tombstone' ? '' : JSON.stringify(said);
    this.live.sample.transaction([{ stream: `$$${stream}`, type, data }]);
    this.live.advance();
    this.live.reader.advanced();
  }

  isHidden({ stream, revision, position }: SampleRecord): boolean {
    const said = this.said.get(stream);
    if (said === undefined || said === 'tombstone') return said === 'tombstone';
    const { $tb = 0, $maxCount = Infinity, $maxAge = Infinity } = said;
    const head = this.live.sample.heads.get(stream)!;
    const isOld = timestampOf(position) < this.live.nowUs - $maxAge * 1_000_000;
    return revision < $tb || revision <= head - $maxCount || isOld;
  }

  get visible(): SampleRecord[] {
    return this.live.sample.events.filter((event) => !this.isHidden(event));
  }

  readAll(
    direction: 'forwards' | 'backwards',
    rest: { eventsMax?: number; filter?: NameFilter } = {},
  ): LogRead {
    const from = direction === 'forwards' ? 0 : Infinity;
    return this.live.reader.readAll({ direction, from, eventsMax: Infinity, ...rest });
  }
}

function encode(stream: string): Uint8Array {
  return new TextEncoder().encode(stream);
}

/** Positions of the events of some pages. */
function positionsIn(answers: readonly ReadAnswer[]): number[] {
  return answers.flatMap((answer) => {
    if (answer.kind !== 'page') expect.fail(answer.kind);
    const { bytes, eventCount } = answer;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const positions: number[] = [];
    for (let at = HEADROOM_BYTES; at < bytes.length; at += (view.getUint32(at + 4, true) + 7) & ~7)
      if (view.getUint8(at + 40) === 1) positions.push(Number(view.getBigUint64(at + 8, true)));
    expect(positions).toHaveLength(eventCount);
    return positions;
  });
}

const said = fc.oneof(
  { weight: 1, arbitrary: fc.constant('tombstone' as const) },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        $tb: fc.integer({ min: 0, max: 12 }),
        $maxCount: fc.integer({ min: 1, max: 9 }),
        $maxAge: fc.constant(10),
      },
      { requiredKeys: [] },
    ),
  },
);
const step = fc.oneof(
  fc.array(fc.constantFrom(...STREAMS), { minLength: 1, maxLength: 9 }),
  fc.record({ stream: fc.constantFrom(...STREAMS), said }),
);

describe('what is hidden', () => {
  test('is in no read of a stream or of the whole log, whatever its direction, pages, count and filter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 0, max: 12_000 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, ageUs, eventsMax) => {
          const kept = new Kept();
          for (const step of steps) {
            if (Array.isArray(step)) kept.append(step);
            else if (kept.said.get(step.stream) !== 'tombstone') kept.say(step.stream, step.said);
          }
          // Some of the log is older than ten seconds.
          kept.live.nowUs = timestampOf(ageUs) + 10_000_000;
          for (const direction of DIRECTIONS) {
            const visible = direction === 'forwards' ? kept.visible : kept.visible.reverse();
            await expectAll(kept, direction, visible, eventsMax);
            for (const stream of STREAMS) await expectStream(kept, stream, direction, visible, eventsMax);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('is told by the information about the stream', async () => {
    const kept = new Kept();
    const info = (stream: string) => kept.live.reader.streamInfo(encode(stream));
    expect(await info('a')).toMatchObject({ revision: -1, state: 'live' });
    kept.append(['a', 'a', 'a', 'a']);
    expect(await info('a')).toMatchObject({ revision: 3, firstRevision: 0, state: 'live' });
    kept.say('a', { $maxCount: 3 });
    expect(await info('a')).toMatchObject({ revision: 3, firstRevision: 1, state: 'live' });
    kept.say('a', { $tb: 4 });
    expect(await info('a')).toMatchObject({ revision: 3, firstRevision: 4, state: 'deleted' });
    kept.append(['a']);
    expect(await info('a')).toMatchObject({ revision: 4, firstRevision: 4, state: 'live' });
    kept.say('a', 'tombstone');
    kept.say('new', 'tombstone');
    expect(await info('a')).toMatchObject({ revision: 4, firstRevision: 5, state: 'tombstoned' });
    expect(await info('new')).toMatchObject({ revision: -1, firstRevision: 0, state: 'tombstoned' });
    expect(await kept.live.reader.streamHead(encode('$$new'))).toEqual({ revision: 0, isClosed: true });
    expect(await kept.live.reader.streamHead(encode('b'))).toEqual({ revision: -1, isClosed: false });
  });

  test('is not waited for by reads of the whole log, unless there is metadata that the index does not know yet', async () => {
    const kept = new Kept(1024 * 1024);
    const { live } = kept;
    kept.append(['a']);
    live.indexed = live.committed;
    for (let i = 0; i < 500; i++) kept.append(STREAMS);
    const places = () => kept.visible.map(({ position }) => position);
    for (const direction of ['forwards', 'forwards', 'backwards'] as const) {
      const positions = positionsIn(await pagesOf(kept.readAll(direction), 100_000));
      expect(positions).toEqual(direction === 'forwards' ? places() : places().reverse());
    }
    expect([live.waits, live.indexed < live.committed]).toEqual([0, true]);
    kept.say('a', { $maxCount: 1 });
    kept.append(STREAMS);
    expect(positionsIn(await pagesOf(kept.readAll('forwards'), 100_000))).toEqual(places());
    expect(live.waits).toBe(1);
  });

  test('damages nothing but its own stream if its record can not be read', async () => {
    const kept = new Kept();
    kept.append(['a', 'b']);
    kept.say('a', { $maxCount: 1 });
    const { position } = kept.live.sample.events.at(-1)!;
    while (kept.live.producer.floor <= position) kept.append(STREAMS);
    kept.live.damage(position + 60, Uint8Array.of(1, 2, 3));
    const read = (stream: string) =>
      pagesOf(
        kept.live.reader.readStream({ stream: encode(stream), direction: 'forwards', from: 0, eventsMax: 2 }),
        1000,
      );
    await expect(read('a')).rejects.toMatchObject({ code: 'log-corrupt' });
    expect(kept.live.damages).toHaveLength(1);
    expect(positionsIn(await read('b'))).toHaveLength(2);
  });
});

async function expectAll(
  kept: Kept,
  direction: 'forwards' | 'backwards',
  visible: readonly SampleRecord[],
  eventsMax: number,
): Promise<void> {
  const places = visible.map(({ position }) => position);
  expect(positionsIn(await pagesOf(kept.readAll(direction), PAGE_BYTES))).toEqual(places);
  const some = positionsIn(await pagesOf(kept.readAll(direction, { eventsMax }), PAGE_BYTES));
  expect(some).toEqual(places.slice(0, eventsMax));
  const filter = new NameFilter([{ field: 'stream', kind: 'prefix', patterns: ['a', 'order'] }]);
  const fitting = visible.filter(({ stream }) => /^(a|order)/.test(stream)).map(({ position }) => position);
  const filtered = await pagesOf(kept.readAll(direction, { filter, eventsMax }), PAGE_BYTES);
  expect(positionsIn(filtered)).toEqual(fitting.slice(0, eventsMax));
}

async function expectStream(
  kept: Kept,
  stream: string,
  direction: 'forwards' | 'backwards',
  visible: readonly SampleRecord[],
  eventsMax: number,
): Promise<void> {
  const lastRevision = kept.live.sample.heads.get(stream) ?? -1;
  const expected = visible.filter((event) => event.stream === stream);
  for (const from of [direction === 'forwards' ? 0 : Infinity, 3]) {
    const read = kept.live.reader.readStream({ stream: encode(stream), direction, from, eventsMax });
    const answers = await pagesOf(read, 300);
    if (kept.said.get(stream) === 'tombstone') expect(answers).toEqual([{ kind: 'stream-deleted' }]);
    else if (expected.length === 0) expect(answers).toEqual([{ kind: 'stream-not-found', lastRevision }]);
    else {
      const isWanted = ({ revision }: SampleRecord) =>
        direction === 'forwards' ? revision >= from : revision <= from;
      const places = expected.filter(isWanted).map(({ position }) => position);
      expect(positionsIn(answers)).toEqual(places.slice(0, eventsMax));
    }
  }
}

describe('who follows', () => {
  /** Everything that there is for a live read. */
  async function taken(read: LogRead): Promise<number[]> {
    const positions: number[] = [];
    for (;;) {
      const ready = read.whenReady?.();
      const isReady = ready === undefined || (await Promise.race([ready.then(() => true), soon()]));
      if (!isReady) return positions;
      const page = await read.nextPage(PAGE_BYTES);
      if (page.kind === 'page') positions.push(...positionsIn([page]));
      else return [...positions, -1];
    }
  }

  async function soon(): Promise<false> {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return false;
  }

  const live = { direction: 'forwards', from: 0, eventsMax: Infinity, isLive: true } as const;

  test('the whole log is not given what was hidden before, and goes on with what is new', async () => {
    const kept = new Kept();
    kept.append(['a', 'a', 'b']);
    kept.say('a', { $tb: 2 });
    const read = kept.live.reader.readAll(live);
    expect(await taken(read)).toEqual(kept.visible.map(({ position }) => position));
    kept.append(['a', 'b']);
    const news = kept.live.sample.events.slice(-2).map(({ position }) => position);
    expect(await taken(read)).toEqual(news);
  });

  test('the whole log is not given events of a stream that are hidden by the time they are looked at', async () => {
    const kept = new Kept();
    kept.append(['b']);
    const read = kept.live.reader.readAll(live);
    await taken(read);
    kept.append(['a', 'a']);
    kept.say('a', { $tb: 1 });
    kept.append(['a']);
    const wanted = kept.visible.map(({ position }) => position).slice(1);
    expect(await taken(read)).toEqual(wanted);
  });

  test('a deleted stream gets what is new, and one with a tombstone an end', async () => {
    const kept = new Kept();
    kept.append(['a', 'a']);
    kept.say('a', { $tb: 2 });
    const follow = () => kept.live.reader.followStream({ stream: encode('a'), from: 0, eventsMax: Infinity });
    const read = follow();
    expect(await taken(read)).toEqual([]);
    kept.append(['a']);
    expect(await taken(read)).toEqual([kept.live.sample.events.at(-1)!.position]);
    read.close?.();
    kept.say('a', 'tombstone');
    expect(await taken(follow())).toEqual([-1]);
  });
});
