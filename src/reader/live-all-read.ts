/**
 * Following the whole log: what was committed before, then whatever is committed, as it comes. Main thread. The same read all along: while it keeps
 * up it copies from the ring; if it doesn't, what it wants is in chunk files by then, and it says so.
 */
import { AllRead, type ForwardsRequest } from './all-read.js';
import type { LiveFeed } from './live-feed.js';
import { LiveWait } from './live-wait.js';
import { type LogRead, type ReadAnswer, type ReadPage, SHARED_PAGE_BYTES_MAX } from './read-page.js';
import type { ReadSource } from './read-source.js';

export class LiveAllRead implements LogRead {
  readonly #source: ReadSource;
  readonly #feed: LiveFeed;
  readonly #read: AllRead;
  readonly #wait = new LiveWait();
  /** Whether it has said that it has caught up. */
  #hasCaughtUp = false;

  constructor(source: ReadSource, feed: LiveFeed, request: Omit<ForwardsRequest, 'isLive'>) {
    this.#source = source;
    this.#feed = feed;
    this.#read = new AllRead(source, { ...request, isLive: true });
  }

  whenReady(): Promise<void> | undefined {
    if (this.#feed.end !== undefined) return undefined;
    const missing = this.#source.committed() - this.#read.next;
    if (missing > 0 || (missing === 0 && !this.#hasCaughtUp && !this.#read.isBeforeFirst)) return undefined;
    return this.#wait.begin((wake) => this.#feed.wait(wake));
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    if (this.#feed.end !== undefined) throw this.#feed.end;
    const isBehind = this.#hasCaughtUp && this.#read.next < this.#source.log.floor;
    if (isBehind) this.#hasCaughtUp = false;
    const answer = this.#shared() ?? (await this.#readOwn(bytesMax));
    if (answer.kind !== 'page') return answer;
    // Whoever goes on after an event that this node does not know to be committed yet has seen more than it.
    const isCaughtUp = !this.#hasCaughtUp && answer.next === answer.head && !this.#read.isBeforeFirst;
    if (isCaughtUp) this.#hasCaughtUp = true;
    return isBehind || isCaughtUp ? { ...answer, isBehind, isCaughtUp } : answer;
  }

  /** The page that others who are at the same place were given. */
  #shared(): ReadPage | undefined {
    const { shared } = this.#feed;
    if (shared?.from !== this.#read.next || shared.page.next !== this.#source.committed()) return undefined;
    return this.#read.take(shared.page);
  }

  async #readOwn(bytesMax: number): Promise<ReadAnswer> {
    const { next: from, isBeforeFirst } = this.#read;
    const page = await this.#read.nextPage(bytesMax);
    if (isBeforeFirst) return page;
    const isWhole = page.kind === 'page' && page.eventCount > 0 && !page.isLast && page.next === page.head;
    if (isWhole && page.bytes.length <= SHARED_PAGE_BYTES_MAX) this.#feed.shared = { from, page };
    return page;
  }

  close(): void {
    this.#feed.forget(this.#wait.wake);
    this.#wait.wake();
  }
}
