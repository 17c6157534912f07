/** A checker that never complains proves nothing: legal histories pass, and each kind of anomaly that is planted is found. */
import { expect, test } from 'vitest';
import { checkHistory } from '../../../src/sim/checks/history-checker.js';
import type { AppendOperation } from '../../../src/sim/clients/history.js';
import { Random } from '../../../src/sim/random.js';
import { APPEND_ANOMALIES } from './append-anomalies.js';
import { legalHistory } from './legal-history.js';
import { appends } from './planting.js';
import { VIEW_ANOMALIES } from './view-anomalies.js';

const SEEDS = 60;
/** How many of the seeds must have had a place for an anomaly. */
const PLANTED_MIN = 20;

test('legal histories pass, and have all that a history can have', () => {
  const kinds = new Map<string, number>();
  for (let seed = 0; seed < 4 * SEEDS; seed++) {
    const world = legalHistory(seed);
    expect(checkHistory(world), `seed ${seed}`).toEqual([]);
    for (const { kind, outcome } of world.operations) {
      kinds.set(`${kind} ${outcome.kind}`, (kinds.get(`${kind} ${outcome.kind}`) ?? 0) + 1);
    }
  }
  for (const kind of [
    'append ok',
    'append rejected',
    'append refused',
    'append unknown',
    'read ok',
    'read failed',
  ]) {
    expect(kinds.get(kind), kind).toBeGreaterThan(100);
  }
});

test.each([...APPEND_ANOMALIES, ...VIEW_ANOMALIES])('$name is found: $kind', ({ kind, plant, isPure }) => {
  let planted = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const world = legalHistory(seed);
    if (!plant(world, new Random(seed, 1))) continue;
    planted++;
    const kinds = [...new Set(checkHistory(world, 10_000).map((anomaly) => anomaly.kind))];
    if (isPure) expect(kinds, `seed ${seed}`).toEqual([kind]);
    else expect(kinds, `seed ${seed}`).toContain(kind);
  }
  expect(planted).toBeGreaterThan(PLANTED_MIN);
});

test('an attempt without an answer excuses a rejected append that is there', () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const world = legalHistory(seed);
    const append = appends(world, 'ok').find(
      ({ outcome, expected }) => outcome.firstRevision > 0 && expected !== 'any',
    );
    if (append === undefined) continue;
    (append as AppendOperation).outcome = { kind: 'rejected', current: 1_000_000 };
    append.unsettled = 1;
    expect(checkHistory(world).map(({ kind }) => kind)).toEqual(['unjustified-rejection']);
  }
});

test('no more anomalies are told than asked for', () => {
  const world = legalHistory(1);
  world.events.length = 0;
  expect(checkHistory(world, 3)).toHaveLength(3);
});
