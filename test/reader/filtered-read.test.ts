import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { NameFilter } from '../../src/pattern/name-filter.js';
import type { ReadPage } from '../../src/reader/read-page.js';
import { SampleLog } from '../indexer/sample-log.js';
import { HEADROOM_BYTES, LiveLog } from './live-log.js';

const STREAMS = ['a', 'b', 'order-1', 'order-2', 'é'];

const open: LiveLog[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) await live.close();
});

function liveLog(): LiveLog {
  const sample = new SampleLog(65_536);
  sample.epoch();
  const live = new LiveLog(sample, 1024 * 1024);
  open.push(live);
  return live;
}

function commit(live: LiveLog, streams: readonly string[], dataBytes = 16): void {
  live.sample.transaction(streams.map((stream) => ({ stream, dataBytes })));
  live.advance();
}

describe('a filtered read', () => {
  test('gives what fits, in both directions, up to its count, and can be gone on with', async () => {
    const streams = fc.array(fc.constantFrom(...STREAMS), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(streams, { minLength: 1, maxLength: 10 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        async (groups, isBackwards, count) => {
          const live = liveLog();
          for (const group of groups) commit(live, group, 100);
          const filter = new NameFilter([
            { field: 'stream', kind: 'regex', patterns: ['^(order-[0-9]|é)$'] },
          ]);
          const direction = isBackwards ? 'backwards' : 'forwards';
          const found: number[] = [];
          let from = isBackwards ? Number.POSITIVE_INFINITY : 0;
          for (let isOver = false; !isOver; ) {
            const read = live.reader.readAll({ direction, from, eventsMax: count, filter });
            let left = count;
            for (let isLast = false; !isLast; ) {
              const page = await read.nextPage(1000);
              if (page.kind !== 'page') expect.fail(page.kind);
              left -= page.eventCount;
              found.push(...positionsIn(page));
              from = page.next;
              isLast = page.isLast;
            }
            expect(left).toBeGreaterThanOrEqual(0);
            // Backwards, at the start, nothing further can be asked for.
            isOver = left > 0 || from === Number.POSITIVE_INFINITY;
          }
          const expected = live.sample.events
            .filter(({ stream }) => stream !== 'a' && stream !== 'b')
            .map(({ position }) => position);
          expect(found).toEqual(isBackwards ? expected.toReversed() : expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('does not work on a page for long, whatever the pattern', async () => {
    const live = liveLog();
    const name = 'a'.repeat(1000);
    for (let i = 0; i < 100; i++) commit(live, [name]);
    const filter = new NameFilter([{ field: 'stream', kind: 'regex', patterns: ['(a|b)*a(a|b){14}$'] }]);
    const read = live.reader.readAll({
      ...({ direction: 'forwards', from: 0, eventsMax: Number.POSITIVE_INFINITY } as const),
      filter,
    });
    let pages = 0;
    let events = 0;
    for (let isLast = false; !isLast; pages++) {
      const before = filter.work;
      const page = await read.nextPage(1_000_000);
      if (page.kind !== 'page') expect.fail(page.kind);
      // The budget, and one name beyond it.
      expect(filter.work - before).toBeLessThan(200_000 + 200_000);
      events += page.eventCount;
      isLast = page.isLast;
    }
    expect(events).toBe(100);
    expect(pages).toBeGreaterThanOrEqual(1);
  });
});

function positionsIn({ bytes }: ReadPage): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const positions: number[] = [];
  for (let at = HEADROOM_BYTES; at < bytes.length; at += Math.ceil(view.getUint32(at + 4, true) / 8) * 8)
    positions.push(Number(view.getBigUint64(at + 8, true)));
  return positions;
}
