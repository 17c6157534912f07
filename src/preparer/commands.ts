/** What main tells the preparer thread when it starts it. Everything later travels through the ring. */
import type { SpaceMark } from '../base/disk-space.js';
import type { RingDescriptor } from '../ring/layout.js';

export interface PreparerOptions {
  readonly ring: RingDescriptor;
  readonly folder: string;
  readonly logId: string;
  /** The first chunk number that does not exist yet. */
  readonly nextChunk: number;
  /** How many chunks are kept ready behind the active one. */
  readonly chunksAhead: number;
  /** No chunk is made that would leave less free than this; without it the disk is filled. */
  readonly reserve?: SpaceMark | undefined;
}

/** Stands where an errno does: a chunk would leave less free than the reserve. */
export const BEYOND_RESERVE = -1;
