/**
 * The step that every reader of the log's files shares: verify the records in the window, read on where the window ends.
 * Any thread that may block. What it hands out is whole, checked records; where it stops, the kernel says why.
 */
import type { ChainState, RecordKernel } from '../base/ports.js';
import { VERIFY_STOP, type VerifyStop } from '../base/ports.js';
import type { ChunkReader } from './chunk-reader.js';

/**
 * Advances `state` over the next run of valid records, whose bytes begin at the reader's place and are in its window: the run
 * is `state.position - reader.position` bytes long. The caller passes over it (`reader.skip`) before the next call. A run of no
 * bytes means that there is no further valid record, for the reason returned. Throws `DiskError`.
 */
export function verifyRun(kernel: RecordKernel, reader: ChunkReader, state: ChainState): VerifyStop {
  for (;;) {
    const stop = kernel.verify(reader.bytes, reader.at, reader.length, state);
    if (state.position > reader.position) return stop;
    const isWindowEnd = stop === VERIFY_STOP.end || stop === VERIFY_STOP.partial;
    if (!isWindowEnd || !reader.more()) return stop;
  }
}

/** What is wrong with a record, in words. */
export function describeStop(stop: VerifyStop): string {
  switch (stop) {
    case VERIFY_STOP.end:
      return 'the record is missing';
    case VERIFY_STOP.partial:
      return 'the record is longer than what follows';
    case VERIFY_STOP.badHeader:
      return "there is no valid record header (its checksum is wrong, or it isn't one)";
    case VERIFY_STOP.badPosition:
      return 'the record belongs to another position or an older epoch';
    case VERIFY_STOP.badChain:
      return 'the record does not continue the one before it';
    case VERIFY_STOP.badBody:
      return "the checksum of the record's body is wrong";
  }
}
