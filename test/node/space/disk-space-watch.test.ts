/** What a node says of its disk's room as that comes and goes: each change once, and never more than it knows. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DiskSpace } from '../../../src/base/disk-space.js';
import { DiskSpaceWatch } from '../../../src/node/space/disk-space-watch.js';

const MARKS = { warning: { bytes: 100, share: 1 }, reserve: { bytes: 20, share: 1 } };

let free: number | Error | undefined;
let looks = 0;
let lacksChunk = false;
let said: string[] = [];
let watch: DiskSpaceWatch;

beforeEach(() => {
  vi.useFakeTimers();
  [free, looks, said, lacksChunk] = [500, 0, [], false];
  const say = (level: string) => (facts: object, message: string) => {
    // It would take the place of the line's own.
    expect(facts).not.toHaveProperty('level');
    said.push(
      `${level}: ${message.split(':')[0]} ${JSON.stringify((facts as DiskSpace).freeBytes ?? facts)}`,
    );
  };
  watch = new DiskSpaceWatch({
    marks: MARKS,
    look: () => {
      if (free instanceof Error) return Promise.reject(free);
      return Promise.resolve(free === undefined ? undefined : { freeBytes: free, totalBytes: 1000 });
    },
    log: { info: say('info'), warn: say('warn') } as unknown as ConstructorParameters<
      typeof DiskSpaceWatch
    >[0]['log'],
    lacksChunk: () => lacksChunk,
    looked: () => looks++,
  });
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

async function look(now: number | Error | undefined): Promise<void> {
  free = now;
  const before = looks;
  await vi.advanceTimersByTimeAsync(500);
  expect(looks).toBe(before + 1);
}

test('each change of the level is one line, and below the reserve appends are refused with the figures', async () => {
  await watch.start();
  expect([said, watch.isShort, watch.shortage]).toEqual([[], false, undefined]);
  for (const now of [99, 90, 105]) await look(now);
  expect(said).toEqual(['warn: the disk is filling up 99']);
  for (const now of [19, 3, 21]) await look(now);
  expect(said.slice(1)).toEqual(['warn: the disk is almost full 19']);
  expect(watch.isShort).toBe(true);
  expect(watch.shortage).toMatchObject({ code: 'disk-full', details: { freeBytes: 21, reserveBytes: 20 } });
  expect(watch.shortage!.message).toMatch(/free.*kept.*DiskSpaceReserve.*by themselves/);
  await look(300);
  expect(said.slice(2)).toEqual(['info: the disk has space again 300']);
  expect(watch.shortage).toBeUndefined();
  await look(50);
  await look(500);
  expect(said.slice(3)).toEqual([
    'warn: the disk is filling up 50',
    'info: the disk is not filling up any more 500',
  ]);
  expect(watch.status).toEqual({
    ...{ level: 'ok', freeBytes: 500, totalBytes: 1000, warningBytes: 100, reserveBytes: 20 },
  });
});

test('room that can not be found out is told of once, and refuses nothing', async () => {
  await watch.start();
  await look(10);
  expect(watch.isShort).toBe(true);
  await look(new Error('EIO'));
  await look(new Error('EIO'));
  expect(said.slice(1)).toEqual(['warn: the free space of the disk is not known {"reason":"EIO"}']);
  expect(watch.status).toMatchObject({ level: 'unknown', freeBytes: 0, totalBytes: 0 });
  expect(watch.shortage).toBeUndefined();
  await look(undefined);
  expect(watch.status.level).toBe('unknown');
  await look(500);
  await look(new Error('EIO'));
  expect(said.filter((line) => line.includes('not known'))).toHaveLength(2);
});

test('a disk without room for a chunk is short, whatever is free, but takes appends as long as there are chunks', async () => {
  await watch.start();
  lacksChunk = true;
  expect([watch.status.level, watch.isShort, watch.shortage]).toEqual(['short', false, undefined]);
  await look(500);
  await look(500);
  expect(said).toEqual(['warn: the disk is almost full 500']);
  lacksChunk = false;
  await look(500);
  expect(said.slice(1)).toEqual(['info: the disk has space again 500']);
});

test('one that was stopped does not look any more', async () => {
  await watch.start();
  watch.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(looks).toBe(1);
});
