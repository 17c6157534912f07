/** What only the native disk does: direct I/O, its rules of alignment, and the ways round what a file system lacks. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Bytes, DiskError } from '../../src/base/ports.js';
import { AddonDisk } from '../../src/native/addon-disk.js';
import { attempt, checked, errnoName } from '../../src/native/errno.js';
import { failureOf, isAddonSkipped, noise, requireAddon, skipNote, temporaryFolder } from './disks.js';

const O_DIRECT = 0o40000;
const O_CLOEXEC = 0o2000000;

function flagsOf(file: number): number {
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'utf8'));
  return Number.parseInt(flags?.[1] ?? '0', 8);
}

describe.skipIf(isAddonSkipped)(`the native disk${skipNote}`, () => {
  test('opens with O_DIRECT if asked to, and never for child processes', () => {
    const disk = new AddonDisk(requireAddon());
    const folder = temporaryFolder();
    const direct = disk.open(join(folder, 'direct'), { access: 'create-new', direct: true });
    const plain = disk.open(join(folder, 'plain'), { access: 'create-new' });
    expect(flagsOf(direct) & O_DIRECT).toBe(disk.directRefusedFor === undefined ? O_DIRECT : 0);
    expect(flagsOf(plain) & O_DIRECT).toBe(0);
    expect(flagsOf(direct) & flagsOf(plain) & O_CLOEXEC).toBe(O_CLOEXEC);
    disk.close(direct);
    disk.close(plain);
  });

  test('refuses direct I/O that is not aligned in memory, offset or length, having written nothing', () => {
    const disk = new AddonDisk(requireAddon());
    const path = join(temporaryFolder(), 'file');
    const file = disk.open(path, { access: 'create-new', direct: true });
    const bytes = disk.alignedBuffer(16_384);
    for (const [at, length, offset] of [
      [8, 4096, 0],
      [0, 100, 0],
      [0, 4096, 512],
    ] as const) {
      expect(failureOf(() => disk.write(file, bytes, at, length, offset))).toBe(`EINVAL pwrite ${path}`);
      expect(failureOf(() => disk.read(file, bytes, at, length, offset))).toBe(`EINVAL pread ${path}`);
      const tail = bytes.subarray(4096, 8192);
      const withTail = () => disk.writeWithTail(file, bytes, at, length, tail, offset);
      expect(failureOf(withTail)).toBe(`EINVAL pwritev ${path}`);
    }
    const crookedTail = () => disk.writeWithTail(file, bytes, 0, 4096, bytes.subarray(8, 4104), 0);
    expect(failureOf(crookedTail)).toBe(`EINVAL pwritev ${path}`);
    expect(disk.sizeOf(file)).toBe(0);
    disk.close(file);
  });

  test('reserves space by writing zeros where the file system has no fallocate', () => {
    const addon = { ...requireAddon(), allocate: () => -95 };
    expect(errnoName(95)).toMatch(/ENOTSUP|EOPNOTSUPP/);
    const disk = new AddonDisk(addon);
    const path = join(temporaryFolder(), 'file');
    const file = disk.open(path, { access: 'create-new', direct: true });
    disk.allocate(file, (1 << 20) + 8192);
    disk.sync(file);
    disk.close(file);
    expect(statSync(path).size).toBe((1 << 20) + 8192);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual((1 << 20) + 8192);
  });

  test('remembers which file system refused direct I/O, and still asks for alignment there', () => {
    const addon = requireAddon();
    const opened: number[] = [];
    const refusing = {
      ...addon,
      open(path: string, flags: number, mode: number): number {
        opened.push(flags);
        if ((flags & O_DIRECT) === 0) return addon.open(path, flags, mode);
        // As the kernel does it: the new file is made before direct I/O is refused.
        writeFileSync(path, '');
        return -22;
      },
    };
    const disk = new AddonDisk(refusing);
    expect(disk.directRefusedFor).toBeUndefined();
    const path = join(temporaryFolder(), 'file');
    const file = disk.open(path, { access: 'create-new', direct: true });
    expect(disk.directRefusedFor).toBe(path);
    expect(disk.alignmentBytes).toBe(4096);
    expect(opened).toHaveLength(2);
    expect(failureOf(() => disk.write(file, noise(10), 0, 10, 0))).toBe(`EINVAL pwrite ${path}`);
    disk.write(file, disk.alignedBuffer(4096), 0, 4096, 0);
    disk.close(file);
  });

  test('checks the bounds of memory again in the addon', () => {
    const addon = requireAddon();
    const bytes = new Uint8Array(100);
    const path = join(temporaryFolder(), 'file');
    const file = addon.open(path, 0o102, 0o600);
    expect(file).toBeGreaterThan(0);
    for (const [at, length] of [
      [0, 101],
      [101, 0],
      [-1, 1],
      [0, -1],
      [50, 2 ** 53],
    ] as const) {
      expect(addon.write(file, bytes, at, length, 0, 1)).toBe(-22);
      expect(addon.read(file, bytes, at, length, 0, 1)).toBe(-22);
      expect(addon.writeWithTail(file, bytes, at, length, 0, 1, bytes)).toBe(-22);
      expect(addon.crc32c(0, bytes, at, length, 0)).toBeLessThan(0);
      expect(addon.seal(0, bytes, at, length, new Float64Array(4))).toBeLessThan(0);
      expect(addon.verify(0, bytes, at, length, new Float64Array(4))).toBeLessThan(0);
    }
    expect(addon.write(file, bytes, 0, 1, 0, 0)).toBe(-22);
    expect(addon.write(file, bytes, 0, 1, -1, 1)).toBe(-22);
    expect(addon.write(file, 'no bytes' as unknown as Bytes, 0, 1, 0, 1)).toBe(-22);
    expect(addon.crc32c(99, bytes, 0, 1, 0)).toBeLessThan(0);
    expect(addon.seal(0, bytes, 0, 0, new Float64Array(3))).toBeLessThan(0);
    for (const [run, count] of [
      [[-1, 0, 1], 1],
      [[0, -1, 1], 1],
      [[0, 0, -1], 1],
      [[0, 0, 1], 2],
      [[0, 0, 1], -1],
      [[0, 0, 1], 2 ** 63],
    ] as const) {
      expect(addon.copyRuns(bytes, bytes, Int32Array.from(run), count)).toBeLessThan(0);
    }
    expect(addon.close(file)).toBe(0);
    expect(addon.close(file)).toBe(-9);
  });
});

test('every number of the system has its name, and a number without one is named as it is', () => {
  expect([2, 5, 11, 17, 22, 27, 28, 122].map(errnoName)).toEqual([
    'ENOENT',
    'EIO',
    'EAGAIN',
    'EEXIST',
    'EINVAL',
    'EFBIG',
    'ENOSPC',
    'EDQUOT',
  ]);
  expect(errnoName(512)).toBe('errno 512');
  expect(checked(7, 'pread', 'file')).toBe(7);
  expect(() => checked(-122, 'pwrite', 'file')).toThrow(new DiskError('EDQUOT', 'pwrite', 'file'));
});

test('an error of node:fs gets its name from its number, and what is not of the system stays what it is', () => {
  const quota = Object.assign(new Error('Unknown system error -122'), { errno: -122, code: 'Unknown' });
  const raise = (error: Error) => () => {
    throw error;
  };
  expect(failureOf(() => attempt('pwrite', 'file', raise(quota)))).toBe('EDQUOT pwrite file');
  expect(() => attempt('pwrite', 'file', raise(new RangeError('ours')))).toThrow(RangeError);
});
