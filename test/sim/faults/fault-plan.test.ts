import { describe, expect, it } from 'vitest';
import { ALL_FAULT_KINDS, drawPlan, FAULT_KINDS, parseFaults } from '../../../src/sim/faults/fault-plan.js';
import { Random } from '../../../src/sim/random.js';

describe('names of faults', () => {
  it('are none, groups, kinds, all and swarm, with commas between', () => {
    expect(parseFaults('none')).toEqual({ kinds: [], isSwarm: false });
    expect(parseFaults('disk')).toEqual({ kinds: FAULT_KINDS.disk, isSwarm: false });
    expect(parseFaults('flap, crash')?.kinds).toEqual(['flap', ...FAULT_KINDS.crash]);
    expect(parseFaults('all')).toEqual({ kinds: ALL_FAULT_KINDS, isSwarm: false });
    expect(parseFaults('swarm')).toEqual({ kinds: ALL_FAULT_KINDS, isSwarm: true });
  });

  it('are nothing else', () => {
    expect(parseFaults('network,unknown')).toBeUndefined();
    expect(parseFaults('')).toBeUndefined();
  });
});

describe('a fault plan', () => {
  it('has every kind that was asked for, unless it is a swarm', () => {
    const selection = parseFaults('all')!;
    expect([...drawPlan(selection, new Random(1)).perSecond.keys()]).toEqual(ALL_FAULT_KINDS);
  });

  it('of a swarm has each kind in some runs and not in others', () => {
    const selection = parseFaults('swarm')!;
    const plans = Array.from({ length: 200 }, (_, seed) => drawPlan(selection, new Random(seed)));
    for (const kind of ALL_FAULT_KINDS) {
      const runs = plans.filter((plan) => plan.perSecond.has(kind)).length;
      expect(runs).toBeGreaterThan(40);
      expect(runs).toBeLessThan(140);
    }
  });
});
