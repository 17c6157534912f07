import { describe, expect, test } from 'vitest';
import { benchData, EventIds, RequestFrames, streamName } from '../../bench/request-frames.js';
import { bytesEqual } from '../../src/base/bytes.js';
import { AppendCursor } from '../../src/wire/append-frame.js';

describe('request frames', () => {
  test('are valid Appends with fresh ids each time', () => {
    const frames = new RequestFrames(['bench-1'], { eventBytes: 100, eventsPerRequest: 3 }, 5);
    const ids = new EventIds(7);
    const cursor = new AppendCursor();
    const seen = new Set<string>();
    for (let use = 0; use < 50; use++) {
      const frame = use % frames.count;
      frames.stamp(frame, use + 1, ids);
      const at = frame * frames.frameBytes;
      expect(cursor.open(frames.bytes, frames.view, at, frames.frameBytes)).toBeUndefined();
      expect(cursor.requestId).toBe(use + 1);
      expect(cursor.eventCount).toBe(3);
      while (cursor.nextEvent()) {
        seen.add(frames.bytes.slice(cursor.idAt, cursor.idAt + 16).toString());
        expect(cursor.dataLength).toBe(100);
        expect(bytesEqual(frames.bytes, cursor.dataAt, benchData(100), 0, 100)).toBe(true);
      }
    }
    expect(seen.size).toBe(150);
  });

  test.each([
    [1, 4],
    [3, 4],
    [4, 4],
    [9, 4],
  ])('at least %i frames give each of %i streams its share', (least, streamCount) => {
    const streams = Array.from({ length: streamCount }, (_, index) => streamName(1, index));
    const frames = new RequestFrames(streams, { eventBytes: 1, eventsPerRequest: 1 }, least);
    const cursor = new AppendCursor();
    const uses = new Map<string, number>();
    for (let frame = 0; frame < frames.count; frame++) {
      cursor.open(frames.bytes, frames.view, frame * frames.frameBytes, frames.frameBytes);
      const name = frames.bytes.subarray(cursor.streamAt, cursor.streamAt + cursor.streamLength);
      const stream = new TextDecoder().decode(name);
      uses.set(stream, (uses.get(stream) ?? 0) + 1);
    }
    expect(frames.count).toBeGreaterThanOrEqual(least);
    expect([...uses.keys()].sort()).toEqual(streams);
    expect(new Set(uses.values()).size).toBe(1);
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
