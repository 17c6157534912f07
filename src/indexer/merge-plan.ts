/**
 * Which segments are merged next. Pure. Neighbours become one that is several times as large as the largest of them: so the number of segments grows
 * with the logarithm of the log, and each event's place is written again once for each time that the log has grown so much, until segments
 * are large enough.
 */
import type { SegmentFile } from '../index/manifest.js';

/** Four: each place is written again three times, by jobs that under full load share two processors with the log. With two it is six times, and half as many segments. */
const GROWTH = 4;
/** With so many segments that their number is the greater evil: each is an open file, and one more place to look into. */
const GROWTH_IF_MANY = 2;
const MANY_SEGMENTS = 24;
/**
 * Most chunks of a segment: if a page of it is damaged, that many chunks are read again. With chunks of 256 MiB a terabyte of log
 * has some seventy segments then.
 */
const SEGMENT_CHUNKS_MAX = 64;

/** Whether merging comes before making new segments. */
export function areMany(segments: readonly unknown[]): boolean {
  return segments.length > MANY_SEGMENTS;
}

/**
 * The neighbours to be merged, oldest first; undefined if there are none. `segments` in the order of their chunks. The newest one is left alone: after
 * a restart the node may not know yet that all of its chunk is committed, and what can't be used then should be small.
 */
export function nextMerge(
  segments: readonly SegmentFile[],
  isUsable: (segment: SegmentFile) => boolean = () => true,
): readonly SegmentFile[] | undefined {
  const growth = areMany(segments) ? GROWTH_IF_MANY : GROWTH;
  const candidates = segments.slice(0, -1);
  for (let from = 0; from < candidates.length; from++) {
    const end = endOfRun(candidates, from, growth, isUsable);
    if (end > from) return candidates.slice(from, end);
  }
  return undefined;
}

/** Behind the last of the most neighbours from `from` on that go together; `from` if there are none. */
function endOfRun(
  segments: readonly SegmentFile[],
  from: number,
  growth: number,
  isUsable: (segment: SegmentFile) => boolean,
): number {
  let end = from;
  let largest = 0;
  const { firstChunk } = segments[from]!;
  for (let i = from; i < segments.length; i++) {
    const segment = segments[i]!;
    const isNeighbour = i === from || segments[i - 1]!.lastChunk + 1 === segment.firstChunk;
    const chunks = segment.lastChunk + 1 - firstChunk;
    if (!isNeighbour || chunks > SEGMENT_CHUNKS_MAX || !isUsable(segment)) break;
    largest = Math.max(largest, segment.lastChunk + 1 - segment.firstChunk);
    if (chunks >= growth * largest) end = i + 1;
  }
  return end;
}
