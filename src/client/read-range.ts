/**
 * From what a user says about a read or a subscription to what is asked of the server, and the checks that it makes sense. Pure; Node and
 * browsers.
 */

import { CairnError } from '../base/errors.js';
import { NAME_BYTES_MAX, READ_CONSISTENCIES, type ReadConsistency } from '../wire/frames.js';
import {
  type FilterRule,
  PATTERN_BYTES_MAX,
  type ReadFilter,
  RULE_PATTERNS_MAX,
} from '../wire/read-filter.js';
import type { ReadRange } from './open-read.js';

/** How fresh an answer has to be. */
export interface FreshnessOptions {
  /**
   * `local`, the default: what the node knows to be committed, perhaps late, but never less than this client has seen before, its own appends
   * included. `leader`: only the leader answers, as far as it believes to lead; needs the node preference `leader`. `linearizable`: everything that
   * was acknowledged to anybody before, confirmed by a quorum; any node answers.
   */
  readonly consistency?: ReadConsistency;
}

export interface ReadOptions extends FreshnessOptions {
  /**
   * The first event to read: a revision in a stream, a position in the log. Backwards in the log it is the position where the
   * first event ends. By default the start; backwards, the end.
   */
  readonly from?: number;
  /** Most events to read; by default all there are. A read ends where the stream, or the log, ended when it got there. */
  readonly count?: number;
  /** Newest first. */
  readonly backwards?: boolean;
}

/** What a read of the whole log can be told besides. */
export interface ReadAllOptions extends ReadOptions {
  readonly filter?: EventFilter;
}

/** Which events of the log: those for which all that is given holds. Matched by the node, on the bytes of UTF-8. */
export interface EventFilter {
  /** The stream's name starts with it, or with one of these. */
  readonly streamPrefix?: string | readonly string[];
  /** The stream's name has a part that fits. Not JavaScript's expressions, but a part of them that takes linear time: docs/protocol.md. */
  readonly streamRegex?: string;
  readonly typePrefix?: string | readonly string[];
  readonly typeRegex?: string;
}

export interface SubscribeOptions {
  /** The first event, included: `'start'`, the default, `'end'`: what comes from now on, or a revision; in the log a position. */
  readonly from?: 'start' | 'end' | number;
  /** Instead: the last event that is not wanted any more, by its revision, in the log by its position; or a checkpoint. −1 is before the first. */
  readonly after?: number;
  /** End after so many events. */
  readonly count?: number;
}

export interface SubscribeAllOptions extends SubscribeOptions {
  readonly filter?: EventFilter;
}

const START = -1;
const RECORD_ALIGNMENT = 8;

export function readRange(stream: string | undefined, options: ReadAllOptions): ReadRange {
  const isBackwards = options.backwards ?? false;
  const { from = isBackwards ? Number.POSITIVE_INFINITY : 0 } = options;
  const isEnd = isBackwards && from === Number.POSITIVE_INFINITY;
  if (!isEnd) checkWhole(from, 0, 'a read starts from a whole number, 0 or more', { from });
  const count = countOf(options.count);
  return {
    stream,
    from,
    count,
    isBackwards,
    consistency: consistencyOf(options),
    filter: filterOf(options.filter),
  };
}

export function subscriptionRange(stream: string | undefined, options: SubscribeAllOptions): ReadRange {
  const place = options.after === undefined ? fromOf(options) : afterOf(stream, options);
  const common = { isLive: true, isBackwards: false, consistency: 'local' } as const;
  return { stream, ...place, ...common, count: countOf(options.count), filter: filterOf(options.filter) };
}

export function consistencyOf({ consistency = 'local' }: FreshnessOptions): ReadConsistency {
  if (READ_CONSISTENCIES.includes(consistency)) return consistency;
  throw new CairnError('invalid-request', `the consistency must be one of ${READ_CONSISTENCIES.join(', ')}`, {
    consistency: String(consistency),
  });
}

export function checkStreamName(stream: string): void {
  const bytes = typeof stream === 'string' ? new TextEncoder().encode(stream).length : 0;
  if (bytes >= 1 && bytes <= NAME_BYTES_MAX) return;
  throw new CairnError(
    'invalid-request',
    `the stream name must be a text of 1 to ${NAME_BYTES_MAX} bytes of UTF-8`,
  );
}

type Place = Pick<ReadRange, 'from' | 'isAfter'>;

function fromOf({ from = 'start' }: SubscribeOptions): Place {
  if (from === 'start') return { from: 0 };
  if (from === 'end') return { from: Number.POSITIVE_INFINITY };
  checkWhole(from, 0, "a subscription starts from 'start', 'end' or a whole number", { from });
  return { from };
}

function afterOf(stream: string | undefined, { from, after = START }: SubscribeOptions): Place {
  if (from !== undefined) throw invalid('give either from or after', {});
  checkWhole(after, START, 'a subscription goes on after a whole number, or −1', { after });
  // The byte before a record is that of a checkpoint: all up to it was seen. So is any revision.
  const isBetween = stream !== undefined || (after + 1) % RECORD_ALIGNMENT === 0;
  return isBetween ? { from: after + 1 } : { from: after, isAfter: true };
}

function countOf(count = Number.POSITIVE_INFINITY): number {
  if (count !== Number.POSITIVE_INFINITY) checkWhole(count, 1, 'a read has a count of 1 or more', { count });
  return count;
}

function filterOf(filter: EventFilter | undefined): ReadFilter | undefined {
  if (filter === undefined) return undefined;
  const { streamPrefix = [], streamRegex, typePrefix = [], typeRegex } = filter;
  const rules: FilterRule[] = [
    { field: 'stream', kind: 'prefix', patterns: [streamPrefix].flat() },
    { field: 'stream', kind: 'regex', patterns: streamRegex === undefined ? [] : [streamRegex] },
    { field: 'type', kind: 'prefix', patterns: [typePrefix].flat() },
    { field: 'type', kind: 'regex', patterns: typeRegex === undefined ? [] : [typeRegex] },
  ];
  const given = rules.filter(({ patterns }) => patterns.length > 0);
  for (const { patterns } of given) for (const pattern of patterns) checkPattern(pattern);
  if (given.some(({ patterns }) => patterns.length > RULE_PATTERNS_MAX))
    throw invalid(`a filter has at most ${RULE_PATTERNS_MAX} prefixes of a kind`, {
      limit: RULE_PATTERNS_MAX,
    });
  return given.length === 0 ? undefined : given;
}

function checkPattern(pattern: string): void {
  if (typeof pattern === 'string' && new TextEncoder().encode(pattern).length <= PATTERN_BYTES_MAX) return;
  throw new CairnError(
    'invalid-filter',
    `a pattern is a text of at most ${PATTERN_BYTES_MAX} bytes of UTF-8`,
    {
      limit: PATTERN_BYTES_MAX,
    },
  );
}

function checkWhole(value: number, lowest: number, what: string, details: Record<string, number>): void {
  if (!(Number.isSafeInteger(value) && value >= lowest)) throw invalid(`${what}, not ${value}`, details);
}

function invalid(message: string, details: Record<string, number>): CairnError {
  return new CairnError('invalid-request', message, details);
}
