/** The checker's linear pass against the definition: what it lets pass has a serial order, however the history was bent. */
import { expect, test } from 'vitest';
import { checkHistory } from '../../../src/sim/checks/history-checker.js';
import type { Operation } from '../../../src/sim/clients/history.js';
import { Random } from '../../../src/sim/random.js';
import { legalHistory, stateAt, type World } from './legal-history.js';
import { hasSerialOrder } from './serial-order.js';

const SEEDS = 1500;
/** All orders of so many are tried in a moment. */
const OPERATIONS = 6;

/** Serializable is promised of these only: a committed read may be as old as it likes. */
function strictOperations({ operations }: World): Operation[] {
  return operations.filter((operation) => operation.kind === 'append' || operation.mode === 'linearizable');
}

/** Changes a time or an answer. Without marks' help: they stay as they are. */
function bend({ operations, events }: World, random: Random): void {
  const operation = random.pick(operations);
  const later = () => operation.invoked.sequence + random.between(1, 12) - 0.5;
  if (random.chance(0.4)) {
    Object.assign(operation, {
      invoked: { sequence: operation.invoked.sequence - random.between(-6, 6), timeMs: 0 },
    });
    if (operation.completed !== undefined) operation.completed = { sequence: later(), timeMs: 0 };
  } else if (operation.kind === 'read') {
    const upTo = random.pick([0, ...events.map(({ end }) => end)]);
    const state = stateAt(events, operation.stream, upTo);
    operation.completed ??= { sequence: later(), timeMs: 0 };
    operation.outcome = { kind: 'ok', state, upTo, start: 1 };
  } else {
    operation.outcome = { kind: 'rejected', current: random.between(-1, 3) };
    operation.completed ??= { sequence: later(), timeMs: 0 };
  }
}

test('legal histories have a serial order', () => {
  for (let seed = 0; seed < SEEDS / 5; seed++) {
    expect(hasSerialOrder(strictOperations(legalHistory(seed, OPERATIONS))), `seed ${seed}`).toBe(true);
  }
});

test('what the checker lets pass has a serial order, and it finds what has none', () => {
  let passed = 0;
  let broken = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const random = new Random(seed, 2);
    const world = legalHistory(seed, OPERATIONS);
    for (let i = random.between(1, 2); i > 0; i--) bend(world, random);
    const isSerial = hasSerialOrder(strictOperations(world));
    const isClean = checkHistory(world).length === 0;
    if (isClean) expect(isSerial, `seed ${seed}`).toBe(true);
    if (isClean) passed++;
    if (!isSerial) broken++;
  }
  expect(passed).toBeGreaterThan(100);
  expect(broken).toBeGreaterThan(100);
});
