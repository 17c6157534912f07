/** What the Disk port promises, with and without the addon. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AssertionFailure } from '../../src/base/assert.js';
import type { Disk, FileHandle } from '../../src/base/ports.js';
import { disks, failureOf, noise, temporaryFolder } from './disks.js';

describe.each(disks.filter((one) => one.isSkipped))('$title', () => {
  test.skip('is not tested', () => undefined);
});

describe.each(disks.filter((one) => !one.isSkipped))('$title', ({ make }) => {
  function newFile(disk: Disk, name = 'file'): { path: string; file: FileHandle } {
    const path = join(temporaryFolder(), name);
    return { path, file: disk.open(path, { access: 'create-new' }) };
  }

  test('reads back what it wrote, at odd offsets and lengths too', () => {
    const disk = make();
    const { path, file } = newFile(disk);
    const source = noise(100_000);
    disk.write(file, source, 0, 10, 0);
    disk.write(file, source, 10, 99_990, 10);
    disk.write(file, source, 500, 7, 500);
    const target = new Uint8Array(100_000);
    expect(disk.read(file, target, 0, 33_333, 0)).toBe(33_333);
    expect(disk.read(file, target, 33_333, 66_667, 33_333)).toBe(66_667);
    disk.close(file);
    // toEqual compares bytes one by one, and takes seconds for this many.
    expect(Buffer.compare(target, source)).toBe(0);
    expect(Buffer.compare(readFileSync(path), source)).toBe(0);
  });

  test('reads fewer bytes only at the end of the file, and none behind it', () => {
    const disk = make();
    const { file } = newFile(disk);
    disk.write(file, noise(1000), 0, 1000, 0);
    const target = new Uint8Array(4096);
    expect(disk.read(file, target, 0, 4096, 0)).toBe(1000);
    expect(disk.read(file, target, 0, 4096, 999)).toBe(1);
    expect(disk.read(file, target, 0, 4096, 1000)).toBe(0);
    expect(disk.read(file, target, 0, 4096, 1 << 30)).toBe(0);
    expect(disk.read(file, target, 4096, 0, 0)).toBe(0);
    disk.close(file);
  });

  test('touches nothing of the target outside the range', () => {
    const disk = make();
    const { file } = newFile(disk);
    disk.write(file, noise(64), 0, 64, 0);
    const target = new Uint8Array(64).fill(0xee);
    disk.read(file, target, 10, 20, 0);
    disk.close(file);
    expect(target.subarray(0, 10)).toEqual(new Uint8Array(10).fill(0xee));
    expect(target.subarray(10, 30)).toEqual(noise(64).subarray(0, 20));
    expect(target.subarray(30)).toEqual(new Uint8Array(34).fill(0xee));
  });

  test('reads and writes shared memory, and views that begin inside their buffer', () => {
    const disk = make();
    const { path, file } = newFile(disk);
    const shared = new Uint8Array(new SharedArrayBuffer(3000), 1000, 1500);
    shared.set(noise(1500));
    disk.write(file, shared, 100, 1000, 0);
    disk.writeWithTail(file, shared, 0, 30, shared.subarray(1400), 1000);
    const target = new Uint8Array(new SharedArrayBuffer(1200), 50, 1130);
    expect(disk.read(file, target, 0, 1130, 0)).toBe(1130);
    disk.close(file);
    const expected = [shared.slice(100, 1100), shared.slice(0, 30), shared.slice(1400)];
    expect(Buffer.from(target)).toEqual(Buffer.concat(expected));
    expect(readFileSync(path)).toEqual(Buffer.concat(expected));
  });

  test('writes a range and a tail that is elsewhere in memory as if they were one', () => {
    const disk = make();
    const { path, file } = newFile(disk);
    const [source, tail] = [noise(5000, 2), noise(300, 3)];
    disk.writeWithTail(file, source, 1000, 4000, tail, 0);
    disk.writeWithTail(file, source, 1000, 0, tail, 4300);
    disk.writeWithTail(file, source, 0, 11, new Uint8Array(0), 4600);
    disk.close(file);
    const expected = Buffer.concat([source.slice(1000), tail, tail, source.slice(0, 11)]);
    expect(readFileSync(path)).toEqual(expected);
  });

  test('makes each write durable if opened with dsync', () => {
    const disk = make();
    const path = join(temporaryFolder(), 'file');
    const file = disk.open(path, { access: 'create-new', dsync: true });
    disk.write(file, noise(5000), 0, 5000, 0);
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'utf8'))?.[1];
    disk.close(file);
    expect(Number.parseInt(flags ?? '0', 8) & 0o10000).toBe(0o10000);
  });

  test('reads and writes with direct, given memory, offset and length that are aligned', () => {
    const disk = make();
    const path = join(temporaryFolder(), 'file');
    const file = disk.open(path, { access: 'create-new', direct: true });
    const source = disk.alignedBuffer(16_384);
    source.set(noise(16_384));
    disk.write(file, source, 0, 16_384, 0);
    disk.writeWithTail(file, source, 4096, 4096, source.subarray(0, 4096), 16_384);
    disk.syncData(file);
    const target = disk.alignedBuffer(32_768);
    expect(disk.read(file, target, 0, 32_768, 0)).toBe(24_576);
    disk.close(file);
    expect(Buffer.compare(target.subarray(0, 16_384), source)).toBe(0);
    expect(target.subarray(16_384, 20_480)).toEqual(source.subarray(4096, 8192));
    expect(target.subarray(20_480, 24_576)).toEqual(source.subarray(0, 4096));
  });

  test('reads to the end of a file that ends within a block, with direct', () => {
    const disk = make();
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, noise(5000));
    const file = disk.open(path, { access: 'read', direct: true });
    const target = disk.alignedBuffer(8192);
    expect(disk.read(file, target, 0, 8192, 0)).toBe(5000);
    expect(disk.read(file, target, 0, 4096, 4096)).toBe(904);
    disk.close(file);
  });

  test('gives aligned memory of zeros, and says how far any memory is from being aligned', () => {
    const disk = make();
    const memory = disk.alignedBuffer(10_000);
    expect(memory.length).toBe(10_000);
    expect(memory.every((byte) => byte === 0)).toBe(true);
    expect(disk.alignmentGap(memory.buffer)).toBe(memory.byteOffset);
    for (const buffer of [new SharedArrayBuffer(100), new ArrayBuffer(100), new ArrayBuffer(0)]) {
      const gap = disk.alignmentGap(buffer);
      expect(gap).toBeGreaterThanOrEqual(0);
      expect(gap).toBeLessThan(disk.alignmentBytes);
    }
  });

  test('reserves space: the file is as long as asked for, holds zeros, and keeps what was in it', () => {
    const disk = make();
    const { path, file } = newFile(disk);
    disk.write(file, noise(100), 0, 100, 0);
    disk.allocate(file, 3_000_000);
    expect(disk.sizeOf(file)).toBe(3_000_000);
    disk.sync(file);
    disk.close(file);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(3_000_000);
    const content = readFileSync(path);
    expect(new Uint8Array(content.subarray(0, 100))).toEqual(noise(100));
    expect(content.subarray(100).equals(Buffer.alloc(2_999_900))).toBe(true);
  });

  test('never makes a file shorter by reserving', () => {
    const disk = make();
    const { file } = newFile(disk);
    disk.write(file, noise(9000), 0, 9000, 0);
    disk.allocate(file, 4096);
    expect(disk.sizeOf(file)).toBe(9000);
    disk.close(file);
  });

  test('syncs data, files and directories', () => {
    const disk = make();
    const folder = temporaryFolder();
    const file = disk.open(join(folder, 'file'), { access: 'create-new' });
    disk.write(file, noise(100), 0, 100, 0);
    disk.syncData(file);
    disk.sync(file);
    disk.close(file);
    disk.syncDirectory(folder);
  });

  test('reads the same when the system has forgotten the file', () => {
    const disk = make();
    const { file } = newFile(disk);
    const bytes = noise(8192);
    disk.write(file, bytes, 0, 8192, 0);
    disk.sync(file);
    disk.dropCached(file);
    const target = new Uint8Array(8192);
    disk.read(file, target, 0, 8192, 0);
    expect(Buffer.compare(target, bytes)).toBe(0);
    disk.close(file);
  });

  test('renames, removes, lists sorted and makes directories', () => {
    const disk = make();
    const folder = join(temporaryFolder(), 'a', 'b');
    disk.makeDirectory(folder);
    disk.makeDirectory(folder);
    for (const name of ['c', 'a', 'b', 'B']) {
      disk.close(disk.open(join(folder, name), { access: 'create-new' }));
    }
    disk.rename(join(folder, 'a'), join(folder, 'z'));
    disk.unlink(join(folder, 'c'));
    expect(disk.list(folder)).toEqual(['B', 'b', 'z']);
  });

  test('names what fails: the errno, the system call and the path', () => {
    const disk = make();
    const folder = temporaryFolder();
    const [missing, there] = [join(folder, 'missing'), join(folder, 'there')];
    disk.close(disk.open(there, { access: 'create-new' }));
    const open = (path: string, access: 'read' | 'write' | 'create-new') => () => disk.open(path, { access });
    expect(failureOf(open(missing, 'read'))).toBe(`ENOENT open ${missing}`);
    expect(failureOf(open(there, 'create-new'))).toBe(`EEXIST open ${there}`);
    expect(failureOf(open(folder, 'write'))).toBe(`EISDIR open ${folder}`);
    const below = join(there, 'below');
    expect(failureOf(open(below, 'read'))).toBe(`ENOTDIR open ${below}`);
    expect(failureOf(() => disk.rename(missing, there))).toBe(`ENOENT rename ${missing}`);
    expect(failureOf(() => disk.unlink(missing))).toBe(`ENOENT unlink ${missing}`);
    expect(failureOf(() => disk.list(missing))).toBe(`ENOENT readdir ${missing}`);
    expect(failureOf(() => disk.makeDirectory(there))).toBe(`EEXIST mkdir ${there}`);
    expect(failureOf(() => disk.syncDirectory(missing))).toBe(`ENOENT open ${missing}`);
    expect(failureOf(() => disk.syncDirectory(there))).toBe(`ENOTDIR open ${there}`);
    const file = disk.open(there, { access: 'read' });
    expect(failureOf(() => disk.write(file, noise(8), 0, 8, 0))).toBe(`EBADF pwrite ${there}`);
    expect(failureOf(() => disk.writeWithTail(file, noise(8), 0, 8, noise(8), 0))).toBe(
      `EBADF pwritev ${there}`,
    );
    expect(failureOf(() => disk.allocate(file, 10))).toMatch(/^EBADF (fallocate|pwrite) /);
    disk.close(file);
  });

  test('takes a range outside the bytes, and a file that is not open, for bugs', () => {
    const disk = make();
    const { file } = newFile(disk);
    const bytes = new Uint8Array(100);
    for (const [at, length] of [
      [0, 101],
      [100, 1],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
    ] as const) {
      expect(() => disk.write(file, bytes, at, length, 0)).toThrow(AssertionFailure);
      expect(() => disk.read(file, bytes, at, length, 0)).toThrow(AssertionFailure);
      expect(() => disk.writeWithTail(file, bytes, at, length, bytes, 0)).toThrow(AssertionFailure);
    }
    expect(() => disk.write(file, bytes, 0, 1, -1)).toThrow(AssertionFailure);
    disk.close(file);
    expect(() => disk.write(file, bytes, 0, 1, 0)).toThrow(AssertionFailure);
    expect(() => disk.close(file)).toThrow(AssertionFailure);
  });
});
