/**
 * Reading the whole log backwards. Main thread. Each record's header says how long the one before is; the first is found
 * through the record behind the position to read from, or, at the end of the log, through the ring. Only events get into a page,
 * in descending order; a long record that is for nobody, Padding or a Removed one, is passed over by its header. What comes from a file is checked record by record, so that what lies above damage is still given.
 */
import type { Position } from '../base/units.js';
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
import { isIndexed, type Standing, standingOf } from './boundary-check.js';
import { PageBuilder } from './page-builder.js';
import type { LogRead, ReadAnswer } from './read-page.js';
import { longerStretch, type ReadSource, stretchBytes } from './read-source.js';

const TWO_TO_32 = 0x1_0000_0000;
/** All that the index must know to find an event: the fixed part and the longest name. */
const HEAD_BYTES_MAX = PREPARE.stream + STREAM_NAME_BYTES_MAX;
/** Far more than a Commit or Epoch record is: what claims to be one, or a Removed one, and is longer is not read until its place is confirmed. */
const EVENTLESS_BYTES_MAX = 4096;
const WORD = {
  length: RECORD.length / 4,
  position: RECORD.position / 4,
  type: RECORD.type / 4,
  previousLength: RECORD.previousLength / 4,
} as const;

export class AllReadBackwards implements LogRead {
  readonly #source: ReadSource;
  readonly #head: Position;
  /** As the client named it. */
  readonly #from: Position;
  /** Records before here are still to be read. */
  #next: Position;
  /** Length field of the record that ends at `next`; −1 = not known yet. */
  #length = -1;
  #eventsLeft: number;
  /** Whether a record is known to end at `next`, which may have been the client's idea. */
  #isBoundary: boolean;

  /** Whether the stretch that was read last is known to be good: it was in the ring, or was checked as a whole. */
  #isChecked = false;

  /** `from`: where the first record to consider ends; `Infinity` = the end of what is committed. */
  constructor(source: ReadSource, from: Position, eventsMax: number) {
    this.#source = source;
    this.#head = source.committed();
    this.#from = from;
    this.#next = from === Number.POSITIVE_INFINITY ? this.#head : from;
    this.#eventsLeft = eventsMax;
    this.#isBoundary = from === Number.POSITIVE_INFINITY;
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    if (this.#next > this.#head || this.#next % 8 !== 0) return this.#badPosition();
    if (this.#length < 0 && !(await this.#findFirst())) return this.#badPosition();
    let want = stretchBytes(bytesMax, this.#eventsLeft);
    let page = new PageBuilder(this.#source.pages, this.#source.headroomBytes, 0);
    let events = 0;
    while (events === 0 && this.#next > 0 && this.#eventsLeft > 0) {
      if (!this.#isBoundary || occupiedBytes(this.#length) > want) {
        const found = await this.#lookBehind(want);
        if (found === 'passed') {
          want = await longerStretch(want);
          continue;
        }
        if (found === 'nothing') return this.#nothingThere();
        want = Math.max(want, occupiedBytes(this.#length));
      }
      const before = this.#next;
      const stretch = await this.#fill(want);
      page = new PageBuilder(this.#source.pages, this.#source.headroomBytes, stretch.recordBytes);
      events = this.#take(stretch, page, bytesMax);
      stretch.release();
      if (this.#next === before) return this.#nothingThere();
      if (events === 0) want = await longerStretch(want);
    }
    const next = this.#next === 0 ? Number.POSITIVE_INFINITY : this.#next;
    const isLast = this.#next === 0 || this.#eventsLeft === 0;
    return page.page({ eventCount: events, next, head: this.#head, isLast });
  }

  /** Looks up how long the record is that ends where the read begins; false if none does. */
  async #findFirst(): Promise<boolean> {
    const { log } = this.#source;
    if (this.#next === 0) this.#length = 0;
    else if (this.#next === log.end) {
      this.#length = log.lastLength;
      this.#isBoundary = true;
    } else {
      const head = await this.#headAt(this.#next);
      if (head === undefined) return false;
      this.#length = head.getUint32(RECORD.previousLength, true);
      this.#isBoundary ||= (await this.#standingOf(head)) === 'genuine';
    }
    return true;
  }

  /**
   * What the next record is, from its header alone: a length that may be forged must not decide how much is read. While the
   * client's position is not confirmed, the index is asked here. What is for nobody, and may be many times larger than a page, is then behind.
   */
  async #lookBehind(want: number): Promise<'passed' | 'record' | 'nothing'> {
    const { chunkBytes } = this.#source;
    const position = this.#next - occupiedBytes(this.#length);
    const isInChunk = position >= chunkOf(this.#next - 1, chunkBytes) * chunkBytes;
    const head = isInChunk ? await this.#headAt(position) : undefined;
    if (head === undefined || head.getUint32(RECORD.length, true) !== this.#length) return 'nothing';
    const type = head.getUint8(RECORD.type);
    let isPassed = type === RECORD_TYPE.padding;
    if (isPassed && this.#next % chunkBytes !== 0) return 'nothing';
    if (type === RECORD_TYPE.removed) {
      isPassed = occupiedBytes(this.#length) > Math.max(EVENTLESS_BYTES_MAX, this.#isBoundary ? want : 0);
    } else if (!isPassed && !this.#isBoundary) {
      if (!isIndexed(type)) return this.#length <= EVENTLESS_BYTES_MAX ? 'record' : 'nothing';
      const standing = await this.#standingOf(head);
      this.#isBoundary = standing === 'genuine';
      if (standing === 'forged') return 'nothing';
      isPassed = standing === 'gone';
    }
    if (!isPassed) return 'record';
    this.#next = position;
    this.#length = head.getUint32(RECORD.previousLength, true);
    return 'passed';
  }

  /** The first bytes of the record at `position`, name included; undefined if there is no good header. */
  async #headAt(position: Position): Promise<DataView<ArrayBuffer> | undefined> {
    const { log, checks, chunkBytes } = this.#source;
    const chunkEnd = (chunkOf(position, chunkBytes) + 1) * chunkBytes;
    const length = Math.min(HEAD_BYTES_MAX, chunkEnd - position, log.end - position);
    if (length < RECORD_HEADER_BYTES) return undefined;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    await log.read(position, bytes, 0, length);
    return checks.isHeader({ bytes, view, at: 0, length, position }) ? view : undefined;
  }

  /** If this is the head of an event that the index knows, records end and start where it says. */
  async #standingOf(view: DataView<ArrayBuffer>): Promise<Standing | undefined> {
    if (!isIndexed(view.getUint8(RECORD.type))) return undefined;
    return await standingOf({ view, at: 0, end: view.byteLength }, this.#source);
  }

  /** Reads up to `want` bytes before `next`, of one chunk. */
  async #fill(want: number): Promise<PageBuilder> {
    const { log, chunkBytes } = this.#source;
    const chunkStart = chunkOf(this.#next - 1, chunkBytes) * chunkBytes;
    const from = Math.max(chunkStart, this.#next - want);
    const stretch = new PageBuilder(this.#source.pages, 0, this.#next - from);
    const reading = log.read(from, stretch.bytes, 0, stretch.recordBytes);
    if (reading !== undefined) await reading;
    this.#isChecked = reading === undefined || this.#isAllGood(stretch);
    return stretch;
  }

  /**
   * Moves over whole records from the stretch's end, copying events into `page`, until all is taken, `bytesMax` are, or something is wrong. As long as
   * the client's position is not confirmed, an event is left for {@link #lookBehind} to ask about.
   */
  #take(stretch: PageBuilder, page: PageBuilder, bytesMax: number): number {
    const { words } = stretch;
    const { copies } = this.#source;
    let events = 0;
    let end = stretch.recordBytes;
    while (events < this.#eventsLeft) {
      const at = end - occupiedBytes(this.#length);
      const position = this.#next - (end - at);
      if (!isPlausible(stretch, at, this.#length, position)) break;
      if (!this.#isChecked && !this.#isGood(stretch, at, position)) break;
      const word = at >> 2;
      const type = words[word + WORD.type]! & 0xff;
      if (!this.#isBoundary && isIndexed(type)) break;
      if (type === RECORD_TYPE.prepare) {
        if (events > 0 && page.at - page.start + end - at > bytesMax) break;
        copies.add(at, page.at, end - at);
        page.at += end - at;
        events++;
      }
      this.#length = words[word + WORD.previousLength]!;
      this.#next = position;
      end = at;
    }
    copies.copy(stretch.bytes, page.bytes);
    this.#eventsLeft -= events;
    return events;
  }

  /** Checks all whole records of a stretch in one go: what nearly always holds, so that they need not be checked one by one. */
  #isAllGood(stretch: PageBuilder): boolean {
    const { bytes, view, words, recordBytes } = stretch;
    let [end, position, length] = [recordBytes, this.#next, this.#length];
    for (;;) {
      const at = end - occupiedBytes(length);
      if (!isPlausible(stretch, at, length, position - (end - at))) break;
      position -= end - at;
      length = words[(at >> 2) + WORD.previousLength]!;
      end = at;
    }
    const stretchBytes = recordBytes - end;
    return (
      this.#source.checks.run({ bytes, view, at: end, length: stretchBytes, position }).goodBytes ===
      stretchBytes
    );
  }

  #isGood({ bytes, view }: PageBuilder, at: number, position: Position): boolean {
    const { checks } = this.#source;
    const length = occupiedBytes(this.#length);
    return checks.isHeader({ bytes, view, at, length, position }) && checks.isBody(bytes, view, at);
  }

  #badPosition(): ReadAnswer {
    return { kind: 'bad-position', position: this.#from };
  }

  /** No good record ends at `next`: the client's mistake, as long as it may be one; else damage. */
  #nothingThere(): ReadAnswer {
    if (!this.#isBoundary) return this.#badPosition();
    const { log, chunkBytes } = this.#source;
    const position = Math.max(0, this.#next - occupiedBytes(this.#length));
    throw logCorrupt(
      placeOf(log.pathAt(position), position, chunkBytes),
      'no record, or a damaged one, stands there',
    );
  }
}

/** Whether a record of this length can start at `at`: inside the stretch, and with the length and position that it must have. */
function isPlausible({ words }: PageBuilder, at: number, length: number, position: Position): boolean {
  if (at < 0 || length < RECORD_HEADER_BYTES) return false;
  const word = at >> 2;
  if (words[word + WORD.length] !== length) return false;
  return words[word + WORD.position]! + words[word + WORD.position + 1]! * TWO_TO_32 === position;
}
