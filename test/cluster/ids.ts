/** Ids and members for tests: small numbers as UUIDs. */
import type { Configuration, Member, MemberRole } from '../../src/cluster/configuration.js';

export function idOf(number: number): string {
  return `018f4e5c-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

export function memberOf(number: number, role: MemberRole = 'voter', zone = ''): Member {
  return { id: idOf(number), name: `node-${number}:2113`, role, zone };
}

/** Voters 1 to `voters`, then clones. */
export function configurationOf(voters: number, clones = 0): Configuration {
  const members = Array.from({ length: voters + clones }, (_, i) =>
    memberOf(i + 1, i < voters ? 'voter' : 'clone'),
  );
  return { version: 1, clusterSize: voters, members };
}
