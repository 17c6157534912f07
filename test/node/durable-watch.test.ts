/** Main stays awake for the writer when that is all there is to wait for. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { DurableWatch } from '../../src/node/durable-watch.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing, RingMemory } from '../../src/ring/layout.js';

const CHUNK_BYTES = 64 * 1024;
/** Far longer than a turn takes here, however busy the machine is. */
const BUSY_WAIT_US = 1_000_000;

let memory: RingMemory;
let durable: Cursor;
let moved: number;

beforeEach(() => {
  memory = new RingMemory(
    createRing({
      ringBytes: 2 * CHUNK_BYTES,
      recordBytesMax: 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    }),
  );
  durable = new Cursor(memory.control, CONTROL.durable, 0);
  moved = 0;
});

/** A watch that has seen the disk answer at once, again and again, up to position 800. */
function usedToFastWrites(busyWaitUs: number): DurableWatch {
  const watch = new DurableWatch(memory, busyWaitUs, () => moved++);
  for (let end = 8; end <= 800; end += 8) {
    watch.published(end, true);
    durable.store(end);
    watch.learned(end);
  }
  return watch;
}

test('what is durable within a vigil is noticed without a ring', async () => {
  const watch = usedToFastWrites(BUSY_WAIT_US);
  await nextTurn();
  moved = 0;
  watch.published(808, true);
  durable.store(808);
  await nextTurn();
  expect(moved).toBe(1);
});

test('nobody stays awake for what many have written, or if it is switched off', async () => {
  for (const [busyWaitUs, isAwaited] of [
    [BUSY_WAIT_US, false],
    [0, true],
  ] as const) {
    const watch = usedToFastWrites(busyWaitUs);
    await nextTurn();
    moved = 0;
    watch.published(808, isAwaited);
    durable.store(808);
    await nextTurn();
    expect(moved).toBe(0);
    durable.store(0);
  }
});

test('a vigil for what is known by then is not kept', async () => {
  const watch = usedToFastWrites(BUSY_WAIT_US);
  await nextTurn();
  moved = 0;
  watch.published(808, true);
  durable.store(808);
  watch.learned(808);
  await nextTurn();
  expect(moved).toBe(0);
});

test('the writer is told whether it is awaited', () => {
  const watch = new DurableWatch(memory, BUSY_WAIT_US, () => moved++);
  const isAwaited = () => Atomics.load(memory.control, CONTROL.isAwaited);
  watch.published(8, true);
  expect(isAwaited()).toBe(1);
  watch.published(16, false);
  expect(isAwaited()).toBe(0);
});
