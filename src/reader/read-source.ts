/** What every kind of read works on. Main thread. */

import { alignDown } from '../base/bytes.js';
import type { Position } from '../base/units.js';
import type { StreamLookup } from '../indexer/commands.js';
import { RECORD_ALIGNMENT, RECORD_OCCUPIED_MIN } from '../log/record.js';
import type { CopyList } from './copy-list.js';
import type { HiddenEvents } from './hidden-events.js';
import type { LogBytes } from './log-bytes.js';
import type { PageMemory } from './page-memory.js';
import type { RecordChecks } from './record-checks.js';
import type { StreamRules } from './stream-rules.js';
import type { WorkTurns } from './work-turns.js';

export interface ReadSource {
  readonly log: LogBytes;
  readonly checks: RecordChecks;
  readonly copies: CopyList;
  readonly pages: PageMemory;
  /** For whoever works on records, and not only moves them. */
  readonly turns: WorkTurns;
  readonly lookup: StreamLookup;
  /** What of a stream is hidden, and what of the whole log. */
  readonly rules: StreamRules;
  readonly hidden: HiddenEvents;
  readonly chunkBytes: number;
  /** Bytes left free in front of the records of a page; a multiple of 8. */
  readonly headroomBytes: number;
  /** Up to here the log is committed, always at the end of a transaction: nothing beyond is read. */
  committed(): Position;
}

/** What an event takes, roughly: so that who asks for a few does not cost a whole page. Too little only makes more pages. */
const EVENT_BYTES_GUESS = 1024;
/** The least that is read at once: a page of memory, and one header always fits. */
const STRETCH_BYTES_MIN = 4096;

/** How much of the log to read for a page of at most `bytesMax` bytes and `eventsMax` events: a multiple of 8. */
export function stretchBytes(bytesMax: number, eventsMax: number): number {
  const enough = Math.max(STRETCH_BYTES_MIN, eventsMax * EVENT_BYTES_GUESS);
  return Math.max(RECORD_OCCUPIED_MIN, alignDown(Math.min(bytesMax, enough), RECORD_ALIGNMENT));
}

/** Behind a stretch that had nothing for anybody more is read at once: many records in a row may have been removed. Walked over in under a millisecond. */
const LONGER_STRETCH_MAX = 1024 * 1024;

/**
 * How much to read after a stretch of so many bytes with no events; a promise of it if others are to have a turn first: a ring may be full of Removed
 * records.
 */
export function longerStretch(bytes: number): number | Promise<number> {
  if (bytes < LONGER_STRETCH_MAX) return Math.min(2 * bytes, LONGER_STRETCH_MAX);
  return new Promise((resolve) => setImmediate(resolve, bytes));
}
