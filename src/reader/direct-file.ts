/**
 * Large reads of a file past the system's page cache, off the event loop: for what nobody is likely to read again soon. To bring a megabyte through the
 * cache that is not in it takes five times the processor time, and the log's own writes, which go past it as well, never leave anything there. Main thread.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { alignDown, alignUp } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';

/** What direct I/O wants of offsets and lengths. */
const BLOCK_BYTES = 4096;
/** Less is not worth the copy. */
const LARGE_BYTES = 128 * 1024;
/** The memory that is kept: a full range, which begins and ends in the middle of blocks. */
const KEPT_BYTES = 1024 * 1024 + 2 * BLOCK_BYTES;
const KEPT_MAX = 4;

/** Aligned memory that reads go through, used again and again. */
export class DirectMemory {
  readonly #allocate: (length: number) => Bytes;
  readonly #kept: Bytes[] = [];

  /** `allocate`: memory for direct I/O. */
  constructor(allocate: (length: number) => Bytes) {
    this.#allocate = allocate;
  }

  /** At least `bytes`, holding anything. */
  take(bytes: number): Bytes {
    if (bytes > KEPT_BYTES) return this.#allocate(bytes);
    return this.#kept.pop() ?? this.#allocate(KEPT_BYTES);
  }

  /** Nobody looks at this memory, which {@link take} returned, any more. */
  give(memory: Bytes): void {
    if (memory.length === KEPT_BYTES && this.#kept.length < KEPT_MAX) this.#kept.push(memory);
  }
}

export class DirectFile {
  readonly #path: string;
  readonly #memory: DirectMemory;
  /** Opened by the first large read; of undefined if the file system has no direct I/O. */
  #handle: Promise<FileHandle | undefined> | undefined;
  /** The system opened the file, and refused a read. The handle stays, as other reads may be about to use it. */
  #isRefused = false;

  constructor(path: string, memory: DirectMemory) {
    this.#path = path;
    this.#memory = memory;
  }

  /**
   * Fills the beginning of `target` with the file's bytes from `offset`. Resolves to how many they are: fewer than wanted where the file ends, none of a
   * small target, or where there is no direct I/O. Rejects with what the system says.
   */
  async read(offset: number, target: Uint8Array): Promise<number> {
    const isForOthers = this.#isRefused || target.length < LARGE_BYTES;
    const handle = isForOthers ? undefined : await this.#opened();
    if (handle === undefined) return 0;
    const from = alignDown(offset, BLOCK_BYTES);
    const wanted = alignUp(offset + target.length, BLOCK_BYTES) - from;
    const memory = this.#memory.take(wanted);
    try {
      const { bytesRead } = await handle.read(memory, 0, wanted, from);
      const count = Math.max(0, Math.min(bytesRead - (offset - from), target.length));
      target.set(memory.subarray(offset - from, offset - from + count));
      return count;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#isRefused = true;
      return 0;
    } finally {
      this.#memory.give(memory);
    }
  }

  /** When no read is under way. */
  async close(): Promise<void> {
    const handle = await this.#handle?.catch(() => undefined);
    await handle?.close();
  }

  #opened(): Promise<FileHandle | undefined> {
    this.#handle ??= this.#open();
    return this.#handle;
  }

  async #open(): Promise<FileHandle | undefined> {
    // Not on every system.
    const direct = constants.O_DIRECT as number | undefined;
    if (direct === undefined) return undefined;
    try {
      return await open(this.#path, constants.O_RDONLY | direct);
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }
}

/** Of the file system, which then reads the same bytes through its cache. */
function isRefusal(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINVAL';
}
