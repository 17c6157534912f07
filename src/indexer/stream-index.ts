/**
 * Where each stream's events are: (stream number, revision) → (position, bytes), in memory. Pure; index thread and jobs.
 * Events are only ever appended, with consecutive revisions, which need not begin with 0: what came before is elsewhere, or gone. A stream's events stand in blocks, each of a power-of-two size,
 * a stream's next block being twice as large as the one before up to a cap: so a stream of five events costs some 200
 * bytes and one of ten million has 20,000 blocks, none of which is ever moved. Blocks are cut from pages of plain memory;
 * there is no object per stream, block or event.
 *
 *   block: ┌ header, 8 words ────────────────────────────────────────────────────┬ two words an event ───┬──────
 *          │ first revision · base low, high · previous · jump · next · room · # │ offset, bytes │ offset, …
 *          └─────────────────────────────────────────────────────────────────────┴───────────────────────┴──────
 *   position = base + 8 × offset                block reference = word number, counted over all pages; 0 = none
 *
 * From the last block a search goes backwards by `previous` and `jump`, where jumps double: any block is O(log n) steps away.
 * That is the skew-binary list of Myers, "An applicative random-access stack" (1983).
 */
import { assert } from '../base/assert.js';
import type { Position, Revision } from '../base/units.js';
import type { EventTaker, ReadDirection } from '../index/event-taker.js';

const HEADER_WORDS = 8;
const WORD = {
  first: 0,
  baseLow: 1,
  baseHigh: 2,
  previous: 3,
  jump: 4,
  next: 5,
  room: 6,
  ordinal: 7,
} as const;
const EVENT_WORDS = 2;
/** Room for 4 events: most streams of most logs are short. */
const BLOCK_WORDS_MIN = 16;
/** Room for 508 events: the header is then under 1 % of a block, and what a page can't use at its end under 2 %. */
const BLOCK_WORDS_MAX = 1024;
/** 256 KiB a page: enough blocks in one that pages are few, and little memory for a log that has just begun. */
const PAGE_SHIFT = 16;
const PAGE_WORDS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_WORDS - 1;
/** Block references are u32: 16 GiB of blocks, about two thousand million events. */
const PAGES_MAX = 1 << (32 - PAGE_SHIFT);
const POSITION_UNIT = 8;
const TWO_TO_32 = 0x1_0000_0000;
const STREAMS_AT_FIRST = 1024;

/** An index as plain buffers, to be posted to another thread with the buffers transferred. */
export interface StreamIndexTransfer {
  readonly pages: readonly ArrayBuffer[];
  readonly tails: ArrayBuffer;
  readonly counts: ArrayBuffer;
  readonly firsts: ArrayBuffer;
}

export class StreamIndex {
  #pages: Uint32Array<ArrayBuffer>[] = [];
  /** The next free word, counted over all pages. Starts past word 0, as 0 means no block. */
  #free = BLOCK_WORDS_MIN;
  /** By stream number: its last block, and how many events it has. */
  #tails = new Uint32Array(STREAMS_AT_FIRST);
  #counts = new Uint32Array(STREAMS_AT_FIRST);
  /** By stream number: the revision of its first event here. */
  #firsts = new Float64Array(STREAMS_AT_FIRST);

  /** A copy. */
  toTransfer(): StreamIndexTransfer {
    return {
      pages: this.#pages.map((page) => page.slice().buffer),
      tails: this.#tails.slice().buffer,
      counts: this.#counts.slice().buffer,
      firsts: this.#firsts.slice().buffer,
    };
  }

  /** The index that `transfer` was made from; nothing can be added to it. Takes over the buffers. */
  static fromTransfer({ pages, tails, counts, firsts }: StreamIndexTransfer): StreamIndex {
    const index = new StreamIndex();
    index.#pages = pages.map((page) => new Uint32Array(page));
    index.#tails = new Uint32Array(tails);
    index.#counts = new Uint32Array(counts);
    index.#firsts = new Float64Array(firsts);
    return index;
  }

  /** How many events of the stream are here; 0 if there is no such stream. */
  countOf(stream: number): number {
    return stream >= 0 && stream < this.#counts.length ? this.#counts[stream]! : 0;
  }

  /** Revision of the stream's first event here, if it has any. */
  firstOf(stream: number): Revision {
    return this.#firsts[stream]!;
  }

  /** Revision of the stream's last event; −1 if it has none, or if there is no such stream. */
  headOf(stream: number): Revision {
    const count = this.countOf(stream);
    return count === 0 ? -1 : this.#firsts[stream]! + count - 1;
  }

  /** Position of the stream's last event; −1 if it has none. */
  lastPositionOf(stream: number): Position {
    const count = this.countOf(stream);
    if (count === 0) return -1;
    const block = this.#tails[stream]!;
    const page = this.#pageOf(block);
    const at = block & PAGE_MASK;
    return positionIn(page, at, at + HEADER_WORDS + (count - 1 - page[at + WORD.first]!) * EVENT_WORDS);
  }

  /**
   * Adds the next event of a stream: its record occupies `bytes` (padding included) at `position`. If events between it and the one before are
   * missing, what is here of the stream counts as gone: a chunk that a follower fetched while its leader scavenged it can be so.
   */
  append(stream: number, revision: Revision, position: Position, bytes: number): void {
    if (stream >= this.#counts.length) this.#growStreams(stream);
    if (revision !== this.#firsts[stream]! + this.#counts[stream]!) this.#beginAt(stream, revision);
    const count = this.#counts[stream]!;
    let block = this.#tails[stream]!;
    if (block === 0 || !this.#hasRoom(block, count, position)) {
      block = this.#addBlock(block, count, position);
      this.#tails[stream] = block;
    }
    const page = this.#pageOf(block);
    const at = block & PAGE_MASK;
    const entry = at + HEADER_WORDS + (count - page[at + WORD.first]!) * EVENT_WORDS;
    page[entry] = (position - basePosition(page, at)) / POSITION_UNIT;
    page[entry + 1] = bytes;
    this.#counts[stream] = count + 1;
  }

  /**
   * Feeds `taker` the stream's events from revision `from`, which is here, towards its last or first event here, until it has
   * enough. Returns the revision where a further read would go on: at the end head + 1, or the one before the first.
   */
  collect(stream: number, from: Revision, direction: ReadDirection, taker: EventTaker): Revision {
    const base = this.#firsts[stream]!;
    assert(from >= base && from <= this.headOf(stream), 'the revision to read from is in the stream');
    return base + this.#collect(stream, from - base, direction, taker);
  }

  /** The same, with revisions that count from the stream's first one here. */
  #collect(stream: number, from: number, direction: ReadDirection, taker: EventTaker): number {
    let revision = from;
    let block = this.#blockOf(stream, revision);
    while (block !== 0) {
      const page = this.#pageOf(block);
      const at = block & PAGE_MASK;
      const first = page[at + WORD.first]!;
      const step = direction === 'forwards' ? 1 : -1;
      const next = page[at + WORD.next]!;
      const end = step < 0 ? first - 1 : next === 0 ? this.#counts[stream]! : this.#firstIn(next);
      const base = basePosition(page, at);
      for (; revision !== end; revision += step) {
        const entry = at + HEADER_WORDS + (revision - first) * EVENT_WORDS;
        if (!taker.add(base + page[entry]! * POSITION_UNIT, page[entry + 1]!)) return revision;
      }
      block = step < 0 ? page[at + WORD.previous]! : next;
    }
    return revision;
  }

  /** Bytes of memory in use, for statistics. */
  get memoryBytes(): number {
    return 4 * (this.#pages.length * PAGE_WORDS + this.#tails.length + 3 * this.#counts.length);
  }

  /** The block that holds `revision`: the last one whose first revision is not above it. */
  #blockOf(stream: number, revision: number): number {
    let block = this.#tails[stream]!;
    while (this.#firstIn(block) > revision) {
      const page = this.#pageOf(block);
      const at = block & PAGE_MASK;
      const jump = page[at + WORD.jump]!;
      block = this.#firstIn(jump) > revision ? jump : page[at + WORD.previous]!;
    }
    return block;
  }

  /** Whether the block has an entry left, and one that can hold the distance from its base (up to 32 GiB). */
  #hasRoom(block: number, revision: number, position: Position): boolean {
    const page = this.#pageOf(block);
    const at = block & PAGE_MASK;
    if (revision - page[at + WORD.first]! === page[at + WORD.room]!) return false;
    return (position - basePosition(page, at)) / POSITION_UNIT < TWO_TO_32;
  }

  /** Makes the block that follows `previous` (0 = the stream's first). */
  #addBlock(previous: number, revision: number, position: Position): number {
    const before = previous === 0 ? 0 : HEADER_WORDS + EVENT_WORDS * this.#header(previous, WORD.room);
    const words = before === 0 ? BLOCK_WORDS_MIN : Math.min(2 * before, BLOCK_WORDS_MAX);
    const block = this.#allocate(words);
    const page = this.#pageOf(block);
    const at = block & PAGE_MASK;
    page[at + WORD.first] = revision;
    page[at + WORD.baseLow] = position % TWO_TO_32;
    page[at + WORD.baseHigh] = Math.floor(position / TWO_TO_32);
    page[at + WORD.room] = (words - HEADER_WORDS) / EVENT_WORDS;
    if (previous === 0) return block;
    page[at + WORD.previous] = previous;
    page[at + WORD.ordinal] = this.#header(previous, WORD.ordinal) + 1;
    page[at + WORD.jump] = this.#jumpAfter(previous);
    this.#pageOf(previous)[(previous & PAGE_MASK) + WORD.next] = block;
    return block;
  }

  /** Where the block behind `previous` jumps to: as far as two equal jumps from there, if there are such, else to `previous`. */
  #jumpAfter(previous: number): number {
    const one = this.#header(previous, WORD.jump);
    if (one === 0) return previous;
    const two = this.#header(one, WORD.jump);
    if (two === 0) return previous;
    const [a, b, c] = [previous, one, two].map((block) => this.#header(block, WORD.ordinal)) as [
      number,
      number,
      number,
    ];
    return a - b === b - c ? two : previous;
  }

  /** A fresh run of words that does not cross a page's end. */
  #allocate(words: number): number {
    if ((this.#free & PAGE_MASK) + words > PAGE_WORDS) this.#free = this.#pages.length * PAGE_WORDS;
    const block = this.#free;
    if (block >>> PAGE_SHIFT === this.#pages.length || this.#pages.length === 0) {
      assert(this.#pages.length < PAGES_MAX, 'the index exceeds 16 GiB of memory');
      this.#pages.push(new Uint32Array(PAGE_WORDS));
    }
    this.#free = block + words;
    return block;
  }

  /** The stream's first event here is this one. */
  #beginAt(stream: number, revision: Revision): void {
    const end = this.#firsts[stream]! + this.#counts[stream]!;
    assert(this.#counts[stream] === 0 || revision > end, 'the revisions of a stream grow');
    this.#firsts[stream] = revision;
    this.#counts[stream] = 0;
    this.#tails[stream] = 0;
  }

  #growStreams(stream: number): void {
    const size = Math.max(2 * this.#counts.length, stream + 1);
    const [tails, counts] = [this.#tails, this.#counts];
    this.#tails = new Uint32Array(size);
    this.#tails.set(tails);
    this.#counts = new Uint32Array(size);
    this.#counts.set(counts);
    const firsts = this.#firsts;
    this.#firsts = new Float64Array(size);
    this.#firsts.set(firsts);
  }

  #firstIn(block: number): number {
    return this.#header(block, WORD.first);
  }

  #header(block: number, word: number): number {
    return this.#pageOf(block)[(block & PAGE_MASK) + word]!;
  }

  #pageOf(block: number): Uint32Array {
    return this.#pages[block >>> PAGE_SHIFT]!;
  }
}

function basePosition(page: Uint32Array, at: number): Position {
  return page[at + WORD.baseHigh]! * TWO_TO_32 + page[at + WORD.baseLow]!;
}

function positionIn(page: Uint32Array, at: number, entry: number): Position {
  return basePosition(page, at) + page[entry]! * POSITION_UNIT;
}
