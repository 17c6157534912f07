/**
 * Metadata of streams: what an event of the stream `$$name` may say about the stream `name`, and what of that stream it hides. Pure; any thread,
 * and browsers.
 */
import type { Bytes } from './ports.js';

/** Where a cluster agrees on what is scavenged. It has no metadata: what is hidden there, or the end of it, would be the end of scavenging. */
export const SCAVENGES_STREAM = '$scavenges';
/** In front of a stream's name it makes that of its metadata stream. */
export const METADATA_PREFIX = '$$';
/** The types of the only events that a metadata stream takes. A tombstone is the last of them, and the end of both streams. */
export const METADATA_TYPE = '$metadata';
export const TOMBSTONE_TYPE = '$tombstone';
/** A key of these events' own metadata: what is expected of the stream that they are about. */
export const EXPECTED_KEY = '$expectedRevision';
/** Most bytes of data of such an event: far more than anybody has to say, and little to parse for each read. */
export const METADATA_BYTES_MAX = 64 * 1024;

const DOLLAR = 0x24;
const PREFIX_BYTES = METADATA_PREFIX.length;
const US_PER_SECOND = 1_000_000;
/** Some 285 years: in microseconds still a whole number. */
const SECONDS_MAX = 9_000_000_000;

/** What of a stream nobody is to see any more. */
export interface RetentionRules {
  readonly isTombstoned: boolean;
  /** Events before this revision. */
  readonly truncateBefore: number;
  /** All but so many of the last events. */
  readonly maxCount: number;
  /** Events that were written longer ago than this. */
  readonly maxAgeUs: number;
}

export const NO_RULES: RetentionRules = {
  isTombstoned: false,
  truncateBefore: 0,
  maxCount: Number.POSITIVE_INFINITY,
  maxAgeUs: Number.POSITIVE_INFINITY,
};

export const TOMBSTONE_RULES: RetentionRules = { ...NO_RULES, isTombstoned: true };

/** Whether the stream named `bytes[at, at+length)` is a metadata stream, or at least named like one. */
export function isMetadataName(bytes: Bytes, at: number, length: number): boolean {
  return length >= PREFIX_BYTES && bytes[at] === DOLLAR && bytes[at + 1] === DOLLAR;
}

/** Whether a metadata stream's name is that of a stream that can have metadata: those of metadata streams have none. */
export function isOfStream(bytes: Bytes, at: number, length: number): boolean {
  return length > PREFIX_BYTES && !isMetadataName(bytes, at + PREFIX_BYTES, length - PREFIX_BYTES);
}

/** The name of the stream that the metadata stream named `bytes[at, at+length)` is about, as a copy. */
export function subjectOf(bytes: Bytes, at: number, length: number): Bytes {
  return bytes.slice(at + PREFIX_BYTES, at + length);
}

/** The name of the metadata stream of the stream named `bytes[at, at+length)`. */
export function metadataNameOf(bytes: Bytes, at: number, length: number): Bytes {
  const name = new Uint8Array(PREFIX_BYTES + length).fill(DOLLAR, 0, PREFIX_BYTES);
  name.set(bytes.subarray(at, at + length), PREFIX_BYTES);
  return name;
}

/** A JSON object, or undefined if the bytes, which are copied, are none. */
export function parseObject(bytes: Bytes): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.slice()));
    return isObject(value) ? value : undefined;
  } catch {
    // Neither says anything else than that this is no JSON in UTF-8.
    return undefined;
  }
}

/** What is wrong with a stream's metadata. */
export interface MetadataFault {
  readonly key: string;
  readonly reason: string;
}

/** What each key that begins with $ has to be; others are free. */
const KEYS: Readonly<Record<string, readonly [isValid: (value: unknown) => boolean, what: string]>> = {
  $maxCount: [isWholeFrom(1, Number.MAX_SAFE_INTEGER), 'a whole number of events, 1 or more'],
  $maxAge: [isWholeFrom(1, SECONDS_MAX), 'a whole number of seconds, 1 or more'],
  $tb: [isWholeFrom(0, Number.MAX_SAFE_INTEGER), 'a revision, 0 or more'],
  $cacheControl: [isWholeFrom(1, SECONDS_MAX), 'a whole number of seconds, 1 or more'],
  $acl: [isObject, 'an object'],
};

/** What is wrong with `metadata`; undefined if nothing is. */
export function metadataFault(metadata: Readonly<Record<string, unknown>>): MetadataFault | undefined {
  for (const [key, value] of Object.entries(metadata)) {
    if (!key.startsWith('$')) continue;
    const rule = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (rule === undefined) return { key, reason: `is not known; keys of your own don't begin with $` };
    const [isValid, what] = rule;
    if (!isValid(value)) return { key, reason: `must be ${what}` };
  }
  return undefined;
}

/** What `metadata` hides. What is not valid hides nothing: the log may have it from before it was checked. */
export function rulesOf(metadata: Readonly<Record<string, unknown>>): RetentionRules {
  const number = (key: string, none: number): number => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return value !== undefined && KEYS[key]![0](value) ? (value as number) : none;
  };
  return {
    isTombstoned: false,
    truncateBefore: number('$tb', 0),
    maxCount: number('$maxCount', Number.POSITIVE_INFINITY),
    maxAgeUs: number('$maxAge', Number.POSITIVE_INFINITY) * US_PER_SECOND,
  };
}

/**
 * The first revision that is not hidden from a stream with this last one, its age left aside; one above the last if all are. A tombstone hides events
 * that are later than any last one: once a scavenge has been, the last one known may be earlier than what is still to be met in the log.
 */
export function firstVisible(rules: RetentionRules, head: number): number {
  const { isTombstoned, truncateBefore, maxCount } = rules;
  if (isTombstoned) return Number.POSITIVE_INFINITY;
  return Math.min(head + 1, Math.max(truncateBefore, head + 1 - maxCount));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWholeFrom(least: number, most: number): (value: unknown) => boolean {
  return (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
