/** What a node tells of reading its sealed chunks, and its index, again and again to find damage. Pure; any thread. */

/** Counts are since the start. */
export interface ScrubStatus {
  /** Whether there is something left in this round, and how many chunks. */
  readonly isUnderWay: boolean;
  readonly chunksLeft: number;
  /** Rounds that have ended; when the last one did, in milliseconds since 1970, null if none has. */
  readonly rounds: number;
  readonly lastRoundEndedAt: number | null;
  /** Chunks that were read, their bytes, and how often one was not as it was written. */
  readonly chunks: number;
  readonly bytes: number;
  readonly damaged: number;
  /** How often a file of the index was not as it was written. */
  readonly indexDamaged: number;
}

export const NOTHING_SCRUBBED: ScrubStatus = {
  isUnderWay: false,
  chunksLeft: 0,
  rounds: 0,
  lastRoundEndedAt: null,
  chunks: 0,
  bytes: 0,
  damaged: 0,
  indexDamaged: 0,
};
