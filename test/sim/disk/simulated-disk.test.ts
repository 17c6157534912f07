import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CrashKind, SimulatedDisk } from '../../../src/sim/disk/simulated-disk.js';
import { Random } from '../../../src/sim/random.js';

const SECTOR = 512;
const PATH = '/d/a';

function newDisk(bytes = 8192) {
  const disk = new SimulatedDisk(new Random(1));
  disk.makeDirectory('/d');
  const file = disk.open(PATH, { access: 'create-new' });
  disk.write(file, filled(bytes, 1), 0, bytes, 0);
  disk.sync(file);
  disk.syncDirectory('/d');
  return { disk, file, random: new Random(7) };
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

describe('a simulated disk', () => {
  test('shows what was written at once, and keeps what was synced in any crash', () => {
    for (const how of ['lose-all', 'keep-all', 'torn'] satisfies CrashKind[]) {
      const { disk, file, random } = newDisk();
      disk.write(file, filled(1000, 2), 0, 1000, 700);
      const read = new Uint8Array(1000);
      expect(disk.read(file, read, 0, 1000, 700)).toBe(1000);
      expect(read).toEqual(filled(1000, 2));
      disk.syncData(file);
      disk.crash(random, how);
      expect(disk.contentOf(PATH).subarray(700, 1700)).toEqual(filled(1000, 2));
      expect(disk.contentOf(PATH).subarray(1700)).toEqual(filled(8192 - 1700, 1));
      expect(disk.openCount).toBe(0);
      expect(() => disk.sizeOf(file)).toThrow('EBADF');
    }
  });

  test('loses all that was not synced when the power goes, also after the process was killed', () => {
    const { disk, file, random } = newDisk();
    disk.write(file, filled(5000, 2), 0, 5000, 6000);
    disk.crash(random, 'keep-all');
    expect(disk.contentOf(PATH)).toHaveLength(11_000);
    expect(disk.contentOf(PATH)[10_999]).toBe(2);
    disk.crash(random, 'lose-all');
    expect(disk.contentOf(PATH)).toEqual(filled(8192, 1));
  });

  test('makes of each sector what some write made of it, or what it was, if writes are torn', () => {
    const write = fc.record({ offset: fc.nat(9000), length: fc.integer({ min: 1, max: 6000 }) });
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 4 }), fc.nat(), (writes, seed) => {
        const { disk, file } = newDisk();
        const versions = [grown(disk.contentOf(PATH))];
        writes.forEach(({ offset, length }, i) => {
          disk.write(file, filled(length, 2 + i), 0, length, offset);
          versions.push(grown(disk.contentOf(PATH)));
        });
        disk.crash(new Random(seed), 'torn');
        const left = grown(disk.contentOf(PATH));
        for (let at = 0; at < left.length; at += SECTOR) {
          const of = versions.findIndex(
            (version) => isEqual(version, left, at) || disk.contentOf(PATH).length <= at,
          );
          expect(of).toBeGreaterThanOrEqual(0);
          outcomes.add(of === 0 ? 'old' : of === writes.length ? 'newest' : 'between');
        }
        const before = disk.contentOf(PATH).slice();
        disk.crash(new Random(seed + 1), 'torn');
        expect(Buffer.compare(disk.contentOf(PATH), before)).toBe(0);
      }),
      { numRuns: 200 },
    );
    expect([...outcomes].sort()).toEqual(['between', 'newest', 'old']);
  });

  test('keeps or loses each name that was not synced', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const { disk } = newDisk();
      disk.close(disk.open('/d/b', { access: 'create-new' }));
      disk.rename(PATH, '/d/c');
      expect(disk.list('/d')).toEqual(['b', 'c']);
      disk.crash(new Random(seed), 'torn');
      seen.add(disk.list('/d').join());
    }
    expect([...seen].sort()).toEqual(['a', 'a,b', 'b,c', 'c']);
    const { disk, random } = newDisk();
    disk.unlink(PATH);
    disk.crash(random, 'lose-all');
    expect(disk.list('/d')).toEqual(['a']);
    disk.unlink(PATH);
    disk.syncDirectory('/d');
    disk.crash(random, 'lose-all');
    expect(disk.list('/d')).toEqual([]);
    expect(disk.usedBytes).toBe(0);
  });

  test('fails a sync once, and what it was for is there or not', () => {
    const { disk, file, random } = newDisk();
    disk.write(file, filled(8192, 2), 0, 8192, 0);
    disk.failNextSync = true;
    expect(() => disk.syncData(file)).toThrow('EIO');
    const left = disk.contentOf(PATH).slice();
    disk.syncData(file);
    disk.crash(random, 'lose-all');
    expect(disk.contentOf(PATH)).toEqual(left);
    expect(disk.failNextSync).toBe(false);
  });

  test('lies about syncs as long as it is told to', () => {
    const { disk, file, random } = newDisk();
    disk.lying = true;
    disk.write(file, filled(4096, 2), 0, 4096, 0);
    disk.syncData(file);
    disk.close(disk.open('/d/b', { access: 'create-new' }));
    disk.syncDirectory('/d');
    disk.crash(random, 'lose-all');
    expect(disk.contentOf(PATH)).toEqual(filled(8192, 1));
    expect(disk.list('/d')).toEqual(['a']);
  });

  test('loses a write, or puts it elsewhere, once', () => {
    const { disk, file, random } = newDisk(20_480);
    disk.loseNextWrite = true;
    disk.write(file, filled(4096, 2), 0, 4096, 4096);
    disk.syncData(file);
    expect(disk.contentOf(PATH)).toEqual(filled(20_480, 1));
    for (let i = 0; i < 20; i++) {
      disk.misdirectNextWrite = true;
      disk.write(file, filled(4096, 3), 0, 4096, 4096);
    }
    disk.syncData(file);
    disk.crash(random, 'lose-all');
    expect([...Array(5).keys()].map((block) => disk.contentOf(PATH)[block * 4096])).toEqual([3, 1, 3, 3, 3]);
  });

  test('has as much space as it was given', () => {
    const { disk, file } = newDisk();
    disk.spaceBytes = 10_000;
    disk.write(file, filled(100, 2), 0, 100, 8192);
    expect(() => disk.write(file, filled(2000, 2), 0, 2000, 8192)).toThrow('ENOSPC');
    expect(() => disk.allocate(file, 10_001)).toThrow('ENOSPC');
    disk.allocate(file, 10_000);
    expect(disk.usedBytes).toBe(10_000);
    disk.write(file, filled(8192, 2), 0, 8192, 0);
  });

  test('flips bits of the medium', () => {
    const { disk } = newDisk();
    disk.flipBit(PATH, 5, 3);
    expect(disk.contentOf(PATH)[5]).toBe(1 ^ 8);
    expect(disk.flipRandomBit((path) => path === '/d/none')).toBeUndefined();
    const flipped = disk.flipRandomBit((path) => path === PATH)!;
    expect(flipped.path).toBe(PATH);
    const changed = [...disk.contentOf(PATH).keys()].filter((at) => disk.contentOf(PATH)[at] !== 1);
    expect(changed).toEqual([...new Set([5, flipped.offset])].sort((a, b) => a - b));
  });

  test('wants direct I/O aligned, and counts what is done', () => {
    const { disk } = newDisk();
    const file = disk.open(PATH, { access: 'write', direct: true });
    const block = disk.alignedBuffer(8192);
    expect(() => disk.write(file, block, 0, 512, 0)).toThrow('EINVAL');
    expect(() => disk.write(file, block, 512, 4096, 0)).toThrow('EINVAL');
    expect(() => disk.read(file, block, 0, 4096, 512)).toThrow('EINVAL');
    const { writes, syncs, bytesWritten } = disk;
    disk.writeWithTail(file, block, 0, 4096, disk.alignedBuffer(4096), 0);
    disk.syncData(file);
    expect(disk.contentOf(PATH)).toEqual(filled(8192, 0));
    const counted = [disk.writes - writes, disk.syncs - syncs, disk.bytesWritten - bytesWritten];
    expect(counted).toEqual([1, 1, 8192]);
  });

  test('is copied with what is not durable', () => {
    const { disk, file, random } = newDisk();
    disk.write(file, filled(4096, 2), 0, 4096, 0);
    const copy = disk.clone(random);
    expect(copy.contentOf(PATH)[0]).toBe(2);
    disk.syncData(file);
    copy.crash(random, 'lose-all');
    disk.crash(random, 'lose-all');
    expect([copy.contentOf(PATH)[0], disk.contentOf(PATH)[0]]).toEqual([1, 2]);
  });

  test('does the same for the same seed', () => {
    const run = () => {
      const { disk, file } = newDisk();
      for (let i = 0; i < 9; i++) disk.write(file, filled(2000, i), 0, 2000, i * 700);
      disk.crash(new Random(5), 'torn');
      return disk.contentOf(PATH).slice();
    };
    expect(run()).toEqual(run());
  });
});

/** As long as any file of the test gets. */
function grown(content: Uint8Array): Uint8Array {
  const longer = new Uint8Array(16_384);
  longer.set(content);
  return longer;
}

function isEqual(a: Uint8Array, b: Uint8Array, at: number): boolean {
  return Buffer.compare(a.subarray(at, at + SECTOR), b.subarray(at, at + SECTOR)) === 0;
}
