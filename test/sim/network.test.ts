import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/cluster/messages.js';
import { EventQueue } from '../../src/sim/event-queue.js';
import { GOOD_NETWORK, Network, type NetworkQuality } from '../../src/sim/network.js';
import { Random } from '../../src/sim/random.js';
import { Trace } from '../../src/sim/trace.js';

const ID = '00000000-0000-4000-8000-000000000001';
const MESSAGES = 200;

function message(round: number): Message {
  const envelope = { clusterId: ID, from: ID, fromName: 'a', start: 1, nonce: 1, to: ID };
  return { ...envelope, kind: 'preVote', round };
}

/** A network of two, and the rounds of the messages that arrive at each. */
class World {
  readonly queue = new EventQueue();
  readonly arrived: Record<string, number[]> = { a: [], b: [] };
  readonly network: Network;

  constructor(quality: Partial<NetworkQuality> = {}, seed = 1) {
    this.network = new Network({
      queue: this.queue,
      trace: new Trace(),
      random: new Random(seed),
      deliver: (to, { kind, ...rest }) => {
        if (kind === 'preVote' && 'round' in rest) this.arrived[to]?.push(rest.round);
      },
    });
    this.network.quality = { ...GOOD_NETWORK, ...quality };
  }

  send(count = MESSAGES): void {
    for (let round = 1; round <= count; round++) {
      this.queue.at(round / 10, () => this.network.send('a', 'b', message(round)));
    }
  }

  run(limitMs = 100_000): number[] {
    for (let event = this.queue.next(limitMs); event !== undefined; event = this.queue.next(limitMs))
      event.run();
    return this.arrived['b']!;
  }
}

const all = Array.from({ length: MESSAGES }, (_, i) => i + 1);
const sorted = (rounds: readonly number[]) => [...rounds].sort((a, b) => a - b);

describe('a connection', () => {
  it('brings everything, once, in order', () => {
    const world = new World({ delayMinMs: 1, delayMaxMs: 50 });
    world.send();
    expect(world.run()).toEqual(all);
  });

  it('loses in stretches, and keeps the order', () => {
    const world = new World({ lossChance: 0.05, delayMaxMs: 5 });
    world.send();
    const arrived = world.run();
    expect(arrived.length).toBeLessThan(MESSAGES * 0.95);
    expect(arrived.length).toBeGreaterThan(0);
    expect(arrived).toEqual(sorted(arrived));
  });

  it('loses what is under way to a process that dies, not what that process has sent', () => {
    const world = new World({ delayMinMs: 5, delayMaxMs: 5 });
    world.network.send('a', 'b', message(1));
    world.network.send('b', 'a', message(2));
    world.network.disconnect('b');
    world.run();
    expect(world.arrived).toEqual({ a: [2], b: [] });
  });
});

describe('a cut', () => {
  it('is one way, and lasts until it is mended as often as it was cut', () => {
    const world = new World();
    const { network } = world;
    network.cut('a', 'b');
    network.cut('a', 'b');
    network.send('a', 'b', message(1));
    network.send('b', 'a', message(2));
    network.mend('a', 'b');
    expect(network.isCut('a', 'b')).toBe(true);
    network.send('a', 'b', message(3));
    network.mend('a', 'b');
    network.send('a', 'b', message(4));
    world.run();
    expect(world.arrived).toEqual({ a: [2], b: [4] });
  });

  it('takes along what is under way', () => {
    const world = new World({ delayMinMs: 5, delayMaxMs: 5 });
    world.network.send('a', 'b', message(1));
    world.network.cut('a', 'b');
    world.network.mend('a', 'b');
    expect(world.run()).toEqual([]);
  });
});

describe('chaos', () => {
  it('doubles, reorders and loses each message by itself', () => {
    const world = new World({ isChaotic: true, delayMaxMs: 20, duplicateChance: 0.3, lossChance: 0.1 });
    world.send();
    const arrived = world.run();
    expect(arrived).not.toEqual(sorted(arrived));
    const different = new Set(arrived);
    expect(different.size).toBeLessThan(MESSAGES);
    expect(arrived.length).toBeGreaterThan(different.size);
  });

  it('holds some back for long', () => {
    const world = new World({ isChaotic: true, lateChance: 0.2 });
    world.send();
    const inTime = world.run(100).length;
    expect(inTime).toBeLessThan(MESSAGES);
    expect(sorted(world.run())).toEqual(all);
  });
});

it('replays what was sent long ago', () => {
  const world = new World({ replayChance: 0.2 });
  world.send();
  const arrived = world.run();
  expect(sorted([...new Set(arrived)])).toEqual(all);
  expect(arrived.length).toBeGreaterThan(MESSAGES);
});
