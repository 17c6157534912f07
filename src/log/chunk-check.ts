/**
 * Reads one chunk file from its first byte to the last valid record, and says whether it fits into its place in the log. Any thread that may
 * block. Used for a copy that is to replace a damaged chunk, and to see whether a chunk that was said to be damaged is.
 */
import type { ChainState } from '../base/ports.js';
import type { ChunkFooter } from './chunk.js';
import { ChunkReader } from './chunk-reader.js';
import { describeStop, verifyRun } from './chunk-scan.js';
import { type DamagedChunk, type LogFolder, unlessUnreadable } from './damaged-chunk.js';
import { TailSummary } from './tail-summary.js';

/** The valid records at the start of a chunk's file. */
export interface CheckedChunk {
  readonly end: Readonly<ChainState>;
  readonly recordCount: number;
  /** Why there is no further record. */
  readonly stop: string;
  /** Records that contradict each other, though their checksums are right. */
  readonly contradiction: string | undefined;
}

/** Reads the data in the file at `path`, which is as long as a chunk's, as that of `chunk`. Throws `DiskError`. */
export function checkChunk(
  { disk, kernel, chunkSize }: LogFolder,
  chunk: DamagedChunk,
  path: string,
): CheckedChunk {
  const state = { ...chunk.before };
  const summary = new TailSummary(chunkSize);
  const reader = new ChunkReader({ disk, kernel }, chunkSize);
  const start = chunk.number * chunkSize;
  try {
    reader.open(path, start, start, start + chunkSize);
    for (;;) {
      const stop = verifyRun(kernel, reader, state);
      const length = state.position - reader.position;
      if (length === 0) return result(state, summary, describeStop(stop));
      summary.note(reader.bytes, reader.at, length);
      reader.skip(length);
    }
  } finally {
    reader.close();
  }
}

/** Why a full chunk with these records doesn't go with the footer that the damaged one has, and with the next chunk; undefined if it does. */
export function misfitOf(
  { footer, after }: DamagedChunk,
  { end, recordCount }: CheckedChunk,
): string | undefined {
  if (footer !== undefined && !agrees(footer, end, recordCount))
    return 'it does not end as the footer here says';
  const isContinued =
    after === undefined || (after.chain === end.chain && after.previousLength === end.previousLength);
  return isContinued ? undefined : 'the next chunk here does not continue it';
}

/** Whether the sealed chunk is as it was written: header, records, footer, and what comes next. Throws `DiskError`. */
export function isSound(log: LogFolder, chunk: DamagedChunk): boolean {
  // A footer counts only with the header that it belongs to.
  if (!chunk.isReadable || chunk.footer === undefined) return false;
  const checked = unlessUnreadable(() => checkChunk(log, chunk, chunk.path));
  if (checked === undefined) return false;
  const isFull = checked.end.position === (chunk.number + 1) * log.chunkSize;
  return isFull && checked.contradiction === undefined && misfitOf(chunk, checked) === undefined;
}

function result(end: ChainState, { recordCount, contradiction }: TailSummary, stop: string): CheckedChunk {
  const told = contradiction && `${contradiction.reason}, at ${contradiction.position}`;
  return { end, recordCount, stop, contradiction: told };
}

function agrees(footer: ChunkFooter, end: ChainState, recordCount: number): boolean {
  return (
    footer.chain === end.chain &&
    footer.previousLength === end.previousLength &&
    footer.epoch === end.epoch &&
    footer.recordCount === recordCount
  );
}
