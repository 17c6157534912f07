/** How members are written, in Membership records and in messages: docs/formats.md, Membership. Pure. */
import { assert, unreachable } from '../base/assert.js';
import { MEMBER_NAME_BYTES_MAX, type Member, type MemberRole, ZONE_BYTES_MAX } from './configuration.js';
import type { FieldReader } from './field-reader.js';
import type { FieldWriter } from './field-writer.js';

/** 0 is not a role: a field that somebody forgot is not taken for one. */
const ROLES: readonly (MemberRole | undefined)[] = [undefined, 'voter', 'clone', 'replica'];

export function writeRole(writer: FieldWriter, role: MemberRole): void {
  writer.u8(roleNumber(role));
}

export function readRole(reader: FieldReader): MemberRole {
  const number = reader.u8();
  const role = ROLES[number];
  if (role === undefined) reader.fail(`no member role: ${number}`);
  return role ?? 'replica';
}

/** A u16 with their number, then the members. */
export function writeMembers(writer: FieldWriter, members: readonly Member[]): void {
  assert(isAscending(members), 'members are sorted by id, and each has its own');
  writer.u16(members.length);
  for (const member of members) {
    writer.id(member.id);
    writeRole(writer, member.role);
    writer.text(member.name, 1, MEMBER_NAME_BYTES_MAX);
    writer.text(member.zone, 0, ZONE_BYTES_MAX);
  }
}

/** At least one member and at most `countMax`, sorted by their ids, which are unique. */
export function readMembers(reader: FieldReader, countMax: number): readonly Member[] {
  const count = reader.within(reader.u16(), 1, countMax);
  const members: Member[] = [];
  for (let i = 0; i < count; i++) {
    const id = reader.id();
    const role = readRole(reader);
    const name = reader.text(1, MEMBER_NAME_BYTES_MAX);
    members.push({ id, name, role, zone: reader.text(0, ZONE_BYTES_MAX) });
  }
  if (!isAscending(members)) reader.fail('members that are not sorted by id');
  return members;
}

/** Text and bytes of ids are in the same order. */
function isAscending(members: readonly Member[]): boolean {
  return members.every((member, i) => i === 0 || members[i - 1]!.id < member.id);
}

function roleNumber(role: MemberRole): number {
  switch (role) {
    case 'voter':
      return 1;
    case 'clone':
      return 2;
    case 'replica':
      return 3;
    default:
      return unreachable(role);
  }
}
