/** The judge of what is deleted and scavenged, judged: what may be shown passes, and each way to show too much or too little is noticed. */
import { describe, expect, test } from 'vitest';
import type { ShownEvent } from './cluster-history.js';
import { eventIdOf } from './event-content.js';
import { findRecordDifference } from './folder-records.js';
import { ScrapStream } from './scrap-stream.js';

const NAME = 'scrap-0';
const COUNT = 6;
const IDS = Array.from({ length: COUNT }, (_, i) => eventIdOf(1, 1, i));

function stream(): ScrapStream {
  const scrap = new ScrapStream(NAME);
  scrap.appended(IDS);
  return scrap;
}

/** These revisions, as they are. */
function shown(from: number, to = COUNT): ShownEvent[] {
  const events = IDS.map((eventId, revision) => ({
    ...{ stream: NAME, revision, eventId, position: revision * 8 },
  }));
  return events.slice(from, to);
}

describe('a stream of scrap', () => {
  test('is shown whole as long as nothing was hidden', () => {
    expect(stream().findProblem(shown(0))).toBeUndefined();
    expect(stream().findProblem(shown(1))).toContain('from 1 on only');
    expect(stream().findProblem(shown(0, 5))).toContain('5 events');
    expect(stream().findProblem([])).toContain('on only');
  });

  test.for([{ $tb: 4 }, { $maxCount: 2 }, { $tb: 1, $maxCount: 2 }])(
    'is shown from where %j says',
    (kept) => {
      const scrap = stream();
      scrap.keeps(kept);
      expect(scrap.findProblem(shown(4))).toBeUndefined();
      expect(scrap.findProblem(shown(3))).toContain('from 3 on');
      expect(scrap.findProblem(shown(5))).toContain('from 5 on only');
    },
  );

  test('may lose what was hidden once, in order, and nothing else', () => {
    const scrap = stream();
    scrap.keeps({ $maxCount: 2 });
    scrap.keeps({ $tb: 1 });
    for (const from of [1, 2, 3, 4]) expect(scrap.findProblem(shown(from))).toBeUndefined();
    expect(scrap.findProblem(shown(0))).toContain('from 0 on');
    expect(scrap.findProblem(shown(5))).toContain('from 5 on only');
    expect(scrap.findProblem([...shown(2, 3), ...shown(4)])).toBeDefined();
  });

  test('is empty when it is deleted, and goes on with its numbering', () => {
    const scrap = stream();
    scrap.keeps({ $tb: COUNT });
    expect(scrap.findProblem([])).toBeUndefined();
    expect(scrap.findProblem(shown(5))).toContain('from 5 on');
    const more = eventIdOf(1, 2, 0);
    scrap.appended([more]);
    const event = { stream: NAME, revision: COUNT, eventId: more, position: 80 };
    expect(scrap.findProblem([event])).toBeUndefined();
    expect(scrap.findProblem([{ ...event, revision: 0 }])).toBeDefined();
  });

  test('is gone for good with a tombstone', () => {
    const scrap = stream();
    scrap.tombstoned();
    expect(scrap.findProblem([])).toBeUndefined();
    expect(scrap.findProblem(shown(5))).toBeDefined();
  });

  test('has no event of another id', () => {
    const [first, ...rest] = shown(0);
    const problem = stream().findProblem([{ ...first!, eventId: eventIdOf(1, 9, 0) }, ...rest]);
    expect(problem).toContain(`${NAME} @0 is`);
  });
});

test('folders part where one has removed a record and the other has not, or has one more', () => {
  const kept = 'prepare at 0, 80 bytes, epoch 1, crc 7';
  const gone = 'removed prepare at 0, 80 bytes, epoch 1, crc 7';
  const a = { lines: [gone, kept], removed: 1 };
  expect(findRecordDifference(a, { ...a })).toBeUndefined();
  expect(findRecordDifference(a, { lines: [kept, kept], removed: 0 })).toBe(
    `1 of 2 records, first "${gone}" and "${kept}"`,
  );
  expect(findRecordDifference(a, { lines: [gone], removed: 1 })).toContain('"nothing"');
});
