/** What a node knows to be damaged where nobody can help: told once, kept in mind, and forgotten when it is sound again. */
import { expect, test } from 'vitest';
import { logCorrupt } from '../../../src/log/damage.js';
import type { LogStore } from '../../../src/node/log-store.js';
import { RunningRepair } from '../../../src/node/repair/running-repair.js';

const FOLDER = '/data';
const CHUNK_BYTES = 65_536;

test('a chunk that nobody can mend is told of once, and no more damaged once somebody has put a sound one there', () => {
  const warned: string[] = [];
  const mended: number[] = [];
  const store = {
    chunkSize: CHUNK_BYTES,
    committed: 10 * CHUNK_BYTES,
    mended: (chunk: number) => mended.push(chunk),
  };
  const repair = new RunningRepair({
    ...{ folder: FOLDER, name: 'me:1', patienceMs: 1000, peers: () => [] },
    store: () => store as unknown as LogStore,
    warn: (message) => warned.push(message),
    failed: (error) => expect.fail(error.message),
  });
  const position = 2 * CHUNK_BYTES + 100;
  const damage = logCorrupt(
    { file: `${FOLDER}/chunk-000002.000000`, offset: 4196, position },
    'a checksum is wrong',
  );
  for (let round = 0; round < 2; round++) expect(repair.report(damage, 'reader')).toBe(false);
  expect([repair.damagedChunks, warned]).toEqual([1, ['a part of the log is damaged']]);
  repair.foundSound(1);
  expect([repair.damagedChunks, mended]).toEqual([1, []]);
  repair.foundSound(2);
  expect([repair.damagedChunks, repair.repairs, mended]).toEqual([0, 0, [2]]);
});
