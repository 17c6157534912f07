/** What main tells the preparer thread when it starts it. Everything later travels through the ring. */
import type { RingDescriptor } from '../ring/layout.js';

export interface PreparerOptions {
  readonly ring: RingDescriptor;
  readonly folder: string;
  readonly logId: string;
  /** The first chunk number that does not exist yet. */
  readonly nextChunk: number;
  /** How many chunks are kept ready behind the active one. */
  readonly chunksAhead: number;
}
