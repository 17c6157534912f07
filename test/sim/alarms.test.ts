/** What a cluster makes of being told that a process is gone, rightly and wrongly. */
import { describe, expect, it } from 'vitest';
import type { SimNode } from '../../src/sim/node/sim-node.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { ELECTION_TIMEOUT_MS } from '../../src/sim/timing.js';

const SEEDS = Array.from({ length: 8 }, (_, i) => i + 1);
const FOUNDED_WITHIN_MS = 10 * ELECTION_TIMEOUT_MS;
/** Its last words are heard before its machine speaks: that a connection was refused, one learns after what came by the one before. */
const IN_FLIGHT_MS = 2;
/** With round trips and syncs of a millisecond each, and turns of an eighth of the timeout. */
const REPLACED_WITHIN_MS = ELECTION_TIMEOUT_MS / 2;

/** A cluster of these many voters that writes, and who leads it. */
function cluster(seed: number, nodes: number): { cluster: SimCluster; leader: SimNode } {
  const ignore = (): undefined => undefined;
  const made = new SimCluster({ seed, nodes, clones: 1, replicas: 1, onDown: ignore, onFenced: ignore });
  made.start();
  run(made, FOUNDED_WITHIN_MS, () => made.acceptedSinceMs > 0);
  run(made, ELECTION_TIMEOUT_MS);
  return { cluster: made, leader: made.leader! };
}

function run({ queue }: SimCluster, lengthMs: number, holds: () => boolean = () => false): void {
  const limitMs = queue.nowMs + lengthMs;
  for (let event = queue.next(limitMs); event !== undefined; event = queue.next(limitMs)) {
    event.run();
    if (holds()) return;
  }
}

describe('a leader that lives', () => {
  it.each([3, 5])(
    'of %i voters is not deposed by one that is told again and again that it is gone',
    (nodes) => {
      for (const seed of SEEDS) {
        const { cluster: world, leader } = cluster(seed, nodes);
        const epoch = leader.process?.epoch;
        const [told] = world.random.shuffle(world.nodes.filter((node) => node !== leader));
        const acceptedBefore = world.acceptedCount;
        for (let i = 0; i < 200; i++) {
          world.alarms.raise(told!.name, leader.name);
          run(world, world.random.between(1, 60));
        }
        expect(leader.process).toMatchObject({ role: 'leader', epoch });
        expect(world.invariants.leaders.size).toBe(1);
        expect(told!.process).toMatchObject({ role: 'following', epoch });
        expect(world.acceptedCount).toBeGreaterThan(acceptedBefore);
      }
    },
  );

  it('is not impressed by what it is told itself', () => {
    for (const seed of SEEDS) {
      const { cluster: world, leader } = cluster(seed, 3);
      for (const { name } of world.nodes) world.alarms.raise(leader.name, name);
      run(world, ELECTION_TIMEOUT_MS);
      expect(world.leader).toBe(leader);
      expect(world.invariants.leaders.size).toBe(1);
    }
  });

  it('is replaced by an election, and goes on as a follower, when all others are wrong at once', () => {
    for (const seed of SEEDS) {
      const { cluster: world, leader } = cluster(seed, 3);
      for (const { name } of world.nodes) world.alarms.raise(name, leader.name);
      const acceptedBefore = world.acceptedCount;
      run(world, 3 * ELECTION_TIMEOUT_MS);
      expect(world.nodes.filter(({ process }) => process?.role === 'leader')).toHaveLength(1);
      expect(world.acceptedCount).toBeGreaterThan(acceptedBefore);
    }
  });
});

describe('a leader that has died', () => {
  it.each([3, 5])('of %i voters is replaced before its silence would be noticed', (nodes) => {
    for (const seed of SEEDS) {
      const { cluster: world, leader } = cluster(seed, nodes);
      leader.crash('keep-all');
      run(world, IN_FLIGHT_MS);
      for (const { name } of world.nodes) world.alarms.raise(name, leader.name);
      run(world, REPLACED_WITHIN_MS);
      expect(world.leader?.process?.role).toBe('leader');
    }
  });
});
