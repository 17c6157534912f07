/** What a read gives: pages of whole records, made to become Events frames as they are (docs/protocol.md). */
import type { Position, Revision } from '../base/units.js';

/**
 * A page up to this size may be given to several live reads, one after the other: whoever gets it has to be done with it, or to have copied it, in the
 * same turn of the event loop. Larger ones are their reader's own.
 */
export const SHARED_PAGE_BYTES_MAX = 8 * 1024;

/** The records of one step of a read, and how it goes on. */
export interface ReadPage {
  readonly kind: 'page';
  /**
   * First as many bytes as {@link LogReaderOptions.headroomBytes} says, for the caller to fill; then the records, whole, each padded to 8, in
   * the order of reading. The caller's own until it releases them.
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** To be called when `bytes` are not needed any more; they are then used for another page. */
  readonly release: () => void;
  readonly eventCount: number;
  /** Where a further read in this direction goes on, a revision or a position; `Infinity` = nothing further (backwards, at the start). */
  readonly next: number;
  /**
   * Last revision of the stream, or the committed end of the log, when the read began. It ends there, unless it is live: then it is that of
   * now, and `Infinity` if there is no such stream.
   */
  readonly head: number;
  /** Whether the read is over: nothing is left up to the head, or all events asked for were given. */
  readonly isLast: boolean;
  /** A live read: with this page it has everything that was committed when the page was begun, for the first time since it began or fell behind. */
  readonly isCaughtUp?: boolean;
  /** A live read that had caught up: this page is older than what it could follow. */
  readonly isBehind?: boolean;
}

/** What the next step of a read answers. After anything but a page that isn't the last, the read is over. */
export type ReadAnswer =
  | ReadPage
  /** `lastRevision`: of a stream all of whose events are hidden; −1 if it has none. */
  | { readonly kind: 'stream-not-found'; readonly lastRevision: Revision }
  /** It has a tombstone; a live read may have got it just now. */
  | { readonly kind: 'stream-deleted' }
  | { readonly kind: 'bad-position'; readonly position: Position };

/** A read in progress. It holds no resources, unless it is live: who has enough just lets it go, and closes it if it can be closed. */
export interface LogRead {
  /**
   * The next page: at most `bytesMax` bytes of records, or one larger record; at least one event unless it is the last, filtered, or live. One call
   * at a time. Rejects with `log-corrupt` (after the pages before the damage) or `disk-failure`.
   * What comes from memory alone is there without leaving the turn of the event loop, so a loop over pages must yield by itself.
   */
  nextPage(bytesMax: number): Promise<ReadAnswer>;
  /** Live: what to wait for before the next page makes sense; undefined if nothing. It may resolve too early. */
  whenReady?(): Promise<void> | undefined;
  /** Live: it follows nothing any more, and who waits is let go. */
  close?(): void;
}
