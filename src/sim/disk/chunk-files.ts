/**
 * The chunk files of a simulated node's log: makes new ones as the preparer thread does, and writes and syncs them as the writer thread
 * does, one file open at a time. Pure, but for the disk that it is given.
 */
import { assert } from '../../base/assert.js';
import type { Bytes, Disk, FileHandle } from '../../base/ports.js';
import { CHUNK_FOOTER_BYTES, CHUNK_HEADER_BYTES, type ChunkFooter, encodeFooter } from '../../log/chunk.js';
import { makeChunk } from '../../log/new-chunk.js';

export interface ChunkFilesOptions {
  readonly folder: string;
  readonly logId: string;
  readonly chunkSize: number;
  /** Mints chunk ids. */
  readonly newId: () => string;
}

export interface ChunkFile {
  readonly path: string;
  readonly chunkId: string;
}

export class ChunkFiles {
  readonly options: ChunkFilesOptions;
  readonly #disk: Disk;
  readonly #chunks: ChunkFile[];
  #open: { readonly number: number; readonly file: FileHandle } | undefined;

  /** `chunks`: those that exist; chunk `n` is at index `n`. */
  constructor(disk: Disk, options: ChunkFilesOptions, chunks: readonly ChunkFile[]) {
    this.#disk = disk;
    this.options = options;
    this.#chunks = [...chunks];
  }

  /** Chunk `n` is at index `n`. */
  get all(): readonly ChunkFile[] {
    return this.#chunks;
  }

  /**
   * Makes the next chunk, durably. Throws `DiskError`; after one that says that there is no space, all is as before.
   * Nothing but the header is written: what is allocated on a simulated disk is zeros.
   */
  make(createdUs: number): void {
    const { folder, logId, chunkSize, newId } = this.options;
    const chunkNumber = this.#chunks.length;
    const chunkId = newId();
    const path = makeChunk(this.#disk, folder, { chunkNumber, chunkSize, logId, chunkId, createdUs });
    this.#chunks.push({ path, chunkId });
  }

  /** Writes whole blocks of a chunk's data, of which `bytes` holds all, from `from` to `to` in it; with them the footer if there is one. */
  write(number: number, bytes: Bytes, range: { from: number; to: number }, footer?: ChunkFooter): void {
    const { from, to } = range;
    const file = this.#opened(number);
    const offset = CHUNK_HEADER_BYTES + from;
    if (footer === undefined) {
      this.#disk.write(file, bytes, from, to - from, offset);
      return;
    }
    const block = this.#disk.alignedBuffer(CHUNK_FOOTER_BYTES);
    encodeFooter(block, footer);
    this.#disk.writeWithTail(file, bytes, from, to - from, block, offset);
  }

  sync(number: number): void {
    this.#disk.syncData(this.#opened(number));
  }

  /** Bytes `from` to `to` of a chunk's data, from the disk. */
  read(number: number, from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    const file = this.#disk.open(this.#chunkAt(number).path, { access: 'read' });
    this.#disk.read(file, bytes, 0, to - from, CHUNK_HEADER_BYTES + from);
    this.#disk.close(file);
    return bytes;
  }

  close(): void {
    if (this.#open !== undefined) this.#disk.close(this.#open.file);
    this.#open = undefined;
  }

  #opened(number: number): FileHandle {
    if (this.#open?.number === number) return this.#open.file;
    this.close();
    const file = this.#disk.open(this.#chunkAt(number).path, { access: 'write', direct: true });
    this.#open = { number, file };
    return file;
  }

  #chunkAt(number: number): ChunkFile {
    const chunk = this.#chunks[number];
    assert(chunk !== undefined, 'a chunk is made before it is used');
    return chunk;
  }
}
