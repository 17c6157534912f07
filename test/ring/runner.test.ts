/** How a thread waits: asleep, or awake for who rings soon. */
import { expect, test } from 'vitest';
import { Doorbell } from '../../src/ring/doorbell.js';
import { type Agent, runAgent } from '../../src/ring/runner.js';
import { Vigil } from '../../src/ring/vigil.js';

const ROUNDS = 100;

/** Is rung whenever it looks at the bell for the second time, and counts how often it slept. */
class RungSoon extends Doorbell {
  sleeps = 0;
  #looks = 0;

  override rings(): number {
    if (++this.#looks % 2 === 0) this.ring();
    return super.rings();
  }

  override park(): void {
    this.sleeps++;
  }
}

function sleepsOf(isAwaited: boolean, vigil: Vigil | undefined): number {
  const bell = new RungSoon(new Int32Array(new SharedArrayBuffer(8)), 0);
  let rounds = 0;
  const agent: Agent = {
    doWork: () => 0,
    isDone: () => rounds >= ROUNDS,
    idleMs: () => Number.POSITIVE_INFINITY,
    isAwaited: () => {
      rounds++;
      return isAwaited;
    },
    close: () => expect(rounds + bell.sleeps).toBeGreaterThan(0),
  };
  if (vigil === undefined) agent.isDone = () => bell.sleeps >= ROUNDS;
  runAgent(agent, bell, vigil);
  return bell.sleeps;
}

test('who is rung soon, by somebody who waits, sleeps only until that is known', () => {
  expect(sleepsOf(true, new Vigil(10))).toBeLessThan(ROUNDS / 2);
});

test.each([
  { name: 'nobody waits for', isAwaited: false, vigil: new Vigil(10) },
  { name: 'is told to', isAwaited: true, vigil: new Vigil(0) },
  { name: 'has no vigil', isAwaited: true, vigil: undefined },
])('who $name always sleeps', ({ isAwaited, vigil }) => {
  expect(sleepsOf(isAwaited, vigil)).toBe(ROUNDS);
});
