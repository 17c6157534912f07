/**
 * What is still to be read in one round of scrubbing: first the files of the index, in pieces, and then the sealed chunks, the newest first, as that
 * is the one that is most likely to be wanted. Pure; index thread.
 */
import {
  chunksOf,
  type EventIdsFile,
  eventIdsFileName,
  type SegmentFile,
  segmentFileName,
} from '../index/manifest.js';
import { PAGE_BYTES } from '../index/page.js';
import type { SweepJob, VerifyJob } from './jobs.js';

/** What there is to be read. */
export interface ScrubbedFiles {
  readonly segments: readonly {
    readonly file: SegmentFile;
    readonly reader: { readonly file: { readonly pageCount: number } };
  }[];
  readonly eventIds: readonly EventIdsFile[];
}

/** The part of a job that says what is read. */
export type ScrubStep =
  | Pick<SweepJob, 'kind' | 'name' | 'content' | 'firstPage' | 'pages' | 'chunksLeft'>
  | Pick<VerifyJob, 'kind' | 'chunk' | 'chunksLeft'>;

/** Pages of one file. */
type Piece = Pick<SweepJob, 'name' | 'content' | 'firstPage' | 'pages'>;

export class ScrubRound {
  readonly #pieces: Piece[];
  /** The newest last. */
  readonly #chunks: number[];

  /** `chunkSize`: no piece is larger than a chunk, so that the rests between them are like those between chunks. */
  constructor({ segments, eventIds }: ScrubbedFiles, chunkSize: number) {
    const pages = Math.max(1, Math.floor(chunkSize / PAGE_BYTES));
    this.#chunks = segments.flatMap(({ file }) => chunksOf(file));
    const ofSegments = segments.flatMap(({ file, reader }) =>
      pieces(segmentFileName(file.file), reader.file.pageCount, pages),
    );
    // Never more than the retry window has ids, so one piece will do, however many pages that is.
    const ofEventIds = eventIds.map(({ file }): Piece => {
      const name = eventIdsFileName(file);
      return { name, content: 'event-ids', firstPage: 0, pages: Number.MAX_SAFE_INTEGER };
    });
    // With nothing but chunks behind them, so that a round ends with a chunk.
    this.#pieces = this.#chunks.length === 0 ? [] : [...ofSegments, ...ofEventIds].reverse();
  }

  get isOver(): boolean {
    return this.#chunks.length === 0;
  }

  /** What to read next; undefined if the round is over. A file that does not count any more was replaced by one that was just written. */
  next(counts: (name: string) => boolean): ScrubStep | undefined {
    for (let piece = this.#pieces.pop(); piece !== undefined; piece = this.#pieces.pop())
      if (counts(piece.name)) return { kind: 'sweep', ...piece, chunksLeft: this.#chunks.length };
    const chunk = this.#chunks.pop();
    return chunk === undefined ? undefined : { kind: 'verify', chunk, chunksLeft: this.#chunks.length };
  }
}

/** Page 0, the header, is read with whatever piece. */
function pieces(name: string, pageCount: number, pages: number): Piece[] {
  return Array.from({ length: Math.ceil(pageCount / pages) }, (_, i) => ({
    ...{ name, content: 'segment', firstPage: i * pages, pages },
  }));
}
