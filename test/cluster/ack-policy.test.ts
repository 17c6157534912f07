import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AckPolicy, acknowledgedBy, canBeMet, type LogProgress } from '../../src/cluster/ack-policy.js';
import type { Member } from '../../src/cluster/configuration.js';
import { idOf, memberOf } from './ids.js';

const POLICIES: readonly AckPolicy[] = ['leader', 'quorum', 'all', 'quorum-and-zone'];

interface Node {
  readonly role: Member['role'];
  readonly zone: string;
  readonly durable: number;
}

function voter(zone: string, durable: number): Node {
  return { role: 'voter', zone, durable };
}

/** The first node is the leader. */
function progressOf(nodes: readonly Node[], commit: number): LogProgress {
  const members = nodes.map(({ role, zone }, i) => memberOf(i + 1, role, zone));
  const durable = new Map(nodes.map((node, i) => [idOf(i + 1), node.durable]));
  return {
    configuration: { version: 1, clusterSize: 3, members },
    leader: { id: idOf(1), zone: nodes[0]!.zone },
    durableBy: (id) => durable.get(id) ?? 0,
    commit,
  };
}

test.each<[string, readonly Node[], number, readonly (number | undefined)[]]>([
  ['three in three zones', [voter('a', 800), voter('b', 640), voter('c', 80)], 640, [800, 640, 80, 640]],
  ['nobody has caught up', [voter('a', 800), voter('b', 0), voter('c', 0)], 0, [800, 0, 0, 0]],
  [
    "the leader's disk is the slow one",
    [voter('a', 80), voter('b', 640), voter('c', 640)],
    640,
    [640, 640, 80, 640],
  ],
  ['the other zone is behind', [voter('a', 800), voter('a', 800), voter('b', 80)], 800, [800, 800, 80, 80]],
  [
    'the other zone is ahead of commit',
    [voter('a', 80), voter('a', 80), voter('b', 800)],
    80,
    [80, 80, 80, 80],
  ],
  ['all in one zone', [voter('a', 800), voter('a', 800), voter('a', 800)], 800, [800, 800, 800, undefined]],
  ['no zones', [voter('', 800), voter('', 800), voter('', 800)], 800, [800, 800, 800, undefined]],
  [
    'the leader has no zone',
    [voter('', 800), voter('b', 800), voter('c', 800)],
    800,
    [800, 800, 800, undefined],
  ],
  [
    'the others have no zone',
    [voter('a', 800), voter('', 800), voter('', 800)],
    800,
    [800, 800, 800, undefined],
  ],
  ['alone', [voter('a', 800)], 800, [800, 800, 800, undefined]],
  [
    'clones and replicas count for nothing',
    [voter('a', 800), { role: 'clone', zone: 'b', durable: 800 }, { role: 'replica', zone: 'c', durable: 0 }],
    800,
    [800, 800, 800, undefined],
  ],
  [
    'a leader that has removed itself',
    [{ role: 'clone', zone: 'a', durable: 800 }, voter('b', 640), voter('b', 320)],
    320,
    [800, 320, 320, 320],
  ],
])('%s', (_, nodes, commit, expected) => {
  const progress = progressOf(nodes, commit);
  expect(POLICIES.map((policy) => acknowledgedBy(policy, progress))).toEqual(expected);
  expect(POLICIES.map((policy) => canBeMet(policy, progress))).toEqual(
    expected.map((value) => value !== undefined),
  );
});

const anyNode: fc.Arbitrary<Node> = fc.record({
  role: fc.constantFrom('voter' as const, 'voter' as const, 'clone' as const),
  zone: fc.constantFrom('', 'a', 'b', 'c'),
  durable: fc.nat(20).map((value) => 8 * value),
});
const anyProgress = fc.record({
  nodes: fc
    .array(anyNode, { minLength: 1, maxLength: 6 })
    .map(([first, ...others]) => [{ ...first!, role: 'voter' as const }, ...others]),
  commit: fc.nat(20).map((value) => 8 * value),
});

/** Whether the policy is met at one position, spelled out. */
function isMet(policy: AckPolicy, nodes: readonly Node[], commit: number, position: number): boolean {
  const holders = nodes.filter(({ role, durable }) => role === 'voter' && durable >= position);
  if (policy === 'leader') return commit >= position || nodes[0]!.durable >= position;
  if (commit < position) return false;
  if (policy === 'quorum') return true;
  if (policy === 'all') return holders.length === nodes.filter(({ role }) => role === 'voter').length;
  const zone = nodes[0]!.zone;
  return zone !== '' && holders.some((holder) => holder.zone !== '' && holder.zone !== zone);
}

test('a policy is met up to exactly the position that it names', () => {
  fc.assert(
    fc.property(anyProgress, fc.constantFrom(...POLICIES), ({ nodes, commit }, policy) => {
      const reached = acknowledgedBy(policy, progressOf(nodes, commit));
      for (let position = 8; position <= 168; position += 8)
        expect(isMet(policy, nodes, commit, position)).toBe(reached !== undefined && position <= reached);
    }),
  );
});

test('who asks for more is answered no earlier', () => {
  fc.assert(
    fc.property(anyProgress, ({ nodes, commit }) => {
      const progress = progressOf(nodes, commit);
      const [leader, quorum, all, zone] = POLICIES.map((policy) => acknowledgedBy(policy, progress) ?? 0);
      expect(leader).toBeGreaterThanOrEqual(quorum!);
      expect(quorum).toBeGreaterThanOrEqual(all!);
      expect(quorum).toBeGreaterThanOrEqual(zone!);
      // All voters include one in each zone.
      if (acknowledgedBy('quorum-and-zone', progress) !== undefined)
        expect(zone).toBeGreaterThanOrEqual(all!);
    }),
  );
});

test('what is acknowledged only grows while the log does and the members stay', () => {
  const anyGrowth = fc.array(fc.nat(5), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(anyProgress, anyGrowth, fc.constantFrom(...POLICIES), ({ nodes, commit }, growth, policy) => {
      const later = nodes.map((node, i) => ({ ...node, durable: node.durable + 8 * growth[i]! }));
      const before = acknowledgedBy(policy, progressOf(nodes, commit)) ?? 0;
      expect(acknowledgedBy(policy, progressOf(later, commit + 8 * growth[6]!)) ?? 0).toBeGreaterThanOrEqual(
        before,
      );
    }),
  );
});
