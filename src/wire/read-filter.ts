/**
 * Which events a read of the whole log is about, as the protocol says it: rules about the names of streams and types, all of which must hold.
 * Pure, any thread, browsers too. What a pattern means is not decided here.
 */

import { type Decoded, invalid, ok, readText } from './fields.js';
import type { FrameWriter } from './frame-writer.js';

/** Which of an event's names, by which kind of pattern. A rule holds if any of its patterns fits. */
export interface FilterRule {
  readonly field: FilterField;
  readonly kind: PatternKind;
  /** 1 or more; a `regex` has exactly one. */
  readonly patterns: readonly string[];
}

export type FilterField = 'stream' | 'type';
export type PatternKind = 'prefix' | 'regex';
export type ReadFilter = readonly FilterRule[];

/** A field's number, and a kind's, is its place here, from 1. */
const FIELDS: readonly FilterField[] = ['stream', 'type'];
const KINDS: readonly PatternKind[] = ['prefix', 'regex'];

/** Prefixes and a regular expression for each of the two names. */
export const FILTER_RULES_MAX = 4;
/** A rule with more alternatives is better a regular expression; each is looked at for each event. */
export const RULE_PATTERNS_MAX = 64;
/** As long as the longest name, and far more than a regular expression needs that somebody is to understand. */
export const PATTERN_BYTES_MAX = 1024;

const RULE_PREFIX_BYTES = 4;

/** Writes it behind the fixed part of a frame. Patterns must not be longer than `PATTERN_BYTES_MAX`. */
export function writeFilter(writer: FrameWriter, filter: ReadFilter): void {
  writer.u16(filter.length);
  for (const { field, kind, patterns } of filter) {
    // Two bytes in the order in which they stand.
    writer.u16((FIELDS.indexOf(field) + 1) | ((KINDS.indexOf(kind) + 1) << 8));
    writer.u16(patterns.length);
    for (const pattern of patterns) writer.string16(pattern);
  }
}

/** Reads what fills `bytes[at, end)` exactly. */
export function readFilter(bytes: Uint8Array, view: DataView, at: number, end: number): Decoded<ReadFilter> {
  if (at + 2 > end) return invalid('the filter is cut short');
  const count = view.getUint16(at, true);
  if (count === 0 || count > FILTER_RULES_MAX) return invalid(`a filter has 1 to ${FILTER_RULES_MAX} rules`);
  const source = { bytes, view, at: at + 2, end };
  const rules: FilterRule[] = [];
  for (let i = 0; i < count; i++) {
    const rule = readRule(source);
    if (typeof rule === 'string') return invalid(rule);
    rules.push(rule);
  }
  return source.at === end ? ok(rules) : invalid('something stands behind the filter');
}

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  readonly end: number;
}

/** The rule at `source.at`, which then stands behind it; or what is wrong with it. */
function readRule(source: Source): FilterRule | string {
  const { view, at, end } = source;
  if (at + RULE_PREFIX_BYTES > end) return 'a rule of the filter is cut short';
  const field = FIELDS[view.getUint8(at) - 1];
  const kind = KINDS[view.getUint8(at + 1) - 1];
  const count = view.getUint16(at + 2, true);
  if (field === undefined || kind === undefined) return 'a rule of the filter is of no kind that is known';
  if (count === 0 || count > RULE_PATTERNS_MAX || (kind === 'regex' && count > 1))
    return `a rule has 1 to ${RULE_PATTERNS_MAX} prefixes, or one regular expression`;
  source.at += RULE_PREFIX_BYTES;
  const patterns: string[] = [];
  for (let i = 0; i < count; i++) {
    const pattern = readPattern(source);
    if (pattern === undefined) return 'a pattern of the filter is cut short, too long, or not valid UTF-8';
    patterns.push(pattern);
  }
  return { field, kind, patterns };
}

function readPattern(source: Source): string | undefined {
  const { bytes, view, at, end } = source;
  if (at + 2 > end) return undefined;
  const length = view.getUint16(at, true);
  if (length > PATTERN_BYTES_MAX || at + 2 + length > end) return undefined;
  source.at = at + 2 + length;
  return readText(bytes, view, at + 2, length);
}
