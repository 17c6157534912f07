/** Random histories of a real node, against a plain model in memory. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLong } from '../long-test.js';
import { eventIdOf } from './cluster/event-content.js';
import { RandomHistory } from './model/random-history.js';
import { StoreModel } from './model/store-model.js';
import { endAllNodes, removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

const SEEDS = [1, 2];
const LONG_SEEDS = Array.from({ length: 8 }, (_, i) => 101 + i);
const STEPS = 100;

test.for(isLong ? [...SEEDS, ...LONG_SEEDS] : SEEDS)(
  'appends, transactions, repeats, reads and subscriptions are answered as the model says, over restarts, kills and damage to the index (seed %i)',
  { timeout: 120_000 },
  async (seed) => {
    const counts = await new RandomHistory(new SeededRandom(seed), folder).run(STEPS);
    expect(counts.events).toBeGreaterThan(3_000);
    for (const what of ['refused', 'repeats', 'lives', 'damaged', 'resumed', 'committed'] as const)
      expect([what, counts[what]]).not.toEqual([what, 0]);
  },
);

test('the model refuses what is not expected, writes all of a transaction or nothing, and knows what it has', () => {
  const model = new StoreModel();
  const ids = (number: number, count = 1) => Array.from({ length: count }, (_, i) => eventIdOf(1, number, i));
  const first = [{ stream: 'a', expected: 'none' as const, ids: ids(1, 2) }];
  expect(model.append(first)).toMatchObject({ kind: 'written', isRepeat: false, revisions: [1] });
  expect(model.append(first)).toMatchObject({ kind: 'written', isRepeat: true, revisions: [1] });
  const both = (expected: number) => [
    { stream: 'b', expected: 'any' as const, ids: ids(2) },
    { stream: 'a', expected, ids: ids(3) },
  ];
  expect(model.append(both(0))).toEqual({ kind: 'refused', streams: ['a'] });
  expect(model.append([{ stream: 'c', expected: 'exists', ids: ids(4) }])).toMatchObject({ streams: ['c'] });
  expect(model.append(both(1))).toMatchObject({ kind: 'written', revisions: [0, 2] });
  expect(model.events.map(({ stream, revision }) => `${stream}${revision}`)).toEqual([
    'a0',
    'a1',
    'b0',
    'a2',
  ]);
});
