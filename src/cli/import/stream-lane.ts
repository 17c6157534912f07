/**
 * One stream that rows go to: what it is known to hold of this source, and the rows that wait for it. Pure; main thread.
 * What always holds: of this source a stream holds the first rows that belong to it, all up to {@link StreamLane.mark} and none
 * behind it, in their order; so a row up to the mark is there, and one behind it is not.
 */
import { CairnError } from '../../base/errors.js';
import type { ImportEvent } from './import-target.js';
import type { RowMark } from './source-marks.js';

/** A row as an event, waiting. */
export interface WaitingRow {
  readonly mark: RowMark;
  readonly event: ImportEvent;
  /** Called once, when the row is in place. */
  readonly ticket: RowTicket;
}

/** Counts down the rows that hold on to the same memory. */
export interface RowTicket {
  rowsLeft: number;
  readonly cost: number;
}

/** How much goes into one append. */
export interface BatchLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
  /** Whether two rows may have the same id. */
  readonly idsMayRepeat: boolean;
}

/** Bytes of an event in an append frame besides type, metadata and data (docs/protocol.md). */
const EVENT_PREFIX_BYTES = 28;
const NO_MARK: RowMark = { row: 0, check: 0 };

export class StreamLane {
  /** Of the stream's last event, as far as is known; −1 = there is none. */
  revision = -1;
  /** Whether the stream was looked at; until then rows only wait. */
  isKnown = false;
  /** Whether it stands in the importer's queue, or something is under way for it. */
  isBusy = false;
  /** How often in a row somebody else's append came before ours. */
  stalls = 0;
  /** The last row of this source in the stream. */
  mark: RowMark = NO_MARK;
  /** Whether the source was seen to be the same up to the mark. */
  #isChecked = true;
  readonly #rows: WaitingRow[] = [];

  /** `isNew`: the stream was not met before in this run, so that no row of it can have gone by. */
  constructor(
    readonly stream: string,
    readonly idMiddle: string,
    private readonly isNew: boolean,
  ) {}

  get waiting(): number {
    return this.#rows.length;
  }

  /** Number of the first row that waits. */
  get firstWaiting(): number | undefined {
    return this.#rows[0]?.mark.row;
  }

  /** Whether the stream holds this row already. Throws `bad-input` if the source shows that it was changed. */
  holds(mark: RowMark): boolean {
    if (!this.isKnown) return false;
    const { row, check } = this.mark;
    if (mark.row === row && mark.check !== check) throw this.#changed('its content up to there was another');
    if (mark.row >= row) this.#confirm(mark.row);
    return mark.row <= row;
  }

  push(row: WaitingRow): void {
    this.#rows.push(row);
  }

  /**
   * Takes in what the end of the stream says: its last revision and, if one was found behind what is known, the last mark.
   * Returns the rows that need not wait any longer because they are there.
   */
  learn(revision: number, mark: RowMark | undefined): readonly WaitingRow[] {
    if (revision < this.revision) {
      const message = `stream "${this.stream}" ends at revision ${revision}, but ${this.revision} was acknowledged`;
      throw new CairnError('wrong-expected-revision', message, { stream: this.stream });
    }
    this.isKnown = true;
    this.revision = revision;
    if (mark !== undefined) {
      this.mark = mark;
      this.#isChecked = false;
    }
    const firstNew = this.#rows.findIndex((row) => !this.holds(row.mark));
    return this.#rows.splice(0, firstNew === -1 ? this.#rows.length : firstNew);
  }

  /** The first rows that wait, as many as go into one append. They keep waiting until {@link appended}. */
  batch({ eventsMax, bytesMax, idsMayRepeat }: BatchLimits): readonly WaitingRow[] {
    const ids = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const { event } of this.#rows) {
      bytes += EVENT_PREFIX_BYTES + event.metadata.length + event.data.length + 3 * event.type.length;
      // An append must not have an id twice; in two appends, the second one is refused with a reason.
      if (count > 0 && (count === eventsMax || bytes > bytesMax || ids.has(event.id))) break;
      if (idsMayRepeat) ids.add(event.id);
      count++;
    }
    return this.#rows.slice(0, count);
  }

  /** The first `count` rows that wait are in place, the last of them at `revision`. Returns them. */
  appended(count: number, revision: number): readonly WaitingRow[] {
    const rows = this.#rows.splice(0, count);
    this.revision = revision;
    this.mark = rows.at(-1)!.mark;
    this.#isChecked = true;
    this.stalls = 0;
    return rows;
  }

  /** All rows were offered. Throws `bad-input` if the stream holds a row that the source no longer has. */
  end(): void {
    if (this.isKnown && !this.#isChecked) throw this.#changed('the source has no such row there');
  }

  /** The source went on to `row`, which is the marked one or behind it. */
  #confirm(row: number): void {
    if (!this.#isChecked && this.isNew && row > this.mark.row) {
      throw this.#changed('the source has no such row there');
    }
    this.#isChecked = true;
  }

  #changed(difference: string): CairnError {
    const { stream, mark } = this;
    const message =
      `the source was changed since it was imported: stream "${stream}" holds its row ${mark.row}, but ${difference}. ` +
      'If it is another source of the same name, give it a name of its own with --source';
    return new CairnError('bad-input', message, { stream, row: mark.row });
  }
}
