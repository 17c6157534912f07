/**
 * What a node tells of itself by gossip, and which of two tellings is the later one. Pure. Only the owner of an entry makes new
 * versions of it, so versions are in order without a clock.
 */
import type { SpaceLevel } from '../base/disk-space.js';
import type { Epoch, Position } from '../base/units.js';
import type { MemberId, MemberRole } from './configuration.js';
import type { NodeRole } from './effects.js';

/** What of an entry its owner fills in; all of it for people and clients. */
export interface GossipFacts {
  /** Its address for other nodes, by which they know it over all its lives. */
  readonly name: string;
  /** Its address for clients. */
  readonly clientAddress: string;
  readonly zone: string;
  readonly role: MemberRole;
  readonly nodeRole: NodeRole;
  /** The leader that it follows or is, by name; '' if none. */
  readonly leader: string;
  /** Of its leader, and where that one's Epoch record stands; 0 if none. */
  readonly epoch: Epoch;
  readonly epochPosition: Position;
  readonly commit: Position;
  /** Everything before is in the index. */
  readonly indexed: Position;
  /** The end of its log. */
  readonly end: Position;
  readonly priority: number;
  /** The room on its disk; undefined of versions that do not tell. */
  readonly diskSpace?: SpaceLevel;
  /** The version of its software. */
  readonly release: string;
}

export interface GossipEntry extends GossipFacts {
  readonly memberId: MemberId;
  /** {@link NodeState.start}: durable, so that a new life's first version beats the last one of the life before. */
  readonly start: number;
  /** 1, 2, 3, … within a start. */
  readonly version: number;
}

/** An entry on its way. */
export interface HeardEntry {
  readonly entry: GossipEntry;
  /** How long ago the teller has heard of this version. Durations need no common clock; the time on the way is not counted. */
  readonly ageMs: number;
}

/**
 * Positive if `a` is later than `b`, an entry of the same member. A total order: two entries with the same numbers come from
 * copies of one folder, and then the texts decide, so that all nodes choose the same.
 */
export function compareEntries(a: GossipEntry, b: GossipEntry): number {
  if (a.start !== b.start) return a.start - b.start;
  if (a.version !== b.version) return a.version - b.version;
  const [textOfA, textOfB] = [canonical(a), canonical(b)];
  return textOfA === textOfB ? 0 : textOfA > textOfB ? 1 : -1;
}

/** The entry's fields in the order of their names. */
function canonical(entry: GossipEntry): string {
  return JSON.stringify(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
}
