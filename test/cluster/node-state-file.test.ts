import { describe, expect, test } from 'vitest';
import { freshNodeState, type NodeState } from '../../src/cluster/node-state.js';
import { NodeStateFile } from '../../src/cluster/node-state-file.js';
import { type CrashKind, SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';
import { idOf } from './ids.js';

const FOLDER = '/data';
const PATH = '/data/node-state';

function stateOf(promisedEpoch: number): NodeState {
  return { ...freshNodeState(idOf(1), 7), promisedEpoch };
}

function newDisk(): SimulatedDisk {
  const disk = new SimulatedDisk(new Random(1));
  disk.makeDirectory(FOLDER);
  return disk;
}

class PowerCut extends Error {}

/** The promised epoch that is loaded. */
function loaded(disk: SimulatedDisk): number | string {
  const answer = NodeStateFile.load(disk, FOLDER);
  if (answer.kind !== 'loaded') return answer.kind;
  answer.file.close();
  return answer.state.promisedEpoch;
}

describe('a node state file', () => {
  test('holds what was saved last, whatever happens to the power', () => {
    for (const how of ['lose-all', 'keep-all', 'torn'] satisfies CrashKind[]) {
      const disk = newDisk();
      expect(loaded(disk)).toBe('absent');
      const file = NodeStateFile.create(disk, FOLDER, stateOf(1));
      for (let epoch = 2; epoch < 6; epoch++) file.save(stateOf(epoch));
      disk.crash(new Random(3), how);
      const again = NodeStateFile.load(disk, FOLDER);
      expect(again).toMatchObject({ kind: 'loaded', state: stateOf(5) });
      if (again.kind === 'loaded') again.file.save(stateOf(6));
      disk.crash(new Random(3), how);
      expect(loaded(disk)).toBe(6);
      expect(disk.openCount).toBe(0);
    }
  });

  test('holds the state before or the new one if the power goes anywhere in a save', () => {
    const seen = new Set<number | string>();
    for (let count = 0; count < 2; count++) {
      for (let seed = 0; seed < 40; seed++) {
        const disk = newDisk();
        const file = NodeStateFile.create(disk, FOLDER, stateOf(1));
        file.save(stateOf(2));
        cutPowerAt(disk, count, () => file.save(stateOf(3)));
        disk.crash(new Random(seed), 'torn');
        const found = loaded(disk);
        seen.add(found);
        // What was found once stays, whatever the power does.
        disk.crash(new Random(seed), 'lose-all');
        expect(loaded(disk)).toBe(found);
      }
    }
    expect([...seen].sort()).toEqual([2, 3]);
  });

  test('is there whole or not at all if the power goes anywhere while it is made, and can be made again', () => {
    const seen = new Set<number | string>();
    for (let count = 0; count < 6; count++) {
      for (let seed = 0; seed < 20; seed++) {
        const disk = newDisk();
        cutPowerAt(disk, count, () => NodeStateFile.create(disk, FOLDER, stateOf(1)));
        disk.crash(new Random(seed), 'torn');
        const found = loaded(disk);
        seen.add(found);
        if (found === 'absent') NodeStateFile.create(disk, FOLDER, stateOf(2));
        expect(loaded(disk)).toBe(found === 'absent' ? 2 : 1);
      }
    }
    expect([...seen].sort()).toEqual([1, 'absent']);
  });

  test('notices that the disk has swallowed a save', () => {
    const disk = newDisk();
    const file = NodeStateFile.create(disk, FOLDER, stateOf(1));
    disk.loseNextWrite = true;
    expect(() => file.save(stateOf(2))).toThrow('EIO');
    disk.misdirectNextWrite = true;
    expect(() => file.save(stateOf(2))).toThrow('EIO');
  });

  test('says that it is damaged', () => {
    const disk = newDisk();
    NodeStateFile.create(disk, FOLDER, stateOf(1));
    for (let at = 0; at < 16_384; at += 4096) disk.flipBit(PATH, at);
    expect(loaded(disk)).toBe('damaged');
    const short = newDisk();
    short.close(short.open(PATH, { access: 'create-new' }));
    expect(loaded(short)).toBe('damaged');
    expect(short.openCount).toBe(0);
  });
});

/** Runs `act` until before its change number `count`. */
function cutPowerAt(disk: SimulatedDisk, count: number, act: () => void): void {
  let change = 0;
  disk.beforeChange = () => {
    if (change++ === count) throw new PowerCut();
  };
  expect(act).toThrow(PowerCut);
  disk.beforeChange = undefined;
}
