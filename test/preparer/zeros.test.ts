/** How the preparer writes the zeros of the next chunk: slowly for a slow log, in as few writes as will do for a fast one, never behind it. */
import { expect, test } from 'vitest';
import { chunkFileBytes } from '../../src/log/chunk.js';
import { PreparerAgent } from '../../src/preparer/agent.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing, RingMemory } from '../../src/ring/layout.js';
import { MemoryDisk } from '../log/memory-disk.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** So large that the log does not grow for long enough here to be taken for a fast one. */
const CHUNK_BYTES = 64 * MIB;

/** Notes the length of each write. */
class WrittenDisk extends MemoryDisk {
  readonly lengths: number[] = [];

  override write(...args: Parameters<MemoryDisk['write']>): void {
    this.lengths.push(args[3]);
    super.write(...args);
  }
}

function preparer(chunkBytes = CHUNK_BYTES) {
  const disk = new WrittenDisk();
  disk.folders.add('/data');
  const ring = createRing({
    ...{ ringBytes: 256 * KIB, recordBytesMax: 16 * KIB, chunkBytes, start: 0 },
    alignmentGap: () => 0,
  });
  const options = { ring, folder: '/data', logId: '11111111-1111-4111-8111-111111111111', nextChunk: 1 };
  const agent = new PreparerAgent({ ...options, chunksAhead: 1 }, disk);
  const published = new Cursor(new RingMemory(ring).control, CONTROL.published, 0);
  /** The log has reached `position`; works until the preparer rests, and returns what it wrote. */
  const reach = (position: number): number[] => {
    published.store(position);
    disk.lengths.length = 0;
    while (agent.doWork() > 0);
    return [...disk.lengths];
  };
  return { reach, disk };
}

test('while the log rests, zeros come in small steps with a rest after each', () => {
  const { reach } = preparer();
  expect([reach(0), reach(0)]).toEqual([[128 * KIB], [128 * KIB]]);
});

test('what is due while the log grows is one write, and never more than a MiB', () => {
  const { reach } = preparer();
  expect(reach(400 * KIB)).toEqual([500 * KIB]);
  expect(reach(400 * KIB)).toEqual([128 * KIB]);
  expect(reach(3 * MIB)).toEqual([MIB, MIB, MIB, 140 * KIB]);
});

test('a chunk that is filled to its end has the length of a chunk, and zeros but for its header', () => {
  const { reach, disk } = preparer(MIB);
  while (!disk.files.has('/data/chunk-000001.000000')) reach(0);
  const bytes = disk.files.get('/data/chunk-000001.000000')!;
  expect(bytes.length).toBe(chunkFileBytes(MIB));
  expect(bytes.subarray(4096).every((byte) => byte === 0)).toBe(true);
});
