/**
 * Reading the whole log forwards. Main thread. A stretch of the log becomes a page as it is, Commit and Epoch records
 * included: one copy from the ring, or one read from a file; then only headers are looked at. Padding is left out, and so is what is for nobody to
 * see: Removed records, and the steps of open transactions; what is left moves together.
 */
import { FIRST_POSITION, type Position } from '../base/units.js';
import { chunkOf } from '../log/chunk.js';
import { logCorrupt, placeOf } from '../log/damage.js';
import {
  occupiedBytes,
  PREPARE,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_TYPE,
  STREAM_NAME_BYTES_MAX,
} from '../log/record.js';
import { verdictOn } from './boundary-check.js';
import { PageBuilder } from './page-builder.js';
import type { LogRead, ReadAnswer, ReadPage } from './read-page.js';
import { longerStretch, type ReadSource, stretchBytes } from './read-source.js';

const TYPE_WORD = RECORD.type / 4;
const LENGTH_WORD = RECORD.length / 4;

/** What to read. `from`: where the first record starts; `Infinity`, if live, is the end of what is committed. */
export interface ForwardsRequest {
  readonly from: Position;
  readonly eventsMax: number;
  readonly isLive?: boolean | undefined;
  /** The record at `from` is left out. */
  readonly isAfter?: boolean | undefined;
}

/** How many records may become a page. */
interface PageLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** The records at the start of a stretch that make a page. */
interface Walk {
  /** Bytes of whole records that were walked over, and of those that are in the page, from its start on. */
  bytes: number;
  pageBytes: number;
  events: number;
  /** Whether a Padding record follows them: the page ends, and the read goes on in the next chunk. */
  isAtPadding: boolean;
}

export class AllRead implements LogRead {
  readonly #source: ReadSource;
  #head: Position;
  /** As the client named it. */
  readonly #from: Position;
  #next: Position = FIRST_POSITION;
  #eventsLeft: number;
  /** Whether records are known to start at `next`, which was the client's idea at first. */
  #isBoundary: boolean;
  /** Whether it goes on behind the head: then each page is up to what is committed when it is begun. */
  readonly #isLive: boolean;
  /** Whether the record at `next`, which the client has seen, is still to be left out. */
  #isBeforeFirst: boolean;

  constructor(source: ReadSource, { from, eventsMax, isLive = false, isAfter = false }: ForwardsRequest) {
    const head = source.committed();
    const isFromEnd = from === Number.POSITIVE_INFINITY;
    this.#source = source;
    this.#head = head;
    this.#from = isFromEnd ? head : from;
    this.#next = this.#from;
    this.#eventsLeft = eventsMax;
    this.#isBoundary = from === 0 || isFromEnd;
    this.#isLive = isLive;
    this.#isBeforeFirst = isAfter;
  }

  /** Where the next page begins. */
  get next(): Position {
    return this.#next;
  }

  /** Whether the record there is to be left out. */
  get isBeforeFirst(): boolean {
    return this.#isBeforeFirst;
  }

  /** Goes on behind a page that another read was given, which begins where this one is; undefined if it wants less. */
  take(page: ReadPage): ReadPage | undefined {
    if (this.#isBeforeFirst || page.eventCount > this.#eventsLeft) return undefined;
    this.#next = page.next;
    this.#head = page.head;
    this.#eventsLeft -= page.eventCount;
    // The other one's place was a boundary, and so is this.
    this.#isBoundary = true;
    return this.#eventsLeft === 0 ? { ...page, isLast: true } : page;
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    const { pages, headroomBytes } = this.#source;
    if (this.#isLive) this.#head = this.#source.committed();
    let want = stretchBytes(bytesMax, this.#eventsLeft);
    while (this.#next < this.#head && this.#eventsLeft > 0) {
      if (this.#next % 8 !== 0) return this.#badPosition();
      const builder = new PageBuilder(pages, headroomBytes, this.#available(want));
      const goodBytes = await this.#fill(builder);
      if (goodBytes < 0) return this.#badPosition();
      if (this.#isBeforeFirst && this.#skipsFirst(builder)) continue;
      // What isn't known to be the log's is walked over, and given to nobody.
      const eventsMax = this.#isBoundary ? this.#eventsLeft : 0;
      const walk = walkRecords(builder, goodBytes, { eventsMax, bytesMax });
      this.#next += walk.bytes;
      this.#eventsLeft -= walk.events;
      if (walk.isAtPadding) {
        if (!this.#isBoundary && !this.#endsChunk(builder, walk)) return this.#badPosition();
        this.#next = this.#chunkEnd();
      }
      if (walk.events > 0) return this.#page(builder, walk);
      builder.release();
      const isPast = walk.bytes > 0 || walk.isAtPadding || this.#passesLong(builder);
      want = isPast ? await longerStretch(want) : this.#longer(builder);
      if (want === 0) return this.#badPosition();
    }
    return this.#page(new PageBuilder(pages, headroomBytes, 0), { pageBytes: 0, events: 0 });
  }

  /** Nothing in the stretch is whole: the first record is longer. How long; 0 if that can't be. */
  #longer(builder: PageBuilder): number {
    const bytes = recordBytesAt(builder);
    return bytes > builder.recordBytes && bytes <= this.#available(bytes) ? bytes : 0;
  }

  /** Passes over the first record, which is longer than the stretch, if it is a Removed one: nobody needs the rest of it. */
  #passesLong(builder: PageBuilder): boolean {
    const isRemoved = typeAt(builder, builder.start) === RECORD_TYPE.removed;
    const bytes = isRemoved ? this.#longer(builder) : 0;
    this.#next += bytes;
    return bytes > 0;
  }

  /**
   * Reads the stretch from `next`. Returns how many of its bytes can be given out; −1 if the client named the position and no
   * record starts there. A damaged record ends the good bytes, and is an error once it comes first.
   */
  async #fill(builder: PageBuilder): Promise<number> {
    const { log, checks } = this.#source;
    const { bytes, view, start } = builder;
    const stretch = { bytes, view, at: start, length: builder.recordBytes, position: this.#next };
    const reading = log.read(this.#next, bytes, start, stretch.length);
    if (reading !== undefined) await reading;
    else if (this.#isBoundary) return stretch.length;
    if (!this.#isBoundary && !checks.isHeader(stretch)) return -1;
    const { goodBytes, damage } = checks.run(stretch);
    const judged = this.#isBoundary ? goodBytes : await this.#judge(builder, goodBytes);
    // The ring is not damaged: what looked like a record is something inside an event.
    if (judged < 0 || (damage !== undefined && reading === undefined)) return -1;
    if (damage === undefined) return judged === goodBytes ? stretch.length : judged;
    if (judged > 0) return judged;
    if (!this.#isBoundary) return -1;
    throw logCorrupt(placeOf(log.pathAt(this.#next), this.#next, this.#source.chunkBytes), damage);
  }

  /** Leaves out the record at `next`, which is good as far as it was read; false if that is Padding, which the walk leaves out anyway. */
  #skipsFirst(builder: PageBuilder): boolean {
    this.#isBeforeFirst = false;
    if (typeAt(builder, builder.start) === RECORD_TYPE.padding) return false;
    this.#next += recordBytesAt(builder);
    builder.release();
    return true;
  }

  /**
   * Whether the records at the start of the stretch are those of the log: −1 if they are not. Else how many of the good bytes that has been told of:
   * all, or, as long as it can't be told, none with an event that is there.
   */
  async #judge(builder: PageBuilder, goodBytes: number): Promise<number> {
    const { view, start } = builder;
    const end = start + (goodBytes > 0 ? goodBytes : claimBytesOf(builder));
    const verdict = await verdictOn({ view, at: start, end }, this.#source);
    this.#isBoundary = verdict.kind === 'genuine';
    if (verdict.kind === 'forged') return -1;
    return verdict.kind === 'gone' ? Math.min(goodBytes, verdict.end - start) : goodBytes;
  }

  /** Whether the Padding behind what was walked over, now at `next`, fills a chunk that more records follow: any true one does. */
  #endsChunk({ words, start }: PageBuilder, { bytes }: Walk): boolean {
    const length = words[((start + bytes) >> 2) + LENGTH_WORD]!;
    return this.#next + length === this.#chunkEnd() && this.#chunkEnd() <= this.#head;
  }

  /** A stretch ends where the chunk, or what is committed, does. */
  #available(want: number): number {
    return Math.min(want, this.#chunkEnd() - this.#next, this.#head - this.#next);
  }

  #chunkEnd(): Position {
    const { chunkBytes } = this.#source;
    return (chunkOf(this.#next, chunkBytes) + 1) * chunkBytes;
  }

  /** Also for what a forged record inside an event leads to: positions that no honest client has. */
  #badPosition(): ReadAnswer {
    return { kind: 'bad-position', position: this.#from };
  }

  #page(builder: PageBuilder, { pageBytes, events }: Pick<Walk, 'pageBytes' | 'events'>): ReadPage {
    builder.at = builder.start + pageBytes;
    const isLast = this.#eventsLeft === 0 || (!this.#isLive && this.#next >= this.#head);
    return builder.page({ eventCount: events, next: this.#next, head: this.#head, isLast });
  }
}

/**
 * Takes whole records from the first `goodBytes` of the stretch, until the page is full or Padding comes, and moves those that are for somebody to
 * see to its start. With no events to be given it walks over all of them.
 */
function walkRecords(builder: PageBuilder, goodBytes: number, { eventsMax, bytesMax }: PageLimits): Walk {
  const { words, start } = builder;
  const end = start + goodBytes;
  const walk: Walk = { bytes: 0, pageBytes: 0, events: 0, isAtPadding: false };
  /** Records that stay together and have not been moved yet begin here. */
  let from = start;
  let at = start;
  while (at + RECORD_HEADER_BYTES <= end && (walk.events < eventsMax || eventsMax === 0)) {
    const type = typeAt(builder, at);
    walk.isAtPadding = type === RECORD_TYPE.padding;
    if (walk.isAtPadding) break;
    const length = words[(at >> 2) + LENGTH_WORD]!;
    const next = at + occupiedBytes(length);
    if (next > end || length < RECORD_HEADER_BYTES) break;
    if (eventsMax === 0 || isForNobody(type)) {
      moveBack(builder, walk, from, at);
      from = next;
    } else {
      const pageBytes = walk.pageBytes + next - from;
      if (pageBytes > bytesMax && pageBytes > next - at) break;
      if (type === RECORD_TYPE.prepare) walk.events++;
    }
    at = next;
  }
  moveBack(builder, walk, from, at);
  walk.bytes = at - start;
  return walk;
}

/** Moves `[from, end)` of the stretch behind what is in the page. */
function moveBack({ bytes, start }: PageBuilder, walk: Walk, from: number, end: number): void {
  const to = start + walk.pageBytes;
  if (to < from && from < end) bytes.copyWithin(to, from, end);
  walk.pageBytes += end - from;
}

/** Steps of open transactions, and what stands for records that a scavenge has removed. */
function isForNobody(type: number): boolean {
  return type === RECORD_TYPE.removed || type === RECORD_TYPE.draft;
}

/** How much of a first record that is not whole, or damaged, can be judged by its good header: nothing, if its name may be cut off. */
function claimBytesOf(builder: PageBuilder): number {
  const claimBytes = Math.min(recordBytesAt(builder), PREPARE.stream + STREAM_NAME_BYTES_MAX);
  return claimBytes <= builder.recordBytes ? claimBytes : 0;
}

function typeAt({ words }: PageBuilder, at: number): number {
  return words[(at >> 2) + TYPE_WORD]! & 0xff;
}

function recordBytesAt({ words, start }: PageBuilder): number {
  return occupiedBytes(words[(start >> 2) + LENGTH_WORD]!);
}
