import { expect, test } from 'vitest';
import { BATCH_SIZE_BOUNDS } from '../../src/base/batch-sizes.js';
import { createRing, RingMemory } from '../../src/ring/layout.js';
import { NOTHING_WRITTEN, StatisticsWords } from '../../src/ring/writer-statistics.js';

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
  expect(new StatisticsWords(ring).read()).toEqual({ ...NOTHING_WRITTEN, batches: 1, syncMs: 0.75 });
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

test('what is read at once is of one instant, or nothing', () => {
  const ring = memory();
  const words = new StatisticsWords(ring);
  const batch = { recordBytes: 352, diskBytes: 4_096, writeMs: 0.5, syncMs: 0.25 };
  words.addBatch(batch);
  const reader = new StatisticsWords(ring);
  expect(reader.readAtOnce()).toMatchObject({ batches: 1, ...batch });
  // In the middle of a count: its fields are read behind the first turn of the sequence.
  let met: unknown = 'nothing';
  const whole = { ...batch };
  Object.defineProperty(whole, 'syncMs', {
    get: () => {
      met = reader.readAtOnce();
      return 0.25;
    },
  });
  words.addBatch(whole);
  expect(met).toBeUndefined();
  expect(reader.readAtOnce()).toMatchObject({ batches: 2, diskBytes: 8_192 });
});

test('batches are counted by size, each class twice as large as the one before, the last without an end', () => {
  const ring = memory();
  const words = new StatisticsWords(ring);
  for (const bytes of [1, 128, 129, 256, 257, 2 ** 29, 2 ** 29 + 1, 2 ** 31])
    words.addBatch({ recordBytes: bytes, diskBytes: 4_096, writeMs: 0.5, syncMs: 0.25 });
  const { batches, diskBytes, batchSizes } = new StatisticsWords(ring).read();
  expect([batches, diskBytes, batchSizes.length]).toEqual([8, 32_768, BATCH_SIZE_BOUNDS.length + 1]);
  const counted = new Map([...batchSizes.entries()].filter(([, count]) => count > 0));
  expect([...counted]).toEqual([
    [0, 2],
    [1, 2],
    [2, 1],
    [22, 1],
    [23, 2],
  ]);
  expect(BATCH_SIZE_BOUNDS.at(22)).toBe(2 ** 29);
});
