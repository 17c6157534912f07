import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyChange,
  type Configuration,
  isQuorum,
  isVoter,
  MEMBERS_MAX,
  type Member,
  type MembershipChange,
  quorumOf,
  VOTERS_MAX,
  votersOf,
} from '../../src/cluster/configuration.js';
import { decodeMembership, encodeMembership } from '../../src/cluster/membership-record.js';
import { configurationOf, idOf, memberOf } from './ids.js';

/** Ids of few members, so that changes often meet somebody. */
const anyMember = fc.record({
  number: fc.integer({ min: 1, max: 12 }),
  role: fc.constantFrom('voter' as const, 'clone' as const, 'replica' as const),
});
const anyChange: fc.Arbitrary<MembershipChange> = fc.oneof(
  anyMember.map(({ number, role }) => ({ kind: 'add' as const, member: memberOf(number, role) })),
  fc
    .tuple(fc.constantFrom('remove' as const, 'promote' as const, 'demote' as const), anyMember)
    .map(([kind, { number }]) => ({ kind, id: idOf(number) })),
  fc
    .integer({ min: 0, max: VOTERS_MAX + 1 })
    .map((clusterSize) => ({ kind: 'resize' as const, clusterSize })),
);
const anyChanges = fc.array(anyChange, { maxLength: 40 });
const anyFirst = fc.integer({ min: 1, max: 5 }).map((voters) => configurationOf(voters, 2));

/** The ids of the voters, and which of all subsets of them are quorums, by counting. */
function majorities(configuration: Configuration): ReadonlySet<string>[] {
  const voters = configuration.members.filter(({ role }) => role === 'voter').map(({ id }) => id);
  const subsets: Set<string>[] = [];
  for (let bits = 0; bits < 1 << voters.length; bits++) {
    const subset = new Set(voters.filter((_, i) => (bits & (1 << i)) !== 0));
    if (2 * subset.size > voters.length) subsets.push(subset);
  }
  return subsets;
}

/** The second implementation: the roles by id, and how many voters there should be. */
class NaiveCluster {
  readonly roles: Map<string, Member['role']>;
  clusterSize: number;

  constructor(configuration: Configuration) {
    this.roles = new Map(configuration.members.map(({ id, role }) => [id, role]));
    this.clusterSize = configuration.clusterSize;
  }

  get voters(): number {
    return [...this.roles.values()].filter((role) => role === 'voter').length;
  }

  /** Whether the change is allowed; if so, it is made. */
  apply(change: MembershipChange): boolean {
    if (change.kind === 'resize') {
      if (change.clusterSize < 1 || change.clusterSize > 9) return false;
      this.clusterSize = change.clusterSize;
      return true;
    }
    const id = change.kind === 'add' ? change.member.id : change.id;
    const role = this.roles.get(id);
    const isLastVoter = role === 'voter' && this.voters === 1;
    if (change.kind === 'add') {
      if (role !== undefined || change.member.role === 'voter' || this.roles.size === 32) return false;
      this.roles.set(id, change.member.role);
    } else if (change.kind === 'remove') {
      if (role === undefined || isLastVoter) return false;
      this.roles.delete(id);
    } else if (change.kind === 'promote') {
      if (role !== 'clone' || this.voters >= this.clusterSize) return false;
      this.roles.set(id, 'voter');
    } else {
      if (role !== 'voter' || isLastVoter) return false;
      this.roles.set(id, 'clone');
    }
    return true;
  }
}

test('any changes have the outcome that a naive cluster gives them', () => {
  fc.assert(
    fc.property(anyFirst, anyChanges, (first, changes) => {
      const naive = new NaiveCluster(first);
      let configuration = first;
      for (const change of changes) {
        const result = applyChange(configuration, change);
        expect(result.kind === 'ok').toBe(naive.apply(change));
        if (result.kind === 'invalid') continue;
        expect(result.configuration.version).toBe(configuration.version + 1);
        configuration = result.configuration;
        expect(new Map(configuration.members.map(({ id, role }) => [id, role]))).toEqual(naive.roles);
        expect(configuration.clusterSize).toBe(naive.clusterSize);
      }
    }),
  );
});

test('every majority before a change shares a voter with every majority after it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), anyChange, (voters, change) => {
      const before = { ...configurationOf(voters, 3), clusterSize: VOTERS_MAX };
      const result = applyChange(before, change);
      if (result.kind === 'invalid') return;
      const after = majorities(result.configuration);
      for (const old of majorities(before))
        for (const young of after) expect([...old].some((id) => young.has(id))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('whatever is reached by changes can be written into a record and read again', () => {
  fc.assert(
    fc.property(anyFirst, anyChanges, (first, changes) => {
      let configuration = first;
      for (const change of changes) {
        const result = applyChange(configuration, change);
        if (result.kind === 'ok') configuration = result.configuration;
      }
      expect(decodeMembership(encodeMembership(configuration))).toEqual(configuration);
    }),
  );
});

test.each([1, 2, 3, 4, 5, 9])(
  'of %d voters exactly the subsets with more than half of them are quorums',
  (voters) => {
    const configuration = configurationOf(voters, 2);
    const quorums = majorities(configuration);
    expect(Math.min(...quorums.map(({ size }) => size))).toBe(quorumOf(configuration));
    const clones = [idOf(voters + 1), idOf(voters + 2), idOf(99)];
    for (let bits = 0; bits < 1 << voters; bits++) {
      const ids = votersOf(configuration).filter((_, i) => (bits & (1 << i)) !== 0);
      const present = new Set([...ids.map(({ id }) => id), ...clones]);
      expect(isQuorum(configuration, present)).toBe(2 * ids.length > voters);
    }
  },
);

describe('a change is refused', () => {
  const three = configurationOf(3, 1);
  test.each<[string, Configuration, MembershipChange, string]>([
    ['that adds a voter', three, { kind: 'add', member: memberOf(9) }, 'a new member begins as'],
    ['that adds a member', three, { kind: 'add', member: memberOf(2, 'clone') }, 'a member already'],
    [
      'that adds one too many',
      configurationOf(1, MEMBERS_MAX - 1),
      { kind: 'add', member: memberOf(99, 'clone') },
      '32 members',
    ],
    [
      'that adds somebody without an id',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), id: '' } },
      'its id',
    ],
    [
      'that adds an id in capitals',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), id: idOf(0xab).toUpperCase() } },
      'its id',
    ],
    [
      'that adds the id of nobody',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), id: idOf(0).replaceAll(/[^-]/g, '0') } },
      'its id',
    ],
    [
      'that adds somebody without a name',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), name: '' } },
      'a name has',
    ],
    [
      'that adds too long a name',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), name: 'ü'.repeat(133) } },
      'a name has',
    ],
    [
      'that adds half a character',
      three,
      { kind: 'add', member: { ...memberOf(9, 'clone'), zone: '\ud800' } },
      'a zone has',
    ],
    [
      'that adds too long a zone',
      three,
      { kind: 'add', member: memberOf(9, 'clone', 'z'.repeat(65)) },
      'a zone has',
    ],
    ['that removes a stranger', three, { kind: 'remove', id: idOf(9) }, 'no member'],
    ['that removes the last voter', configurationOf(1, 2), { kind: 'remove', id: idOf(1) }, 'the last voter'],
    ['that demotes the last voter', configurationOf(1, 2), { kind: 'demote', id: idOf(1) }, 'the last voter'],
    ['that demotes a clone', three, { kind: 'demote', id: idOf(4) }, 'no vote'],
    ['that promotes a voter', three, { kind: 'promote', id: idOf(1) }, 'only a clone'],
    [
      'that promotes a replica',
      { ...three, members: [memberOf(1), memberOf(2, 'replica')] },
      { kind: 'promote', id: idOf(2) },
      'only a clone',
    ],
    ['that makes a voter too many', three, { kind: 'promote', id: idOf(4) }, '3 voters already'],
    ['that makes the cluster half a voter large', three, { kind: 'resize', clusterSize: 2.5 }, '1 to 9'],
    ['that makes it too large', three, { kind: 'resize', clusterSize: 10 }, '1 to 9'],
  ])('%s', (_, configuration, change, reason) => {
    const result = applyChange(configuration, change);
    expect(result).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) });
  });
});

test('members stay sorted by id, wherever a new one comes', () => {
  const before = { ...configurationOf(2), members: [memberOf(2), memberOf(6)] };
  for (const number of [1, 4, 9]) {
    const result = applyChange(before, { kind: 'add', member: memberOf(number, 'clone') });
    expect(result.kind).toBe('ok');
    if (result.kind !== 'ok') continue;
    const ids = result.configuration.members.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(isVoter(result.configuration, idOf(number))).toBe(false);
  }
});
