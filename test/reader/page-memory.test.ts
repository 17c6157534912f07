import { expect, test } from 'vitest';
import { PageBuilder } from '../../src/reader/page-builder.js';
import { PageMemory } from '../../src/reader/page-memory.js';

const LARGE = 1024 * 1024 - 32;

test('a large page that was released is used again, once, and not before', () => {
  const memory = new PageMemory();
  const first = new PageBuilder(memory, 32, LARGE);
  expect(new PageBuilder(memory, 32, LARGE).bytes).not.toBe(first.bytes);
  const page = first.page({ eventCount: 0, next: 0, head: 0, isLast: true });
  page.release();
  page.release();
  expect(new PageBuilder(memory, 32, LARGE).bytes).toBe(first.bytes);
  expect(new PageBuilder(memory, 32, LARGE).bytes).not.toBe(first.bytes);
});

test('a page in used memory has room for what was asked for, and an empty headroom', () => {
  const memory = new PageMemory();
  const used = new PageBuilder(memory, 32, LARGE);
  used.bytes.fill(7);
  used.release();
  const next = new PageBuilder(memory, 32, 400_000);
  expect(next.bytes).toBe(used.bytes);
  expect(next.recordBytes).toBe(400_000);
  expect(next.bytes.subarray(0, 32).every((byte) => byte === 0)).toBe(true);
});

test('small pages and oversize ones are not kept, and no more large ones than a few', () => {
  const memory = new PageMemory();
  for (const bytes of [1000, 2 * LARGE]) {
    const page = new PageBuilder(memory, 32, bytes);
    page.release();
    expect(new PageBuilder(memory, 32, bytes).bytes).not.toBe(page.bytes);
  }
  const pages = Array.from({ length: 40 }, () => new PageBuilder(memory, 32, LARGE));
  for (const page of pages) page.release();
  const released = new Set(pages.map(({ bytes }) => bytes));
  const again = Array.from({ length: 40 }, () => new PageBuilder(memory, 32, LARGE));
  expect(again.filter(({ bytes }) => released.has(bytes))).toHaveLength(32);
});
