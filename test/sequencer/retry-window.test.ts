import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openPlatform } from '../../src/native/platform.js';
import { RetryWindow } from '../../src/sequencer/retry-window.js';
import { appendFrame, idOf, openAppend } from './requests.js';

interface Remembered {
  id: number;
  stream: number;
  revision: number;
  position: number;
}

/** The same decision, from a list of all events. */
function modelMatch(log: Remembered[], size: number, ids: number[], stream: number): string {
  const window = log.slice(-size);
  const found = ids.map((id) => window.findLast((event) => event.id === id));
  const known = found.filter((event) => event !== undefined);
  if (known.length === 0) return 'new';
  const inOrder = known.every(
    (event, i) => event.stream === stream && event.revision === known[0]!.revision + i,
  );
  return known.length === ids.length && inOrder ? 'duplicate' : 'conflict';
}

// 61 ids in 32 buckets: chains form, and lead out of the window.
test.each([1, 2, 3])('agrees with a list of the last events, with hash seed %i', (low) => {
  const request = fc.record({
    stream: fc.integer({ min: 0, max: 2 }),
    ids: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 80 }), (requests) => {
      const window = new RetryWindow(16, { low, high: 9 });
      const log: Remembered[] = [];
      const heads = [-1, -1, -1];
      for (const { stream, ids } of requests) {
        const append = openAppend(
          appendFrame(
            's',
            ids.map((id) => ({ id: idOf(id) })),
          ),
        );
        window.touch(append);
        const positions: number[] = [];
        const match = window.match(append, stream, positions);
        const known = ids.map((id) => log.slice(-16).findLast((event) => event.id === id));
        expect(positions).toEqual(
          known.filter((event) => event !== undefined).map(({ position }) => position),
        );
        expect(match).toBe(modelMatch(log, 16, ids, stream));
        if (match === 'duplicate') {
          expect(window.revision).toBe(log.findLast((event) => event.id === ids.at(-1))!.revision);
        }
        if (match !== 'new') continue;
        append.rewind();
        for (const id of ids) {
          append.nextEvent();
          const revision = ++heads[stream]!;
          window.add(append, stream, revision, log.length * 8);
          log.push({ id, stream, revision, position: log.length * 8 });
        }
      }
    }),
  );
});

const { rememberAll } = openPlatform();

test.skipIf(rememberAll === undefined).each([0, 1, 63, 64, 65, 1000])(
  '%i events entered together are those entered one by one',
  (count) => {
    const [one, all] = [1, 2].map(() => new RetryWindow(256, { low: 5, high: 9 })) as [
      RetryWindow,
      RetryWindow,
    ];
    const ids = new Uint32Array(4 * count).map((_, i) => Math.imul(i % 1500, 0x9e3779b1));
    const streams = new Uint32Array(count).map((_, i) => i % 7);
    const revisions = new Float64Array(count).map((_, i) => i);
    const positions = new Float64Array(count).map((_, i) => 2 ** 33 + 96 * i);
    const events = (from: number, to: number) => ({
      ids: ids.subarray(4 * from, 4 * to),
      streams: streams.subarray(from, to),
      revisions: revisions.subarray(from, to),
      positions: positions.subarray(from, to),
    });
    const [first, last] = [events(0, count >> 2), events(count >> 2, count)];
    one.addAll(first);
    one.addAll(last);
    all.addAll(first, rememberAll);
    all.addAll(last, rememberAll);
    expect(all.added).toBe(one.added);
    expect(Buffer.compare(all.memory, one.memory)).toBe(0);
  },
);
