import { expect, test } from 'vitest';
import { changedState, freshNodeState, type NodeState } from '../../src/cluster/node-state.js';
import { idOf } from './ids.js';

const STATE: NodeState = {
  ...freshNodeState(idOf(1), 7),
  ...{ clusterId: idOf(9), promisedEpoch: 4, ackedPosition: 800, catchingUpFrom: 640 },
};

test('a changed state has what was changed, also to nothing, and all else as it was', () => {
  const change = { promisedEpoch: 5, catchingUpFrom: undefined };
  expect(changedState(STATE, change)).toStrictEqual({ ...STATE, ...change });
  expect(changedState(STATE, {})).toStrictEqual(STATE);
  expect(STATE.promisedEpoch).toBe(4);
});

test('whatever shape a state comes in, it leaves with the same', () => {
  const turned = Object.fromEntries(Object.entries(STATE).reverse()) as unknown as NodeState;
  const keys = Object.keys(changedState(STATE, {}));
  expect(Object.keys(changedState(turned, { fenced: true }))).toStrictEqual(keys);
});
