import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GOSSIP_ENTRIES_MAX, type GossipOptions, GossipState } from '../../src/cluster/gossip.js';
import {
  compareEntries,
  type GossipEntry,
  type GossipFacts,
  type HeardEntry,
} from '../../src/cluster/gossip-entry.js';
import { idOf } from './ids.js';

const DEAD_MS = 10_000;
const FORGET_MS = 100_000;

function factsOf(number: number): GossipFacts {
  return {
    name: `node-${number}:2113`,
    clientAddress: `node-${number}.example:2113`,
    zone: '',
    role: 'voter',
    nodeRole: 'following',
    leader: 'node-1:2113',
    epoch: 1,
    epochPosition: 0,
    commit: 0,
    indexed: 0,
    end: 0,
    priority: 0,
    release: '0.1.0',
  };
}

function entryOf(number: number, start = 1, version = 1, name = number): GossipEntry {
  return { ...factsOf(name), memberId: idOf(number), start, version };
}

function heard(entry: GossipEntry, ageMs = 0): HeardEntry {
  return { entry, ageMs };
}

/** A generator of fractions that is the same in each run (Knuth, MMIX; its upper bits). */
function randomOf(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 32n) / 2 ** 32;
  };
}

function stateOf(number: number, options: Partial<GossipOptions> = {}, nowMs = 0): GossipState {
  const all: GossipOptions = {
    memberId: idOf(number),
    start: 1,
    seeds: ['node-1:2113'],
    intervalMs: 1000,
    deadAfterMs: DEAD_MS,
    forgetAfterMs: FORGET_MS,
    random: randomOf(number),
    ...options,
  };
  return new GossipState(all, factsOf(number), nowMs);
}

/** `id/start/version` of all but itself. */
function known(state: GossipState, nowMs = 0): string[] {
  return state
    .members(nowMs)
    .filter(({ entry }) => entry !== state.own)
    .map(({ entry }) => `${Number.parseInt(entry.memberId.slice(-4), 16)}/${entry.start}/${entry.version}`);
}

function livingNumbers(state: GossipState, nowMs: number): number[] {
  const living = state.members(nowMs).filter(({ isAlive }) => isAlive);
  return living.map(({ entry }) => Number.parseInt(entry.memberId.slice(-4), 16));
}

describe('merging', () => {
  const anyHeard = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.nat(3), fc.nat(3), fc.nat(2), fc.nat(5000))
    .map(([number, start, version, commit, ageMs]) =>
      heard({ ...entryOf(number, start, version), commit: 8 * commit }, ageMs),
    );
  const anyTold = fc.array(fc.array(anyHeard, { maxLength: 6 }), { maxLength: 6 });

  /** What is known after hearing these at time 0, by the definition: for each id the greatest, heard the most recently. */
  function naive(told: readonly HeardEntry[][]): HeardEntry[] {
    const ids = [2, 3, 4, 5, 6].map(idOf);
    return ids.flatMap((id) => {
      const all = told.flat().filter(({ entry }) => entry.memberId === id);
      if (all.length === 0) return [];
      const { entry } = all.reduce((a, b) => (compareEntries(a.entry, b.entry) >= 0 ? a : b));
      const ages = all.filter((other) => compareEntries(other.entry, entry) === 0).map(({ ageMs }) => ageMs);
      return [heard(entry, Math.min(...ages))];
    });
  }

  function knownAfter(told: readonly HeardEntry[][]): readonly HeardEntry[] {
    const state = stateOf(1);
    for (const entries of told) state.merge(entries, 0);
    return state.tell(0).slice(1);
  }

  test('keeps the latest entry of each member, whatever the order and the number of tellings', () => {
    fc.assert(
      fc.property(anyTold, fc.infiniteStream(fc.nat()), (told, numbers) => {
        const expected = naive(told);
        expect(knownAfter(told)).toEqual(expected);
        const twice = [...told, ...told].map((entries) => ({ entries, at: numbers.next().value as number }));
        const shuffled = twice.sort((a, b) => a.at - b.at).map(({ entries }) => entries);
        expect(knownAfter(shuffled)).toEqual(expected);
        expect(knownAfter([told.flat()])).toEqual(expected);
      }),
    );
  });

  test('two nodes that tell each other everything know the same', () => {
    fc.assert(
      fc.property(anyTold, anyTold, (toldA, toldB) => {
        const [a, b] = [stateOf(1), stateOf(1)];
        for (const entries of toldA) a.merge(entries, 0);
        for (const entries of toldB) b.merge(entries, 0);
        const round = a.tell(0);
        b.merge(round, 0);
        a.merge(b.answer(round, 0), 0);
        // The entries; that one of them heard of the same version earlier is not worth an answer.
        expect(a.tell(0).map(({ entry }) => entry)).toEqual(b.tell(0).map(({ entry }) => entry));
      }),
    );
  });

  test('never goes back to an earlier version', () => {
    const state = stateOf(1);
    state.merge([heard(entryOf(2, 2, 5))], 0);
    state.merge([heard(entryOf(2, 2, 4)), heard(entryOf(2, 1, 99))], 0);
    expect(known(state)).toEqual(['2/2/5']);
    state.merge([heard(entryOf(2, 3, 1))], 0);
    expect(known(state)).toEqual(['2/3/1']);
  });

  test('of two copies of a folder all nodes believe the same one', () => {
    const copies = [heard({ ...entryOf(2), commit: 8 }), heard({ ...entryOf(2), commit: 16 })];
    const [a, b] = [stateOf(1), stateOf(1)];
    a.merge(copies, 0);
    b.merge([...copies].reverse(), 0);
    expect(a.tell(0)).toEqual(b.tell(0));
  });
});

describe("a node's own entry", () => {
  test('has a new version whenever it changes, and with each round', () => {
    const state = stateOf(2);
    expect(state.own.version).toBe(1);
    state.update({ commit: 64 });
    expect(state.own).toMatchObject({ version: 2, commit: 64, memberId: idOf(2), start: 1 });
    state.tick(0);
    expect(state.own).toMatchObject({ version: 3, commit: 64 });
  });

  test('is never taken from others; what they tell of a copy is outbid', () => {
    const state = stateOf(2);
    state.merge([heard({ ...entryOf(2, 1, 7), commit: 800 })], 0);
    expect(state.own).toMatchObject({ version: 1, commit: 0 });
    expect(state.isCopied).toBe(true);
    state.update({});
    expect(state.own.version).toBe(8);
  });

  test('coming back from others as it was is no copy', () => {
    const state = stateOf(2, { start: 3 });
    state.merge([heard(entryOf(2, 2, 99)), heard(state.own)], 0);
    state.update({});
    expect([state.isCopied, state.own.version]).toEqual([false, 2]);
  });

  test('of a later start is a copy', () => {
    const state = stateOf(2);
    state.merge([heard(entryOf(2, 2, 1))], 0);
    expect(state.isCopied).toBe(true);
  });
});

describe('who is silent', () => {
  test('is dead after a while, alive again when heard, and forgotten after a long while', () => {
    const state = stateOf(1);
    state.merge([heard(entryOf(2))], 0);
    expect(livingNumbers(state, DEAD_MS - 1)).toEqual([1, 2]);
    expect(livingNumbers(state, DEAD_MS)).toEqual([1]);
    state.merge([heard(entryOf(2, 1, 2))], DEAD_MS);
    expect(livingNumbers(state, DEAD_MS)).toEqual([1, 2]);
    state.merge([], DEAD_MS + FORGET_MS - 1);
    expect(known(state)).toEqual(['2/1/2']);
    state.merge([], DEAD_MS + FORGET_MS);
    expect(known(state)).toEqual([]);
  });

  test('does not live longer by being told of', () => {
    const [a, b, c] = [stateOf(1), stateOf(2), stateOf(3)];
    a.merge([heard(entryOf(9))], 0);
    b.merge(a.tell(DEAD_MS - 1), DEAD_MS - 1);
    c.merge(b.tell(DEAD_MS - 1), DEAD_MS - 1);
    expect(livingNumbers(c, DEAD_MS - 1)).toContain(9);
    for (const state of [a, b, c]) expect(livingNumbers(state, DEAD_MS)).not.toContain(9);
    c.merge(a.tell(DEAD_MS), DEAD_MS);
    expect(livingNumbers(c, DEAD_MS)).not.toContain(9);
  });

  test('is not learned of again once it would be forgotten', () => {
    const state = stateOf(1);
    state.merge([heard(entryOf(2), FORGET_MS)], 0);
    expect(known(state)).toEqual([]);
  });

  test('gives way to a node with the same name, but only when it is dead', () => {
    const state = stateOf(1);
    state.merge([heard(entryOf(2))], 0);
    const wiped = entryOf(12, 1, 1, 2);
    state.merge([heard(wiped)], 100);
    expect(known(state)).toEqual(['2/1/1', '12/1/1']);
    state.merge([heard({ ...wiped, version: 2 })], DEAD_MS);
    expect(known(state, DEAD_MS)).toEqual(['12/1/2']);
    // Somebody who has not noticed tells of the old one again.
    state.merge([heard(entryOf(2), DEAD_MS)], DEAD_MS);
    expect(known(state, DEAD_MS)).toEqual(['12/1/2']);
  });

  test('gives way to this node if it has the same name', () => {
    const state = stateOf(1);
    state.merge([heard(entryOf(2, 1, 1, 1), DEAD_MS)], 0);
    expect(known(state)).toEqual([]);
  });
});

test('however many are told of, the longest silent are dropped beyond the limit', () => {
  const state = stateOf(1);
  const strangers = Array.from({ length: 3 * GOSSIP_ENTRIES_MAX }, (_, i) => heard(entryOf(i + 2), i));
  state.merge(strangers, 0);
  expect(known(state)).toEqual(strangers.slice(0, GOSSIP_ENTRIES_MAX - 1).map((_, i) => `${i + 2}/1/1`));
});

describe('rounds', () => {
  test('are fast at first, then at the interval', () => {
    const state = stateOf(2);
    const times: number[] = [];
    for (let i = 0; i < 23; i++) {
      const now = state.deadlineMs;
      expect(state.tick(now - 1)).toBeUndefined();
      expect(state.tick(now)).toBeDefined();
      times.push(now);
    }
    expect(times.slice(0, 3)).toEqual([0, 100, 200]);
    expect(times.slice(-3)).toEqual([2000, 3000, 4000]);
  });

  test('go to a seed as long as nobody else is known, and never to the node itself', () => {
    expect(stateOf(2).tick(0)?.to).toBe('node-1:2113');
    expect(stateOf(1).tick(0)).toBeUndefined();
  });

  test('go to living nodes, and now and then to a dead one or a seed', () => {
    const state = stateOf(2);
    const counts = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      const now = state.deadlineMs;
      state.merge(
        [heard(entryOf(3, 1, i + 1)), heard(entryOf(4, 1, i + 1)), heard(entryOf(5), DEAD_MS)],
        now,
      );
      const to = state.tick(now)!.to;
      counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['node-1:2113', 'node-3:2113', 'node-4:2113', 'node-5:2113']);
    const probes = counts.get('node-1:2113')! + counts.get('node-5:2113')!;
    expect(probes).toBeGreaterThan(40);
    expect(probes).toBeLessThan(140);
  });

  test('spread a change to all nodes in about as many as the logarithm of their number', () => {
    for (const count of [3, 8, 32, 60]) {
      const rounds = roundsToSpread(count, count);
      expect(rounds).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)) + 3);
    }
  });

  test('bring nodes together that know nothing but one seed', () => {
    const nodes = Array.from({ length: 32 }, (_, i) => stateOf(i + 1, { random: randomOf(1000 + i) }));
    let rounds = 0;
    while (nodes.some((node) => node.members(0).length < nodes.length)) {
      gossipOnce(nodes, 100 * rounds++);
      expect(rounds).toBeLessThan(20);
    }
  });
});

/** Everybody has a round, with an answer. */
function gossipOnce(nodes: readonly GossipState[], nowMs: number): void {
  for (const node of nodes) {
    const round = node.tick(nowMs);
    const peer = nodes.find(({ own }) => own.name === round?.to);
    if (round === undefined || peer === undefined) continue;
    peer.merge(round.entries, nowMs);
    node.merge(peer.answer(round.entries, nowMs), nowMs);
  }
}

/** How many rounds it takes until all have heard of a change at the first of `count` nodes that know each other. */
function roundsToSpread(count: number, seed: number): number {
  const nodes = Array.from({ length: count }, (_, i) => stateOf(i + 1, { random: randomOf(seed + i) }));
  const all = nodes.map(({ own }) => heard(own));
  for (const node of nodes) node.merge(all, 0);
  nodes[0]!.update({ commit: 4096 });
  let rounds = 0;
  const hasHeard = (node: GossipState) => node.members(0).some(({ entry }) => entry.commit === 4096);
  while (!nodes.every(hasHeard)) gossipOnce(nodes, 100 * rounds++);
  return rounds;
}
