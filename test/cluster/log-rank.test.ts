import { expect, test } from 'vitest';
import { chooseLeader, type Promised } from '../../src/cluster/log-rank.js';
import { idOf } from './ids.js';

const [A, B, C] = [idOf(1), idOf(2), idOf(3)];
const NOBODY = { resigning: '', failed: new Set<string>(), chosen: '' };

/** A node with all of the log, but for what is said otherwise. */
function promised(id: string, changes: Partial<Promised> = {}): Promised {
  return { id, name: id, lastEpoch: 3, position: 800, commit: 800, priority: 0, ...changes };
}

test.each<[string, Promised[], Partial<typeof NOBODY>, string]>([
  ['the best log', [promised(A), promised(B, { position: 900 }), promised(C)], {}, B],
  [
    'the higher epoch, though shorter',
    [promised(A), promised(B, { lastEpoch: 4, position: 80 }), promised(C)],
    {},
    B,
  ],
  ['of equal logs the higher priority', [promised(A), promised(B), promised(C, { priority: 1 })], {}, C],
  ['of equal priorities the lower id', [promised(C), promised(B), promised(A)], {}, A],
  ['not who failed of late', [promised(A), promised(B), promised(C)], { failed: new Set([A]) }, B],
  ['not who resigns', [promised(A, { priority: 9 }), promised(B), promised(C)], { resigning: A }, B],
  [
    'who was chosen, whatever the priority',
    [promised(A), promised(B, { priority: 9 }), promised(C)],
    { resigning: A, chosen: C },
    C,
  ],
  [
    'not who was chosen, if its log is shorter',
    [promised(A), promised(B), promised(C, { position: 700 })],
    { resigning: A, chosen: C },
    B,
  ],
  [
    'who resigns, if nobody else can lead',
    [promised(A), promised(B, { position: 8 }), promised(C, { position: 80 })],
    { resigning: A },
    C,
  ],
])('%s leads', (_what, promises, preferences, leader) => {
  expect(chooseLeader(promises, 2, { ...NOBODY, ...preferences })?.id).toBe(leader);
});

test('nobody leads whose log is shorter than those of a quorum', () => {
  expect(chooseLeader([promised(A)], 2, NOBODY)).toBeUndefined();
});
