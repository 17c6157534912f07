/** What main tells the writer thread when it starts it. Everything later travels through the ring. */
import type { RingDescriptor } from '../ring/layout.js';

/**
 * How a write becomes durable: O_DIRECT and fdatasync, or O_DIRECT with O_DSYNC. Which is faster depends on the disk. `none`: it does not,
 * and a power cut takes what was acknowledged; for measuring what durability costs. No option of a node gives it (config's SyncMode).
 */
export type SyncMode = 'fdatasync' | 'dsync' | 'none';

export interface WriterOptions {
  readonly ring: RingDescriptor;
  readonly folder: string;
  readonly logId: string;
  readonly syncMode: SyncMode;
  /** Most bytes of one batch: a multiple of 4096. Bounds how long one sync holds up the next batch. */
  readonly batchBytesMax: number;
  /** How long it stays awake at most for the next write of somebody who waits for it alone, in µs; 0: it always sleeps. */
  readonly busyWaitUs: number;
}
