/**
 * Which segments are to be made anew, chunk by chunk, and what of them is made: damaged ones, for which somebody may wait, and those of chunks that were
 * scavenged, which have places of events that are gone, and are in the way of nothing. Pure; index thread.
 */
import { chunksOf, type SegmentFile } from '../index/manifest.js';
import type { SegmentReader } from '../index/segment-reader.js';

/** A segment that counts. */
export interface OpenSegment {
  readonly file: SegmentFile;
  readonly reader: SegmentReader;
}

interface Rebuild {
  /** The segments of its chunks so far. */
  readonly made: SegmentFile[];
  readonly isDamaged: boolean;
}

export class SegmentRebuilds {
  readonly #rebuilds = new Map<OpenSegment, Rebuild>();
  /** Chunks that were scavenged since they were read for their segments or parts. */
  readonly #scavenged = new Set<number>();
  /** Whether no more are coming. */
  #isScavengeOver = true;
  /** The one of them that the last build has read, or reads. */
  #rereading: number | undefined;

  isDamaged(segment: OpenSegment): boolean {
    return this.#rebuilds.get(segment)?.isDamaged === true;
  }

  /** Of a damaged segment the chunks are read anew. */
  noteDamage(segment: OpenSegment): void {
    this.#rebuilds.set(segment, { made: this.#rebuilds.get(segment)?.made ?? [], isDamaged: true });
  }

  /** The files of these chunks have fewer records now. */
  noteScavenged(chunks: readonly number[]): void {
    for (const chunk of chunks) this.#scavenged.add(chunk);
    this.#isScavengeOver = false;
  }

  /** Nor will others for now: also segments are made anew of which some chunks are as they were. */
  noteScavengeEnded(): void {
    this.#isScavengeOver = true;
  }

  /** Of these segments, which are those that count, the ones that are due. One that covers many chunks, which are scavenged one after the other, is not to be made anew for each. */
  begin(segments: readonly OpenSegment[]): void {
    if (this.#scavenged.size === 0) return;
    const isScavenged = (chunk: number) => this.#scavenged.has(chunk);
    for (const segment of segments) {
      if (this.#rebuilds.has(segment)) continue;
      const chunks = chunksOf(segment.file);
      const isDue = this.#isScavengeOver ? chunks.some(isScavenged) : chunks.every(isScavenged);
      if (isDue) this.#rebuilds.set(segment, { made: [], isDamaged: false });
    }
  }

  /** Whether the segment stays as it is. */
  isSettled(segment: OpenSegment): boolean {
    return (
      !this.#rebuilds.has(segment) && !chunksOf(segment.file).some((chunk) => this.#scavenged.has(chunk))
    );
  }

  /** The chunk that comes next. */
  nextChunk(isDamaged: boolean): number | undefined {
    for (const [{ file }, rebuild] of this.#rebuilds)
      if (rebuild.isDamaged === isDamaged) return file.firstChunk + rebuild.made.length;
    return undefined;
  }

  /** A job begins that makes a segment of the chunk: whether it has to read it, for its having been scavenged. If that happens again meanwhile, it counts again. */
  beginChunk(chunk: number): boolean {
    const isScavenged = this.#scavenged.delete(chunk);
    this.#rereading = isScavenged ? chunk : undefined;
    return isScavenged;
  }

  /** Nothing came of it. */
  failChunk(): void {
    if (this.#rereading !== undefined) this.#scavenged.add(this.#rereading);
  }

  /** The chunk's segment is made. Answers what takes whose place; undefined if that is nobody's, and `more` if others have to be made first. */
  endChunk(
    built: SegmentFile,
  ): { readonly removed: OpenSegment; readonly added: SegmentFile[] } | 'more' | undefined {
    for (const [segment, { made }] of this.#rebuilds) {
      const { firstChunk, lastChunk } = segment.file;
      if (built.firstChunk < firstChunk || built.firstChunk > lastChunk) continue;
      if (built.firstChunk === lastChunk) return { removed: segment, added: [...made, built] };
      made.push(built);
      return 'more';
    }
    return undefined;
  }

  /** Others have taken its place. */
  drop(segment: OpenSegment): void {
    this.#rebuilds.delete(segment);
  }
}
