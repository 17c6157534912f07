/**
 * The file that is to take the place of a damaged chunk: filled under a temporary name with what another node has committed, checked from
 * the disk to the last record, made durable, and only then renamed. Until that rename nothing of the log has changed. Runs on a thread that may
 * block.
 */
import type { Bytes, ChainState, FileHandle } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  chunkFileBytes,
  encodeChunkHeader,
  encodeFooter,
  fileOffsetOf,
  footerOffsetOf,
} from './chunk.js';
import { type CheckedChunk, checkChunk, misfitOf } from './chunk-check.js';
import { type DamagedChunk, type LogFolder, unlessUnreadable } from './damaged-chunk.js';

/** What tells the new file from all others. */
export interface NewChunk {
  readonly chunkId: string;
  readonly createdUs: number;
}

export type ReplacementCheck =
  | { readonly kind: 'good'; readonly end: Readonly<ChainState>; readonly recordCount: number }
  | { readonly kind: 'bad'; readonly reason: string };

/** Big enough for sequential copies at the disk's rate. */
const COPY_BYTES = 1_048_576;

export class ChunkReplacement {
  readonly #log: LogFolder;
  readonly #chunk: DamagedChunk;
  readonly #temporaryPath: string;
  #file: FileHandle | undefined;
  /** Behind what was fetched. */
  #end: Position;

  /** Makes the file; its data is zeros. Throws `DiskError`. */
  constructor(log: LogFolder, chunk: DamagedChunk) {
    this.#log = log;
    this.#chunk = chunk;
    this.#temporaryPath = `${chunk.path}.tmp`;
    this.#end = chunk.number * log.chunkSize;
    const { disk, folder, chunkSize } = log;
    const name = this.#temporaryPath.slice(folder.length + 1);
    if (disk.list(folder).includes(name)) disk.unlink(this.#temporaryPath);
    this.#file = disk.open(this.#temporaryPath, { access: 'create-new' });
    try {
      disk.allocate(this.#file, chunkFileBytes(chunkSize));
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Takes the next piece of the chunk's data, as another node has it. */
  append(bytes: Bytes): void {
    const { disk, chunkSize } = this.#log;
    const room = (this.#chunk.number + 1) * chunkSize - this.#end;
    const length = Math.min(bytes.length, room);
    if (length === 0) return;
    disk.write(this.#opened(), bytes, 0, length, fileOffsetOf(this.#end, chunkSize));
    this.#end += length;
  }

  /**
   * Whether this file may take the damaged one's place. Where the other node's data ends before all that this node may have vouched for, its own
   * goes on, if it is whole from there. Throws `DiskError`.
   */
  check(): ReplacementCheck {
    const { ackedEnd, isReadable } = this.#chunk;
    if (this.#end < ackedEnd && isReadable) this.#addOwn();
    this.#log.disk.sync(this.#opened());
    // From the medium, where the disk can.
    return this.#judge(checkChunk(this.#log, this.#chunk, this.#temporaryPath));
  }

  /** Puts the file in its place, durably. Only after {@link check} has found it good. Throws `DiskError`. */
  install(
    { end, recordCount }: Extract<ReplacementCheck, { kind: 'good' }>,
    { chunkId, createdUs }: NewChunk,
  ): void {
    const { disk, folder, chunkSize, logId } = this.#log;
    const { number: chunkNumber, path } = this.#chunk;
    const file = this.#opened();
    const block: Bytes = new Uint8Array(CHUNK_HEADER_BYTES);
    encodeChunkHeader(block, { chunkNumber, chunkSize, logId, chunkId, createdUs });
    disk.write(file, block, 0, CHUNK_HEADER_BYTES, 0);
    if (end.position === (chunkNumber + 1) * chunkSize) {
      const { position: endPosition, chain, previousLength, epoch } = end;
      encodeFooter(block, {
        chunkNumber,
        endPosition,
        logId,
        chunkId,
        chain,
        previousLength,
        epoch,
        recordCount,
      });
      disk.write(file, block, 0, CHUNK_FOOTER_BYTES, footerOffsetOf(chunkSize));
    }
    disk.sync(file);
    disk.close(file);
    this.#file = undefined;
    disk.rename(this.#temporaryPath, path);
    disk.syncDirectory(folder);
  }

  /** Removes the file, unless it is in its place. */
  discard(): void {
    if (this.#file === undefined) return;
    this.#log.disk.close(this.#file);
    this.#file = undefined;
    this.#log.disk.unlink(this.#temporaryPath);
  }

  #opened(): FileHandle {
    if (this.#file === undefined) throw new Error('the replacement is in its place, or was discarded');
    return this.#file;
  }

  /** Copies the damaged file's data from where the other node's ends. */
  #addOwn(): void {
    const { disk, chunkSize } = this.#log;
    const own = disk.open(this.#chunk.path, { access: 'read' });
    try {
      const bytes: Bytes = new Uint8Array(COPY_BYTES);
      const endOffset = footerOffsetOf(chunkSize);
      for (let at = fileOffsetOf(this.#end, chunkSize); at < endOffset; at += bytes.length) {
        const wanted = Math.min(bytes.length, endOffset - at);
        const length = unlessUnreadable(() => disk.read(own, bytes, 0, wanted, at));
        // What is not there will be missed.
        if (length === undefined) return;
        disk.write(this.#opened(), bytes, 0, length, at);
      }
    } finally {
      disk.close(own);
    }
  }

  #judge(checked: CheckedChunk): ReplacementCheck {
    const { number, ackedEnd } = this.#chunk;
    const { end, recordCount, stop, contradiction } = checked;
    if (contradiction !== undefined) return bad(contradiction);
    if (end.position < this.#end) return bad(`its copy is damaged at ${end.position}: ${stop}`);
    if (end.position < ackedEnd) {
      const [theirs, ours] = [this.#end, ackedEnd];
      return bad(
        `it has committed what is before ${theirs}, and this node may have acknowledged up to ${ours}`,
      );
    }
    const isFull = end.position === (number + 1) * this.#log.chunkSize;
    const misfit = isFull ? misfitOf(this.#chunk, checked) : undefined;
    return misfit === undefined ? { kind: 'good', end, recordCount } : bad(misfit);
  }
}

function bad(reason: string): ReplacementCheck {
  return { kind: 'bad', reason };
}
