/**
 * Puts rows into their streams, exactly once and in their order, whatever was there before and whoever else writes. Main
 * thread. What always holds: a stream has one append under way at most, behind the revision that it is known to end with;
 * streams go side by side. While one append is under way, the next one fills: no timer.
 *
 * More than one append under way in a stream would not be safe: when somebody else's events make the first one fail, they
 * may be just as many, and the second one would find the revision that it expects.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '../../base/errors.js';
import type { ImportTarget } from './import-target.js';
import { LaneTable } from './lane-table.js';
import { eventId, type RowMark, type SourceMarks } from './source-marks.js';
import type { BatchLimits, RowTicket, StreamLane, WaitingRow } from './stream-lane.js';

/** A row, and where it goes. */
export interface ImportRow {
  readonly mark: RowMark;
  readonly stream: string;
  readonly type: string;
  /** A UUID in lower case; undefined = made from the mark. */
  readonly id: string | undefined;
  readonly data: Uint8Array;
}

export interface ImporterOptions {
  readonly batch: BatchLimits;
  /** Most streams that something is under way for. */
  readonly inFlightMax: number;
  /** Most streams to remember; tests choose few. */
  readonly lanesMax?: number;
}

/** What an importer has done so far. */
export interface ImportCounts {
  written: number;
  alreadyThere: number;
  streams: number;
}

/** Memory that rows under way may take: some 25,000 small ones, dozens for each of a thousand streams. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** What a row takes besides its data: the objects around it, its id and metadata. */
const ROW_OVERHEAD_BYTES = 512;
/** An append frame without its events: 24 bytes and the stream's name (docs/protocol.md). */
const APPEND_PREFIX_BYTES_MAX = 24 + 1024;
/** Another writer, or an earlier run whose requests still take effect, comes first so often in a row: then we give up. */
const STALLS_MAX = 100;
/** Before the next try when nothing new is there to be seen: what came first is not committed yet. */
const STALL_PAUSE_MS_MAX = 20;

export class Importer {
  readonly counts: ImportCounts = { written: 0, alreadyThere: 0, streams: 0 };
  readonly #lanes: LaneTable;
  readonly #ready: StreamLane[] = [];
  readonly #batch: BatchLimits;
  readonly #inFlightMax: number;
  #active = 0;
  #waitingBytes = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(
    private readonly target: ImportTarget,
    private readonly marks: SourceMarks,
    options: ImporterOptions,
  ) {
    const bytesMax = Math.min(options.batch.bytesMax, target.appendBytesMax - APPEND_PREFIX_BYTES_MAX);
    this.#batch = { ...options.batch, bytesMax };
    this.#inFlightMax = Math.min(options.inFlightMax, target.streamsMax);
    this.#lanes = new LaneTable(marks, options.lanesMax);
  }

  /** Takes rows, in the order of the source; resolves when there is room for more. Rejects with the first failure. */
  async add(rows: readonly ImportRow[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const dataBytes = rows.reduce((sum, { data }) => sum + data.length, 0);
    const ticket = { rowsLeft: rows.length, cost: dataBytes + ROW_OVERHEAD_BYTES * rows.length };
    this.#waitingBytes += ticket.cost;
    for (const row of rows) this.#addRow(row, ticket);
    this.#startReady();
    await this.#until(() => this.#waitingBytes < WINDOW_BYTES);
  }

  /** Resolves when all rows are in place. Rejects with the first failure. */
  async drain(): Promise<void> {
    await this.#until(() => this.#active === 0 && this.#ready.length === 0);
  }

  /** After {@link drain}, when the source has no more rows: throws `bad-input` if a stream holds rows that it lacks. */
  checkEnd(): void {
    for (const lane of this.#lanes) lane.end();
  }

  #addRow({ mark, stream, type, id, data }: ImportRow, ticket: RowTicket): void {
    const lane = this.#lanes.of(stream);
    if (lane.holds(mark)) {
      this.counts.alreadyThere++;
      this.#release(ticket);
      return;
    }
    const event = {
      id: id ?? eventId(lane.idMiddle, mark),
      type,
      metadata: this.marks.metadata(mark),
      data,
      isJson: true,
    } as const;
    lane.push({ mark, event, ticket });
    if (lane.isBusy) return;
    lane.isBusy = true;
    this.#ready.push(lane);
  }

  #startReady(): void {
    while (this.#active < this.#inFlightMax && this.#failure === undefined) {
      const lane = this.#ready.shift();
      if (lane === undefined) break;
      this.#active++;
      void this.#advance(lane);
    }
  }

  /** Takes one step for a lane; if rows still wait, it queues up again behind the others. Never rejects. */
  async #advance(lane: StreamLane): Promise<void> {
    try {
      if (!lane.isKnown) await this.#locate(lane);
      if (lane.waiting > 0) await this.#append(lane);
    } catch (error) {
      this.#failure ??= error;
    }
    this.#active--;
    lane.isBusy = lane.waiting > 0;
    if (lane.isBusy) this.#ready.push(lane);
    this.#startReady();
    this.#wake?.();
  }

  /** Learns from the stream's end, backwards, what it holds of this source. */
  async #locate(lane: StreamLane): Promise<void> {
    const isFirst = !lane.isKnown;
    const { revision, mark } = await this.#readEnd(lane);
    const firstRow = lane.firstWaiting!;
    for (const { ticket } of lane.learn(revision, mark)) {
      this.counts.alreadyThere++;
      this.#release(ticket);
    }
    // A row that went by in this run is the mark of a lane that was forgotten.
    const isCounted = mark !== undefined && mark.row < firstRow;
    if (isFirst && !isCounted) this.counts.streams++;
  }

  async #readEnd(lane: StreamLane): Promise<{ revision: number; mark: RowMark | undefined }> {
    let last = -1;
    for await (const events of this.target.readBackwards(lane.stream)) {
      for (const { revision, metadata } of events) {
        last = Math.max(last, revision);
        const mark = revision > lane.revision ? this.marks.read(metadata) : undefined;
        if (revision <= lane.revision || mark !== undefined) return { revision: last, mark };
      }
    }
    return { revision: last, mark: undefined };
  }

  async #append(lane: StreamLane): Promise<void> {
    const rows = lane.batch(this.#batch);
    const events = rows.map(({ event }) => event);
    const expected = lane.revision;
    try {
      const revision = await this.target.append(lane.stream, events, expected);
      if (revision !== expected + rows.length) throw idsInUse(lane.stream, rows);
      for (const { ticket } of lane.appended(rows.length, revision)) this.#release(ticket);
      this.counts.written += rows.length;
    } catch (error) {
      if (!isConflict(error) || ++lane.stalls > STALLS_MAX) throw error;
      await this.#locate(lane);
      if (lane.revision === expected) await delay(Math.min(lane.stalls, STALL_PAUSE_MS_MAX));
    }
  }

  #release(ticket: RowTicket): void {
    if (--ticket.rowsLeft === 0) this.#waitingBytes -= ticket.cost;
  }

  /** Waits for a condition, or until nothing is under way any more behind a failure, and throws that. One caller at a time. */
  async #until(condition: () => boolean): Promise<void> {
    while (!(this.#failure === undefined ? condition() : this.#active === 0)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Somebody else appended, or an append of an earlier run took effect: the stream's end says which. */
function isConflict(error: unknown): boolean {
  if (!(error instanceof CairnError)) return false;
  return error.code === 'wrong-expected-revision' || error.code === 'event-id-conflict';
}

function idsInUse(stream: string, rows: readonly WaitingRow[]): CairnError {
  const { row } = rows[0]!.mark;
  const message = `row ${row}, or one close behind it, has an id that another event in stream "${stream}" has`;
  return new CairnError('event-id-conflict', message, { stream, row });
}
