/**
 * What of a stream is hidden, and what is not: by the last event of its metadata stream, whose place the index tells, and for age by the time. A
 * function of the committed log and the clock, and of nothing else: who deletes something writes an event. Main thread.
 */

import { readU64 } from '../base/bytes.js';
import {
  firstVisible,
  METADATA_TYPE,
  NO_RULES,
  parseObject,
  type RetentionRules,
  rulesOf,
  TOMBSTONE_RULES,
  TOMBSTONE_TYPE,
} from '../base/stream-metadata.js';
import type { Position, Revision, TimestampUs } from '../base/units.js';
import type { RecordPlace, StreamLookup } from '../indexer/commands.js';
import { logCorrupt, placeOf } from '../log/damage.js';
import { PREPARE, RECORD, RECORD_HEADER_BYTES, RECORD_TYPE } from '../log/record.js';
import type { LogBytes } from './log-bytes.js';
import type { RecordChecks } from './record-checks.js';

/** Rules that are kept, some 100 bytes each: a record is read and parsed once, as long as its stream is in use. */
const RULES_MAX = 8192;
/** A header, and as much more as keeps reads of files aligned to 8. */
const HEAD_BYTES = RECORD_HEADER_BYTES + 4;

export interface StreamRulesParts {
  readonly log: LogBytes;
  readonly checks: RecordChecks;
  readonly lookup: StreamLookup;
  readonly chunkBytes: number;
  /** The time of day, which decides what is too old. */
  readonly nowUs: () => TimestampUs;
}

/** A stream, and the revision of its last event. */
export interface StreamEnd {
  readonly name: Uint8Array;
  readonly head: Revision;
}

export class StreamRules {
  readonly #parts: StreamRulesParts;
  /** By the position of the record that says so: what is committed stays as it is. */
  readonly #known = new Map<Position, RetentionRules>();

  constructor(parts: StreamRulesParts) {
    this.#parts = parts;
  }

  /** What the record at `place`, the last of a metadata stream, hides. Rejects as a read does. */
  async of(place: RecordPlace | undefined): Promise<RetentionRules> {
    if (place === undefined) return NO_RULES;
    const known = this.#known.get(place.position);
    if (known !== undefined) return known;
    const rules = rulesIn(await this.#record(place));
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < RULES_MAX) break;
      this.#known.delete(oldest);
    }
    this.#known.set(place.position, rules);
    return rules;
  }

  /** When an event was written that these rules just don't hide yet. */
  oldestUs({ maxAgeUs }: RetentionRules): TimestampUs {
    return this.#parts.nowUs() - maxAgeUs;
  }

  /** The first revision that is not hidden; one above the last if all are, `Infinity` behind a tombstone. Rejects as a read does. */
  async firstVisible(stream: StreamEnd, rules: RetentionRules): Promise<Revision> {
    const oldestUs = this.oldestUs(rules);
    let low = firstVisible(rules, stream.head);
    let high = stream.head + 1;
    if (oldestUs === Number.NEGATIVE_INFINITY || low >= high) return low;
    if ((await this.#timestampOf(stream, low)) >= oldestUs) return low;
    // Timestamps never go back in the log (reign-log.ts), so those that are too old come first; and a scavenge removes the first.
    for (low++; low < high; ) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.#timestampOf(stream, middle)) < oldestUs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** When the event was written, or the first behind it that is there; before all time if it was removed. */
  async #timestampOf({ name: stream }: StreamEnd, from: Revision): Promise<TimestampUs> {
    const { lookup, log, checks } = this.#parts;
    const { positions } = await lookup.lookup({
      ...{ stream, from, direction: 'forwards', eventsMax: 1, bytesMax: 1 },
    });
    const position = positions[0];
    // Since it was asked for its end, the stream has got a tombstone and was scavenged.
    if (position === undefined) return Number.NEGATIVE_INFINITY;
    const bytes = new Uint8Array(HEAD_BYTES);
    const view = new DataView(bytes.buffer);
    await log.read(position, bytes, 0, HEAD_BYTES);
    if (!checks.isHeader({ bytes, view, at: 0, length: HEAD_BYTES, position }))
      throw this.#damage(position, 'no record, or a damaged one, stands there');
    const isRemoved = view.getUint8(RECORD.type) === RECORD_TYPE.removed;
    return isRemoved ? Number.NEGATIVE_INFINITY : readU64(view, RECORD.timestamp);
  }

  async #record({ position, bytes: length }: RecordPlace): Promise<DataView<ArrayBuffer>> {
    const { log, checks } = this.#parts;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    const reading = log.read(position, bytes, 0, length);
    if (reading === undefined) return view;
    await reading;
    const { goodBytes, damage } = checks.run({ bytes, view, at: 0, length, position });
    if (goodBytes !== length)
      throw this.#damage(position, damage ?? 'a record has another length than it had');
    return view;
  }

  #damage(position: Position, reason: string) {
    const { log, chunkBytes } = this.#parts;
    return logCorrupt(placeOf(log.pathAt(position), position, chunkBytes), reason);
  }
}

/** What the event says whose record this is. */
function rulesIn(view: DataView<ArrayBuffer>): RetentionRules {
  const typeAt = PREPARE.stream + view.getUint16(PREPARE.streamBytes, true);
  const metadataAt = typeAt + view.getUint16(PREPARE.typeBytes, true);
  const dataAt = metadataAt + view.getUint32(PREPARE.metadataBytes, true);
  const type = new TextDecoder().decode(new Uint8Array(view.buffer, typeAt, metadataAt - typeAt));
  if (type === TOMBSTONE_TYPE) return TOMBSTONE_RULES;
  if (type !== METADATA_TYPE) return NO_RULES;
  const end = view.getUint32(RECORD.length, true);
  const metadata = parseObject(new Uint8Array(view.buffer, dataAt, end - dataAt));
  return metadata === undefined ? NO_RULES : rulesOf(metadata);
}
