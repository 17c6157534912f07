/**
 * What a scavenge asks about the log while that goes on: how a stream stood when a point was written. Main thread, by way of the index and the reader.
 * What is gone already is older than all that is there, and answers are made so that nothing goes for it that would not go anyway.
 */
import { CairnError } from '../../base/errors.js';
import type { Bytes } from '../../base/ports.js';
import type { Position, Revision, TimestampUs } from '../../base/units.js';
import type { RecordPlace, StreamLookup } from '../../indexer/commands.js';
import { type DecodedRecord, decodeHeader, decodeRecord } from '../../log/decoded-record.js';
import { RECORD_HEADER_BYTES, RECORD_TYPE } from '../../log/record.js';
import type { LogReader } from '../../reader/log-reader.js';
import { DRAFT_HEAD_BYTES, endsDraft, type LastStep } from '../../scavenge/draft-steps.js';

/** An event of a stream, hidden or not. */
export interface StreamEvent extends RecordPlace {
  readonly revision: Revision;
}

/** A stream's last event before a position. */
export interface LastEvent {
  readonly revision: Revision;
  /** Undefined if it is gone. */
  readonly place: RecordPlace | undefined;
}

/** Rejects as a read does, and with `not-ready`. */
export class LogQuestions {
  readonly #lookup: StreamLookup;
  readonly #reader: Pick<LogReader, 'readRaw' | 'wholeRecords'>;

  constructor(lookup: StreamLookup, reader: Pick<LogReader, 'readRaw' | 'wholeRecords'>) {
    this.#lookup = lookup;
    this.#reader = reader;
  }

  /** A stream's last event, and where the last one of its metadata stream is. */
  async last(
    stream: Bytes,
  ): Promise<{ readonly event: StreamEvent | undefined; readonly metadata?: RecordPlace | undefined }> {
    const from = Number.POSITIVE_INFINITY;
    const query = { stream, direction: 'backwards', from, eventsMax: 1, bytesMax: 1 } as const;
    const { head, runCount, positions, bytes, metadata } = await this.#lookup.lookup(query);
    const event = runCount === 0 ? undefined : { revision: head, position: positions[0]!, bytes: bytes[0]! };
    return { event, metadata };
  }

  /** The event of this revision; undefined if it is gone, or not there yet. */
  async at(stream: Bytes, revision: Revision): Promise<StreamEvent | undefined> {
    const query = { stream, direction: 'forwards', from: revision, eventsMax: 1, bytesMax: 1 } as const;
    const { next, runCount, positions, bytes } = await this.#lookup.lookup(query);
    // Behind a gap another one may be told.
    if (runCount !== 1 || next !== revision + 1) return undefined;
    return { revision, position: positions[0]!, bytes: bytes[0]! };
  }

  /** The last event of the stream before a position; undefined if it had none. `last`: its last event of all. */
  async lastBefore(
    stream: Bytes,
    position: Position,
    last: StreamEvent | undefined,
  ): Promise<LastEvent | undefined> {
    if (last === undefined) return undefined;
    if (last.position < position) return { revision: last.revision, place: last };
    let place: RecordPlace | undefined;
    const isBefore = async (revision: Revision): Promise<boolean> => {
      const event = await this.at(stream, revision);
      // What is gone was before everything that is left.
      if (event !== undefined && event.position >= position) return false;
      place = event;
      return true;
    };
    const count = await firstWhere(0, last.revision, async (revision) => !(await isBefore(revision)));
    return count === 0 ? undefined : { revision: count - 1, place };
  }

  /** Whether the event is older than `atUs`, or gone. */
  async isOlder(stream: Bytes, revision: Revision, atUs: TimestampUs): Promise<boolean> {
    const event = await this.at(stream, revision);
    if (event === undefined) return true;
    const { type, timestampUs } = decodeHeader(await this.#head(event.position, RECORD_HEADER_BYTES), 0);
    return type === RECORD_TYPE.removed || timestampUs < atUs;
  }

  /** The last step of a transaction that is open over several requests, before a position; undefined if there is none, or it is gone. */
  async lastStep(name: Bytes, position: Position): Promise<LastStep | undefined> {
    const { event } = await this.last(name);
    const last = await this.lastBefore(name, position, event);
    if (last?.place === undefined) return undefined;
    const { position: at, bytes: length } = last.place;
    const bytes = await this.#head(at, Math.min(length, DRAFT_HEAD_BYTES));
    const { type, timestampUs } = decodeHeader(bytes, 0);
    if (type !== RECORD_TYPE.draft) return undefined;
    // Steps go for an end, which has no events: it is verified in full.
    const isEnd =
      endsDraft(new DataView(bytes.buffer), 0) &&
      endsDraft(new DataView((await this.#bytes(last.place)).buffer), 0);
    return { step: last.revision, isEnd, timestampUs };
  }

  /** A record, verified. */
  async record(place: RecordPlace): Promise<DecodedRecord> {
    return decodeRecord(await this.#bytes(place), 0);
  }

  /** The first bytes of a record, of which the header only is verified: a body may have megabytes. */
  async #head(position: Position, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#reader.readRaw(position, bytes);
    this.#reader.wholeRecords(position, bytes);
    return bytes;
  }

  async #bytes({ position, bytes: length }: RecordPlace): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#reader.readRaw(position, bytes);
    if (this.#reader.wholeRecords(position, bytes) === length) return bytes;
    throw new CairnError('not-ready', `the record at ${position} can not be read now`, { position });
  }
}

/** The first of `[low, high)` of which `is` is true, as it is of all behind it; `high` if of none. */
export async function firstWhere(
  low: number,
  high: number,
  is: (value: number) => Promise<boolean>,
): Promise<number> {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (await is(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
