/**
 * Which segments are merged next. Pure. Two neighbours of about the same size become one: so the number of segments grows with the logarithm of
 * the log, and each event's place is written again once for each time that the log has doubled, until segments are large enough.
 */
import type { SegmentFile } from '../index/manifest.js';

/** Two: with three an event is written a third less often, but there are up to twice as many segments, which all have the names of busy streams. */
const FAN_IN = 2;
/**
 * Most chunks of a segment: if a page of it is damaged, that many chunks are read again. With chunks of 256 MiB a terabyte of log
 * has some seventy segments then.
 */
const SEGMENT_CHUNKS_MAX = 64;

/**
 * The neighbours to be merged, oldest first; undefined if there are none. `segments` in the order of their chunks. The newest one is left alone: after
 * a restart the node may not know yet that all of its chunk is committed, and what can't be used then should be small.
 */
export function nextMerge(
  segments: readonly SegmentFile[],
  isUsable: (segment: SegmentFile) => boolean = () => true,
): readonly SegmentFile[] | undefined {
  for (let from = 0; from + FAN_IN < segments.length; from++) {
    const run = segments.slice(from, from + FAN_IN);
    if (run.every(isUsable) && areAlike(run)) return run;
  }
  return undefined;
}

function areAlike(run: readonly SegmentFile[]): boolean {
  const chunks = run.at(-1)!.lastChunk - run[0]!.firstChunk + 1;
  const areNeighbours = run.every(({ firstChunk }, i) => i === 0 || run[i - 1]!.lastChunk + 1 === firstChunk);
  return (
    areNeighbours &&
    chunks <= SEGMENT_CHUNKS_MAX &&
    run.every((segment) => levelOf(segment) === levelOf(run[0]!))
  );
}

/** 0 for one chunk, 1 for two, 2 for four … */
function levelOf({ firstChunk, lastChunk }: SegmentFile): number {
  let level = 0;
  for (let chunks = lastChunk - firstChunk + 1; chunks >= FAN_IN; chunks = Math.floor(chunks / FAN_IN))
    level++;
  return level;
}
