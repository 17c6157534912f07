/** Where the log comes from that is backed up: a node, or a folder that no node works on. */
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { LogShape } from './backup-chunk.js';

export interface BackupSource extends LogShape {
  /** For people. */
  readonly name: string;
  /** Everything before it is committed, and it is the end of a request; larger than 0. */
  readonly committed: Position;
  /** How the file of a chunk there is called in an error. */
  fileOf(number: number): string;
  /**
   * Begins to read chunk `number`; calls `restart`, and then `take` for the first `length` bytes of its data, piece by piece, unchecked. Where it breaks
   * off and begins anew, it calls `restart` again. What these throw is thrown. Else throws `CairnError`, or `DiskError`. Returns up to where the log was
   * committed where that was read: what a scavenge has removed from it was removed for what stands before that.
   */
  read(number: number, length: number, target: ChunkTarget): Promise<Position>;
  close(): void;
}

export interface ChunkTarget {
  restart(): void;
  /** A piece of at most {@link PIECE_BYTES_MAX}. */
  take(piece: Bytes): Promise<void>;
}

export const PIECE_BYTES_MAX = 1_048_576;
