/**
 * Following a stream: what it had before, by the index, then each further event as it is committed, straight from the ring. Main thread. It follows the
 * stream's tail before it asks the index for the last time, so nothing is missed in between; revisions tell what it has already. A tombstone ends it,
 * behind the events that were committed before, as far as the tail has them.
 */
import { assert } from '../base/assert.js';
import type { Revision } from '../base/units.js';
import type { LiveFeed } from './live-feed.js';
import { LiveWait } from './live-wait.js';
import { PageBuilder } from './page-builder.js';
import { type LogRead, type ReadAnswer, type ReadPage, SHARED_PAGE_BYTES_MAX } from './read-page.js';
import type { ReadSource } from './read-source.js';
import { StreamRead } from './stream-read.js';
import type { StreamTail } from './stream-tails.js';

/** `from`: the first revision; `Infinity` = that of the next event. The stream need not exist. */
export interface LiveStreamRequest {
  readonly stream: Uint8Array;
  readonly from: Revision;
  readonly eventsMax: number;
}

export class LiveStreamRead implements LogRead {
  readonly #source: ReadSource;
  readonly #feed: LiveFeed;
  readonly #stream: Uint8Array;
  readonly #tail: StreamTail;
  readonly #wait = new LiveWait();
  #next: Revision;
  #head: Revision = -1;
  #eventsLeft: number;
  /** Reads what is not in the tail. */
  #catchUp: StreamRead | undefined;
  #missesSeen = 0;
  /** Whether it lives on the tail. */
  #isLive = false;
  /**
   * Whether it has been told that it has caught up. A live one has not as long as events before the one that it wants are not here: who goes on after
   * an event that this node does not know yet has seen more than it, perhaps a part of a transaction.
   */
  #hasCaughtUp = false;
  #isClosed = false;

  constructor(source: ReadSource, feed: LiveFeed, { stream, from, eventsMax }: LiveStreamRequest) {
    this.#source = source;
    this.#feed = feed;
    this.#stream = stream;
    this.#next = from;
    this.#eventsLeft = eventsMax;
    this.#tail = feed.streams.follow(stream);
  }

  whenReady(): Promise<void> | undefined {
    if (this.#feed.end !== undefined) return undefined;
    if (!this.#isLive || this.#isClosed || this.#isBehind || this.#tail.isBeyond(this.#next))
      return undefined;
    if (this.#tail.isClosed) return undefined;
    if (!this.#hasCaughtUp && this.#tail.end === this.#next) return undefined;
    return this.#wait.begin((wake) => this.#tail.waiting.add(wake));
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    if (this.#feed.end !== undefined) throw this.#feed.end;
    const isBehind = this.#hasCaughtUp && this.#isBehind;
    if (this.#isBehind) this.#isLive = false;
    if (isBehind) this.#hasCaughtUp = false;
    if (this.#isLive) {
      if (this.#tail.isClosed && !this.#tail.isBeyond(this.#next)) return { kind: 'stream-deleted' };
      const page = this.#livePage(bytesMax);
      return this.#hasCaughtUp ? page : { ...page, isCaughtUp: this.#catchesUpWith(this.#tail.end) };
    }
    if (this.#next === Number.POSITIVE_INFINITY) await this.#findEnd();
    const caught = await this.#catchUpPage(bytesMax);
    if ('kind' in caught) return caught;
    const { end, page } = caught;
    this.#isLive = end !== undefined && this.#next >= end;
    return { ...page, isBehind, isCaughtUp: this.#isLive && this.#catchesUpWith(end!) };
  }

  /** Whether it has just got to the end of the stream. */
  #catchesUpWith(end: Revision): boolean {
    this.#hasCaughtUp = this.#next === end;
    return this.#hasCaughtUp;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tail.waiting.delete(this.#wait.wake);
    this.#feed.forget(this.#wait.wake);
    this.#feed.streams.release(this.#tail);
    this.#wait.wake();
  }

  /** Whether what it wants next is neither in the tail, as far as that is in the ring, nor still to come. */
  get #isBehind(): boolean {
    const tail = this.#tail;
    if (tail.misses !== this.#missesSeen) return true;
    if (!tail.isBeyond(this.#next)) return false;
    return !tail.has(this.#next) || tail.positionOf(this.#next) < this.#source.log.floor;
  }

  async #findEnd(): Promise<void> {
    this.#missesSeen = this.#tail.misses;
    const { head } = await this.#source.lookup.lookup({
      stream: this.#stream,
      direction: 'backwards',
      from: Number.POSITIVE_INFINITY,
      eventsMax: 1,
      bytesMax: 1,
    });
    this.#next = head + 1;
  }

  /** The next page by the index, and if it is the last one where the stream ended when the index was asked. */
  async #catchUpPage(
    bytesMax: number,
  ): Promise<{ readonly page: ReadPage; readonly end: Revision | undefined } | ReadAnswer> {
    if (this.#catchUp === undefined) {
      this.#missesSeen = this.#tail.misses;
      this.#catchUp = new StreamRead(this.#source, {
        stream: this.#stream,
        direction: 'forwards',
        from: this.#next,
        eventsMax: this.#eventsLeft,
      });
    }
    const answer = await this.#catchUp.nextPage(bytesMax);
    if (answer.kind === 'stream-not-found') {
      const { lastRevision } = answer;
      this.#catchUp = undefined;
      this.#next = Math.max(this.#next, lastRevision + 1);
      return { page: this.#nothing(lastRevision), end: lastRevision + 1 };
    }
    if (answer.kind !== 'page') return answer;
    const { eventCount, isLast, head } = answer;
    this.#head = head;
    this.#eventsLeft -= eventCount;
    if (eventCount > 0) this.#next = answer.next;
    if (isLast) this.#catchUp = undefined;
    return { page: this.#marked(answer), end: isLast ? head + 1 : undefined };
  }

  /** What the tail has, as much as fits; one page serves all who are at the same place. */
  #livePage(bytesMax: number): ReadPage {
    const tail = this.#tail;
    const from = this.#next;
    const { shared } = tail;
    const isOurs = shared?.from === from && shared.page.eventCount <= this.#eventsLeft;
    const page = isOurs ? shared.page : this.#tailPage(bytesMax);
    if (page.next === tail.end && page.bytes.length <= SHARED_PAGE_BYTES_MAX) tail.shared = { from, page };
    this.#next = page.next;
    this.#head = page.head;
    this.#eventsLeft -= page.eventCount;
    return this.#marked(page);
  }

  #tailPage(bytesMax: number): ReadPage {
    const { log, copies, pages, headroomBytes } = this.#source;
    const tail = this.#tail;
    let end = this.#next;
    let bytes = 0;
    while (tail.has(end) && end - this.#next < this.#eventsLeft) {
      const more = tail.bytesOf(end);
      if (bytes > 0 && bytes + more > bytesMax) break;
      bytes += more;
      end++;
    }
    const page = new PageBuilder(pages, headroomBytes, bytes);
    for (let revision = this.#next; revision < end; revision++) {
      const length = tail.bytesOf(revision);
      log.note(copies, tail.positionOf(revision), length, page.at);
      page.at += length;
    }
    log.copyNoted(copies, page.bytes);
    assert(page.at === page.start + bytes, 'a page is filled');
    const head = Math.max(this.#head, tail.end - 1);
    return page.page({ eventCount: end - this.#next, next: end, head, isLast: false });
  }

  /** `lastRevision`: of the events that are all hidden. */
  #nothing(lastRevision: Revision): ReadPage {
    const page = new PageBuilder(this.#source.pages, this.#source.headroomBytes, 0);
    const head = lastRevision < 0 ? Number.POSITIVE_INFINITY : lastRevision;
    return page.page({ eventCount: 0, next: this.#next, head, isLast: false });
  }

  #marked(page: ReadPage): ReadPage {
    const isLast = this.#eventsLeft === 0;
    return page.next === this.#next && page.isLast === isLast ? page : { ...page, next: this.#next, isLast };
  }
}
