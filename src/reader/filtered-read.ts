/**
 * A read of the whole log of which only some events are wanted. Main thread. Works on the pages of another read, in either direction, live or not: what
 * fits is copied, as it is. The time that a page may take is bounded, whatever the patterns: what is left of it waits for the next turn.
 */
import { readU64 } from '../base/bytes.js';
import type { Position } from '../base/units.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE } from '../log/record.js';
import { type EventNames, NameFilter } from '../pattern/name-filter.js';
import { PageBuilder } from './page-builder.js';
import type { LogRead, ReadAnswer, ReadPage } from './read-page.js';
import { type ReadSource, stretchBytes } from './read-source.js';

/** Steps of matching for one page: about a millisecond. One event with a long name may take some more. */
const WORK_MAX = 100_000;

/** Every event fits. */
const EVERYTHING = new NameFilter([]);

export interface FilteredRange {
  /** Without one all events fit. */
  readonly filter: NameFilter | undefined;
  readonly isBackwards: boolean;
  readonly eventsMax: number;
}

/** A page of the other read, and how far it was looked at. */
interface Scan {
  readonly page: ReadPage;
  readonly view: DataView;
  readonly names: EventNames;
  at: number;
  /** Of the record that was looked at last. */
  position: Position;
  isFirstPart: boolean;
}

export class FilteredRead implements LogRead {
  readonly #source: ReadSource;
  readonly #read: LogRead;
  readonly #filter: NameFilter;
  readonly #isBackwards: boolean;
  #eventsLeft: number;
  #scan: Scan | undefined;

  /** `read` has no limit on its events. */
  constructor(source: ReadSource, read: LogRead, { filter, isBackwards, eventsMax }: FilteredRange) {
    this.#source = source;
    this.#read = read;
    this.#filter = filter ?? EVERYTHING;
    this.#isBackwards = isBackwards;
    this.#eventsLeft = eventsMax;
  }

  whenReady(): Promise<void> | undefined {
    return this.#scan === undefined ? this.#read.whenReady?.() : undefined;
  }

  close(): void {
    this.#read.close?.();
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    if (this.#scan === undefined) {
      const answer = await this.#read.nextPage(this.#pageBytes(bytesMax));
      if (answer.kind !== 'page') return answer;
      this.#scan = scanOf(answer, this.#source.headroomBytes);
    }
    const { turns } = this.#source;
    const turn = turns.enter();
    if (turn !== undefined) await turn;
    const before = this.#filter.work;
    const part = this.#nextPart(this.#scan);
    turns.spent(this.#filter.work - before);
    return part;
  }

  /** Who wants a few of all events does not cost a whole page. */
  #pageBytes(bytesMax: number): number {
    return this.#filter === EVERYTHING ? stretchBytes(bytesMax, this.#eventsLeft) : bytesMax;
  }

  /** What fits among the next records of the page, as far as one turn goes. */
  #nextPart(scan: Scan): ReadPage {
    const { copies, pages, headroomBytes } = this.#source;
    const { page } = scan;
    const { events, bytes } = this.#select(scan);
    const part = new PageBuilder(pages, headroomBytes, bytes);
    copies.copy(page.bytes, part.bytes);
    part.at += bytes;
    this.#eventsLeft -= events;
    const isWhole = scan.at === page.bytes.length;
    const isBehind = scan.isFirstPart && page.isBehind === true;
    scan.isFirstPart = false;
    if (isWhole) {
      this.#scan = undefined;
      page.release();
    }
    return part.page({
      eventCount: events,
      next: isWhole ? page.next : this.#nextOf(scan),
      head: page.head,
      isLast: this.#eventsLeft === 0 || (isWhole && page.isLast),
      isBehind,
      isCaughtUp: isWhole && page.isCaughtUp === true,
    });
  }

  /** Notes the copies of what fits, until the page, the events or the time is over. */
  #select(scan: Scan): { events: number; bytes: number } {
    const { copies, headroomBytes } = this.#source;
    const { page, view } = scan;
    const workEnd = this.#filter.work + WORK_MAX;
    let events = 0;
    let bytes = 0;
    while (scan.at < page.bytes.length && events < this.#eventsLeft && this.#filter.work < workEnd) {
      const { at } = scan;
      const length = occupiedBytes(view.getUint32(at + RECORD.length, true));
      if (view.getUint8(at + RECORD.type) === RECORD_TYPE.prepare && this.#fits(scan)) {
        copies.add(at, headroomBytes + bytes, length);
        bytes += length;
        events++;
      }
      if (this.#isBackwards) scan.position = readU64(view, at + RECORD.position);
      scan.at += length;
    }
    return { events, bytes };
  }

  #fits({ view, at, names }: Scan): boolean {
    names.streamAt = at + PREPARE.stream;
    names.streamBytes = view.getUint16(at + PREPARE.streamBytes, true);
    names.typeAt = names.streamAt + names.streamBytes;
    names.typeBytes = view.getUint16(at + PREPARE.typeBytes, true);
    return this.#filter.matches(names);
  }

  /** In the middle of a page: backwards the record that was looked at last begins where the next one ends. */
  #nextOf({ view, at, position }: Scan): Position {
    return this.#isBackwards ? position : readU64(view, at + RECORD.position);
  }
}

function scanOf(page: ReadPage, headroomBytes: number): Scan {
  const { bytes } = page;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = { bytes, streamAt: 0, streamBytes: 0, typeAt: 0, typeBytes: 0 };
  return { page, view, names, at: headroomBytes, position: 0, isFirstPart: true };
}
