/** The preparer leaves the reserve alone: no chunk that would cut into it, and on it goes when there is room. */
import { beforeEach, expect, test } from 'vitest';
import type { DiskSpace } from '../../src/base/disk-space.js';
import { chunkFileBytes } from '../../src/log/chunk.js';
import { PreparerAgent } from '../../src/preparer/agent.js';
import { BEYOND_RESERVE } from '../../src/preparer/commands.js';
import { CONTROL, createRing, RingMemory } from '../../src/ring/layout.js';
import { MemoryDisk } from '../log/memory-disk.js';

const CHUNK_BYTES = 64 * 1024;
const RESERVE = 10_000;

let disk: MemoryDisk;
let space: DiskSpace | undefined;

beforeEach(() => {
  disk = new MemoryDisk();
  disk.folders.add('/data');
  space = { freeBytes: 0, totalBytes: 1_000_000_000 };
});

function preparer(reserve: number | undefined) {
  const ring = createRing({
    ...{ ringBytes: 256 * 1024, recordBytesMax: 16 * 1024, chunkBytes: CHUNK_BYTES, start: 0 },
    alignmentGap: () => 0,
  });
  const mark = reserve === undefined ? undefined : { bytes: reserve, share: 1 };
  const options = { ring, folder: '/data', logId: '11111111-1111-4111-8111-111111111111', nextChunk: 0 };
  const agent = new PreparerAgent({ ...options, chunksAhead: 0, reserve: mark }, disk, () => space);
  const { control } = new RingMemory(ring);
  return { agent, obstacle: () => Atomics.load(control, CONTROL.preparerErrno) };
}

function work(agent: PreparerAgent): void {
  for (let idle = 0; idle < 64; idle++) if (agent.doWork() > 0) idle = 0;
}

test('a chunk that would leave less than the reserve waits until it would not', () => {
  const { agent, obstacle } = preparer(RESERVE);
  space = { freeBytes: chunkFileBytes(CHUNK_BYTES) + RESERVE - 1, totalBytes: 1_000_000_000 };
  work(agent);
  expect([obstacle(), disk.files.size, agent.idleMs()]).toEqual([BEYOND_RESERVE, 0, 500]);
  space = { ...space, freeBytes: space.freeBytes + 1 };
  work(agent);
  expect([obstacle(), [...disk.files.keys()]]).toEqual([0, ['/data/chunk-000000.000000']]);
});

test.each([
  ['without a reserve', undefined, { freeBytes: 0, totalBytes: 1000 }],
  ['with a reserve of nothing', 0, { freeBytes: 0, totalBytes: 1_000_000 }],
  ['if the room can not be found out', RESERVE, undefined],
])('%s chunks are made', (_, reserve, known) => {
  space = known;
  const { agent, obstacle } = preparer(reserve);
  work(agent);
  expect([obstacle(), disk.files.size]).toEqual([0, 1]);
});
