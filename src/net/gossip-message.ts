/**
 * What one node tells another by `POST /gossip`, as JSON, and back. Pure. Whatever comes in is checked field by field: unknown fields are
 * passed over, and what is not as this file says is no gossip at all. What passes may still be a lie: it only feeds views.
 */
import { isUuid } from '../base/bytes.js';
import { SPACE_LEVELS } from '../base/disk-space.js';
import { parseEndpoint } from '../base/endpoint.js';
import {
  MEMBER_NAME_BYTES_MAX,
  type MemberId,
  type MemberRole,
  ZONE_BYTES_MAX,
} from '../cluster/configuration.js';
import type { NodeRole } from '../cluster/effects.js';
import { GOSSIP_ENTRIES_MAX } from '../cluster/gossip.js';
import type { GossipEntry, HeardEntry } from '../cluster/gossip-entry.js';

/** All entries that there can be, each with texts as long as they may be, and as much again for fields of later versions. */
export const GOSSIP_BYTES_MAX = 256 * 1024;

export interface GossipMessage {
  /** The teller's name. */
  readonly from: string;
  readonly memberId: MemberId;
  /** Undefined as long as it belongs to none. */
  readonly clusterId: string | undefined;
  /** The teller's clock, in milliseconds since 1970. Only for comparison. */
  readonly wallMs: number;
  readonly entries: readonly HeardEntry[];
}

const RELEASE_PATTERN = /^[\w.+-]{0,64}$/;
/** Numbers of starts and versions. Far more than a node can make of them, and far from where adding one does nothing any more. */
export const COUNTER_MAX = 2 ** 48;
/** How long ago: a thousand years. Finite, so that arithmetic stays exact. */
const AGE_MS_MAX = 2 ** 45;

const MEMBER_ROLES: ReadonlySet<string> = new Set<MemberRole>(['voter', 'clone', 'replica']);
const NODE_ROLES: ReadonlySet<string> = new Set<NodeRole>([
  ...(['fresh', 'looking', 'electing', 'preLeader', 'leader', 'resigning', 'joining'] as const),
  ...(['following', 'fenced'] as const),
]);

export function encodeGossip(message: GossipMessage): string {
  return JSON.stringify(message);
}

/** Undefined if it isn't one. */
export function decodeGossip(text: string): GossipMessage | undefined {
  if (text.length > GOSSIP_BYTES_MAX) return undefined;
  const fields = objectOf(parse(text));
  if (fields === undefined || !isMessage(fields)) return undefined;
  const entries: HeardEntry[] = [];
  for (const item of fields.entries) {
    const heard = heardOf(item);
    if (heard === undefined) return undefined;
    entries.push(heard);
  }
  const { from, memberId, clusterId, wallMs } = fields;
  return { from, memberId, clusterId, wallMs, entries };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever sent it is told that it is no gossip.
    return undefined;
  }
}

function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

interface MessageFields extends Omit<GossipMessage, 'entries'>, Fields {
  readonly entries: readonly unknown[];
}

function isMessage(fields: Fields): fields is MessageFields {
  const { from, memberId, clusterId, wallMs, entries } = fields;
  return (
    isName(from) &&
    isId(memberId) &&
    (clusterId === undefined || isId(clusterId)) &&
    isNumber(wallMs, Number.MAX_SAFE_INTEGER) &&
    Array.isArray(entries) &&
    entries.length <= GOSSIP_ENTRIES_MAX
  );
}

function heardOf(item: unknown): HeardEntry | undefined {
  const fields = objectOf(item);
  const entry = objectOf(fields?.['entry']);
  const ageMs = fields?.['ageMs'];
  if (entry === undefined || !isEntry(entry) || !isNumber(ageMs, AGE_MS_MAX)) return undefined;
  return { entry: pick(entry), ageMs };
}

/** Only the fields that are known: entries are compared as a whole, and nobody can make them larger. */
function pick(entry: GossipEntry): GossipEntry {
  const { memberId, start, version, name, clientAddress, zone, role, nodeRole, leader } = entry;
  const { epoch, epochPosition, commit, indexed, end, priority, release, diskSpace } = entry;
  return {
    ...{ memberId, start, version, name, clientAddress, zone, role, nodeRole, leader },
    ...{ epoch, epochPosition, commit, indexed, end, priority, release },
    ...(diskSpace === undefined ? {} : { diskSpace }),
  };
}

function isEntry(fields: Fields): fields is Fields & GossipEntry {
  const { memberId, start, version, name, clientAddress, zone, role, nodeRole, leader } = fields;
  const { release, priority, diskSpace } = fields;
  return (
    isId(memberId) &&
    isCount(start, COUNTER_MAX) &&
    isCount(version, COUNTER_MAX) &&
    isName(name) &&
    isName(clientAddress) &&
    (leader === '' || isName(leader)) &&
    isZone(zone) &&
    MEMBER_ROLES.has(role as string) &&
    NODE_ROLES.has(nodeRole as string) &&
    Number.isInteger(priority) &&
    Math.abs(priority as number) <= 2 ** 31 &&
    typeof release === 'string' &&
    RELEASE_PATTERN.test(release) &&
    (diskSpace === undefined || SPACE_LEVELS.has(diskSpace as string)) &&
    arePositions(fields)
  );
}

function arePositions({ epoch, epochPosition, commit, indexed, end }: Fields): boolean {
  return [epoch, epochPosition, commit, indexed, end].every((value) =>
    isCount(value, Number.MAX_SAFE_INTEGER),
  );
}

function isId(value: unknown): value is MemberId {
  return typeof value === 'string' && isUuid(value);
}

/** `host:port`, and so fit for a URL. */
function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= MEMBER_NAME_BYTES_MAX && parseEndpoint(value) !== undefined
  );
}

function isZone(value: unknown): boolean {
  return typeof value === 'string' && Buffer.byteLength(value) <= ZONE_BYTES_MAX && /^\P{Cc}*$/u.test(value);
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && isNumber(value, max);
}

function isNumber(value: unknown, max: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= max;
}
