import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Doorbell } from '../../src/ring/doorbell.js';

test('no ring is lost in 20,000 rounds between the event loop and a parked thread', async () => {
  const rounds = 20_000;
  const shared = new SharedArrayBuffer(1024);
  const words = new Int32Array(shared);
  const thread = new Doorbell(words, 0);
  const main = new Doorbell(words, 32);
  const worker = new Worker(new URL('./doorbell-thread.mjs', import.meta.url), {
    workerData: { shared, rounds },
  });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  // Atomics.waitAsync alone does not keep the event loop alive; a node has its server for that.
  for (let round = 1; round <= rounds; round++) {
    const seen = main.rings();
    Atomics.store(words, 64, round);
    thread.ring();
    while (Atomics.load(words, 96) !== round) {
      await new Promise<void>((resolve) => main.whenRung(seen, resolve));
    }
  }
  expect(await ended).toBe(0);
});

test('a ring before parking makes parking return at once', () => {
  const words = new Int32Array(new SharedArrayBuffer(64));
  const bell = new Doorbell(words, 0);
  const seen = bell.rings();
  bell.ring();
  bell.park(seen, Number.POSITIVE_INFINITY);
  expect(bell.rings()).toBe(seen + 1);
});
