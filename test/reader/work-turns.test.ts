import { expect, test } from 'vitest';
import { WorkTurns } from '../../src/reader/work-turns.js';

test('whoever works takes turns, first come, first served, and each turn of the event loop has its share of the work', async () => {
  const turns = new WorkTurns();
  const order: string[] = [];
  let loops = 0;
  let isOver = false;
  const count = () => {
    loops++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  /** Works in so many pieces. */
  const worker = async (name: string, pieces: number, work: number) => {
    for (let i = 0; i < pieces; i++) {
      const turn = turns.enter();
      if (turn !== undefined) await turn;
      order.push(name);
      turns.spent(work);
      await Promise.resolve();
    }
  };
  await Promise.all([worker('a', 20, 150_000), worker('b', 20, 150_000), worker('c', 20, 150_000)]);
  isOver = true;
  // No one twice before all others, once all wait.
  const later = order.slice(6, 51);
  for (let i = 0; i + 3 <= later.length; i += 3) expect(new Set(later.slice(i, i + 3)).size).toBe(3);
  // Two pieces are more than a turn's work: some thirty turns.
  expect(loops).toBeGreaterThan(20);
});

test('who works little does not wait', () => {
  const turns = new WorkTurns();
  for (let i = 0; i < 100; i++) {
    expect(turns.enter()).toBeUndefined();
    turns.spent(10);
  }
});

test('after more than its share was taken, filters rest, and others get many turns', async () => {
  const turns = new WorkTurns();
  turns.spent(1_000_000);
  let loops = 0;
  const count = () => {
    loops++;
    if (loops < 1000) setImmediate(count);
  };
  setImmediate(count);
  const turn = turns.enter();
  expect(turn).toBeDefined();
  await turn;
  expect(loops).toBeGreaterThan(5);
});
