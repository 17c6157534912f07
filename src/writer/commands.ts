/** What main tells the writer thread when it starts it. Everything later travels through the ring. */
import type { RingDescriptor } from '../ring/layout.js';

/** How a write becomes durable: O_DIRECT and fdatasync, or O_DIRECT with O_DSYNC. Which is faster depends on the disk. */
export type SyncMode = 'fdatasync' | 'dsync';

export interface WriterOptions {
  readonly ring: RingDescriptor;
  readonly folder: string;
  readonly logId: string;
  readonly syncMode: SyncMode;
  /** Most bytes of one batch: a multiple of 4096. Bounds how long one sync holds up the next batch. */
  readonly batchBytesMax: number;
}
