import { expect, test } from 'vitest';
import { createRing, RingMemory } from '../../src/ring/layout.js';
import { StatisticsWords } from '../../src/ring/writer-statistics.js';

function memory(): RingMemory {
  const shape = { ringBytes: 65_536, recordBytesMax: 4_096, chunkBytes: 65_536, start: 0 };
  return new RingMemory(createRing({ ...shape, alignmentGap: () => 0 }));
}

test('sums add up, and another thread reads them', () => {
  const ring = memory();
  const words = new StatisticsWords(ring);
  words.add('batches', 1);
  words.add('syncMs', 0.5);
  words.add('syncMs', 0.25);
  const nothing = { batches: 0, recordBytes: 0, diskBytes: 0, writeMs: 0, syncMs: 0, chunks: 0 };
  expect(new StatisticsWords(ring).read()).toEqual({ ...nothing, batches: 1, syncMs: 0.75 });
});

test('the last batch is read as it was noted, and leaves the sums alone', () => {
  const ring = memory();
  const words = new StatisticsWords(ring);
  words.add('chunks', 3);
  words.setLastBatch({ from: 4_096, to: 2 ** 52, beganMs: 10, writtenMs: 10.5, syncedMs: 11 });
  const batch = new StatisticsWords(ring).lastBatch()!;
  expect([batch.from, batch.to]).toEqual([4_096, 2 ** 52]);
  // A sum with the time since 1970 keeps a quarter of a microsecond.
  expect(batch.beganMs).toBeCloseTo(10, 2);
  expect(batch.writtenMs).toBeCloseTo(10.5, 2);
  expect(batch.syncedMs).toBeCloseTo(11, 2);
  expect(words.read().chunks).toBe(3);
});
