import { describe, expect, test } from 'vitest';
import { IndexDamage, PAGE_BYTES, PAYLOAD_BYTES, PageChecks } from '../../src/index/page.js';
import { PageCache } from '../../src/index/page-cache.js';
import { PagedFile } from '../../src/index/paged-file.js';
import { FOLDER, kernel, newDisk } from './segments.js';

const SALT = 99;

/** A file of pages; the payload of each begins with its number. */
function fileOf(pages: number, name = 'a', disk = newDisk()) {
  const checks = new PageChecks(kernel, SALT);
  const bytes = new Uint8Array(pages * PAGE_BYTES);
  for (let page = 0; page < pages; page++) {
    bytes[page * PAGE_BYTES] = page;
    checks.seal(bytes, page * PAGE_BYTES, page);
  }
  const path = `${FOLDER}/${name}`;
  const handle = disk.open(path, { access: 'create-new' });
  disk.write(handle, bytes, 0, bytes.length, 0);
  return { disk, path, file: new PagedFile(disk, path, handle, { checks, pageCount: pages }) };
}

describe('the page cache', () => {
  test('gives every page, however few it may keep', () => {
    for (const pages of [1, 2, 3, 7, 300]) {
      const { file } = fileOf(40);
      const cache = new PageCache(pages * PAGE_BYTES);
      for (let i = 0; i < 400; i++) {
        const page = (i * 7) % 40;
        cache.load(file, page);
        expect(cache.bytes[cache.at]).toBe(page);
      }
      expect(cache.misses <= 40).toBe(pages >= 40);
    }
  });

  test('keeps what is used again and again while others pass through', () => {
    const { file } = fileOf(200);
    const cache = new PageCache(16 * PAGE_BYTES);
    cache.load(file, 0);
    for (let page = 1; page < 200; page++) {
      cache.load(file, page);
      cache.load(file, 0);
    }
    expect(cache.misses).toBeLessThan(200 + 30);
  });

  test('tells files apart, and forgets one that is closed', () => {
    const disk = newDisk();
    const [a, b] = [fileOf(3, 'a', disk).file, fileOf(3, 'b', disk).file];
    const cache = new PageCache(64 * PAGE_BYTES);
    for (const file of [a, b, a, b]) cache.load(file, 1);
    expect(cache.misses).toBe(2);
    cache.forget(a);
    cache.load(b, 1);
    expect(cache.misses).toBe(2);
    cache.load(a, 1);
    expect(cache.misses).toBe(3);
  });

  test('throws for a page that is damaged, in another place, missing or unreadable, and works on', () => {
    const { disk, path, file } = fileOf(5);
    const cache = new PageCache(2 * PAGE_BYTES);
    disk.flipBit(path, 3 * PAGE_BYTES + 77, 2);
    const page = new Uint8Array(PAGE_BYTES);
    disk.read(file.handle, page, 0, PAGE_BYTES, PAGE_BYTES);
    disk.write(file.handle, page, 0, PAGE_BYTES, 2 * PAGE_BYTES);
    for (let round = 0; round < 3; round++) {
      for (const bad of [2, 3, 5]) expect(() => cache.load(file, bad)).toThrow(IndexDamage);
      for (const good of [0, 1, 4]) {
        cache.load(file, good);
        expect(cache.bytes[cache.at]).toBe(good);
      }
    }
    disk.close(file.handle);
    const other = new PageCache(PAGE_BYTES);
    expect(() => other.load(file, 0)).toThrow(IndexDamage);
  });

  test('reads no page of another file, though it has its number: the salt differs', () => {
    const bytes = new Uint8Array(PAGE_BYTES);
    const checks = new PageChecks(kernel, 1);
    checks.seal(bytes, 0, 7);
    expect(checks.isIntact(bytes, 0, 7)).toBe(true);
    expect(new PageChecks(kernel, 2).isIntact(bytes, 0, 7)).toBe(false);
    expect(checks.isIntact(bytes, 0, 8)).toBe(false);
    bytes[PAYLOAD_BYTES - 1] = 1;
    expect(checks.isIntact(bytes, 0, 7)).toBe(false);
  });
});
