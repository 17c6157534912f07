/**
 * The membership of a cluster: who votes, who is replicated to, and which changes are allowed, one voter at a time. Pure.
 * A configuration is a log record (docs/formats.md, Membership) and counts from the moment it is in a node's log, committed or not:
 * Ongaro's thesis, section 4.1. It is taken back when the record is truncated.
 */

import { unreachable } from '../base/assert.js';
import { isUuid } from '../base/bytes.js';
import { textBytesOf } from './text-cache.js';

/** The identity of a data folder, a UUID: made with the folder, never given to another. A wiped node is a new member. */
export type MemberId = string;

/** `voter`: counts towards quorums. `clone`: replicated to, may be promoted. `replica`: read-only, never promoted. */
export type MemberRole = 'voter' | 'clone' | 'replica';

export interface Member {
  readonly id: MemberId;
  /** Where messages to it are sent: its address, which outlives the folder. */
  readonly name: string;
  readonly role: MemberRole;
  /** Failure domain; only the ack policy looks at it. */
  readonly zone: string;
}

export interface Configuration {
  /** 1, 2, 3, …: each record has the next one. */
  readonly version: number;
  /** How many voters there should be. Clones are promoted up to it; there is one more only while a dead voter is replaced. */
  readonly clusterSize: number;
  /** Sorted by id; ids are unique. */
  readonly members: readonly Member[];
}

/** What an operator, or the leader by itself, may ask for. */
export type MembershipChange =
  /** A new member, replicated to from now on. */
  | { readonly kind: 'add'; readonly member: Member }
  /** Out of the cluster, whatever its role. */
  | { readonly kind: 'remove'; readonly id: MemberId }
  /** A clone gets a vote. */
  /** `insteadOf`: a voter that is dead, and loses its vote next. First one more, then one less: so none of the living is needed twice. */
  | { readonly kind: 'promote'; readonly id: MemberId; readonly insteadOf?: MemberId }
  /** A voter loses its vote and stays as a clone. */
  | { readonly kind: 'demote'; readonly id: MemberId }
  | { readonly kind: 'resize'; readonly clusterSize: number };

/** More would make elections and quorums slow without surviving more. */
export const VOTERS_MAX = 9;
/** Voters, clones and replicas; bounds the record, the messages that carry it, and the leader's work per heartbeat. */
export const MEMBERS_MAX = 32;
/** A host name has at most 253 bytes (RFC 1035, section 2.3.4); with a colon and a port, rounded up. */
export const MEMBER_NAME_BYTES_MAX = 264;
/** The zones of the clouds have up to 30. */
export const ZONE_BYTES_MAX = 64;

const NO_ID = '00000000-0000-0000-0000-000000000000';

export type ChangeResult =
  | { readonly kind: 'ok'; readonly configuration: Configuration }
  | { readonly kind: 'invalid'; readonly reason: string };

export function memberOf(configuration: Configuration, id: MemberId): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

export function votersOf(configuration: Configuration): readonly Member[] {
  return configuration.members.filter((member) => member.role === 'voter');
}

export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return memberOf(configuration, id)?.role === 'voter';
}

/** How many voters are a majority. */
export function quorumOf(configuration: Configuration): number {
  return Math.floor(votersOf(configuration).length / 2) + 1;
}

/** Whether these ids hold a majority of the voters. Ids that are not voters count for nothing. */
export function isQuorum(configuration: Configuration, ids: ReadonlySet<MemberId>): boolean {
  const present = votersOf(configuration).filter((voter) => ids.has(voter.id)).length;
  return present >= quorumOf(configuration);
}

/**
 * The configuration after `change`: at most one voter more or less, so that every majority before shares a node with every
 * majority after (Ongaro, thesis, section 4.1). A new member never begins as a voter.
 */
export function applyChange(configuration: Configuration, change: MembershipChange): ChangeResult {
  switch (change.kind) {
    case 'add':
      return added(configuration, change.member);
    case 'remove':
      return removed(configuration, change.id);
    case 'promote':
      return promoted(configuration, change.id, change.insteadOf);
    case 'demote':
      return demoted(configuration, change.id);
    case 'resize':
      return resized(configuration, change.clusterSize);
    default:
      return unreachable(change);
  }
}

function added(configuration: Configuration, member: Member): ChangeResult {
  if (member.role === 'voter') return invalid('a new member begins as a clone or a replica');
  const fault = faultOf(member);
  if (fault !== undefined) return invalid(fault);
  if (memberOf(configuration, member.id) !== undefined) return invalid('it is a member already');
  if (configuration.members.length >= MEMBERS_MAX) return invalid(`there are ${MEMBERS_MAX} members already`);
  return next(configuration, [...configuration.members, member]);
}

/** What keeps a member from being written into a record, if anything: an operator may have made it up. */
function faultOf({ id, name, zone }: Member): string | undefined {
  if (!isUuid(id) || id === NO_ID) return 'its id is not a UUID in lower case';
  const nameBytes = textBytesOf(name) ?? 0;
  if (nameBytes < 1 || nameBytes > MEMBER_NAME_BYTES_MAX)
    return `a name has 1 to ${MEMBER_NAME_BYTES_MAX} bytes`;
  const zoneBytes = textBytesOf(zone) ?? Number.POSITIVE_INFINITY;
  return zoneBytes > ZONE_BYTES_MAX ? `a zone has at most ${ZONE_BYTES_MAX} bytes` : undefined;
}

function removed(configuration: Configuration, id: MemberId): ChangeResult {
  const member = memberOf(configuration, id);
  if (member === undefined) return invalid('it is no member');
  if (isLastVoter(configuration, id)) return invalid('it is the last voter');
  return next(
    configuration,
    configuration.members.filter((other) => other.id !== id),
  );
}

function promoted(configuration: Configuration, id: MemberId, insteadOf?: MemberId): ChangeResult {
  if (memberOf(configuration, id)?.role !== 'clone') return invalid('only a clone can be given a vote');
  const voters = votersOf(configuration).length;
  const replaces = insteadOf !== undefined && isVoter(configuration, insteadOf);
  const limit = Math.min(VOTERS_MAX, configuration.clusterSize + (replaces ? 1 : 0));
  if (voters >= limit) return invalid(`there are ${voters} voters already`);
  return withRole(configuration, id, 'voter');
}

function demoted(configuration: Configuration, id: MemberId): ChangeResult {
  if (!isVoter(configuration, id)) return invalid('it has no vote');
  if (isLastVoter(configuration, id)) return invalid('it is the last voter');
  return withRole(configuration, id, 'clone');
}

function resized(configuration: Configuration, clusterSize: number): ChangeResult {
  const isSize = Number.isInteger(clusterSize) && clusterSize >= 1 && clusterSize <= VOTERS_MAX;
  if (!isSize) return invalid(`a cluster has 1 to ${VOTERS_MAX} voters`);
  return next({ ...configuration, clusterSize }, configuration.members);
}

function isLastVoter(configuration: Configuration, id: MemberId): boolean {
  return isVoter(configuration, id) && votersOf(configuration).length === 1;
}

function withRole(configuration: Configuration, id: MemberId, role: MemberRole): ChangeResult {
  const members = configuration.members.map((member) => (member.id === id ? { ...member, role } : member));
  return next(configuration, members);
}

function next(configuration: Configuration, members: readonly Member[]): ChangeResult {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    kind: 'ok',
    configuration: { ...configuration, version: configuration.version + 1, members: sorted },
  };
}

function invalid(reason: string): ChangeResult {
  return { kind: 'invalid', reason };
}
