import { describe, expect, test } from 'vitest';
import { AppendTemplate, benchData, EventIds, streamName } from '../../bench/append-template.js';
import { bytesEqual } from '../../src/base/bytes.js';
import { AppendCursor } from '../../src/wire/append-frame.js';

describe('an append template', () => {
  test('is a valid Append frame with fresh ids each time', () => {
    const template = new AppendTemplate('bench-1', { eventBytes: 100, eventsPerRequest: 3 }, 42);
    const ids = new EventIds(7);
    const cursor = new AppendCursor();
    const seen = new Set<string>();
    for (let use = 0; use < 50; use++) {
      template.stamp(ids);
      expect(cursor.open(template.bytes, template.view, 0, template.bytes.length)).toBeUndefined();
      expect(cursor.requestId).toBe(42);
      expect(cursor.eventCount).toBe(3);
      while (cursor.nextEvent()) {
        seen.add(template.bytes.slice(cursor.idAt, cursor.idAt + 16).toString());
        expect(cursor.dataLength).toBe(100);
        expect(bytesEqual(template.bytes, cursor.dataAt, benchData(100), 0, 100)).toBe(true);
      }
    }
    expect(seen.size).toBe(150);
  });
});

test('ids of two sources differ, and neighbours lie far apart', () => {
  const view = new DataView(new ArrayBuffer(16));
  const first = new EventIds(1);
  const second = new EventIds(2);
  const seen = new Set<string>();
  let near = 0;
  let before = 0;
  for (let i = 0; i < 5_000; i++) {
    for (const ids of [first, second]) {
      ids.stamp(view, 0);
      seen.add(new Uint8Array(view.buffer).toString());
    }
    const word = view.getUint32(0, true);
    if (Math.abs(word - before) < 1_000_000) near++;
    before = word;
  }
  expect(seen.size).toBe(10_000);
  expect(near).toBeLessThan(50);
});

test('all streams of a run have names of one length', () => {
  const lengths = [0, 1, 35, 36, 999_999].map((index) => streamName(12_345, index).length);
  expect(new Set(lengths).size).toBe(1);
});
