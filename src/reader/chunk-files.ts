/**
 * Reads bytes of the log from chunk files, off the event loop. Main thread. A bounded number of files is open, and of reads in
 * flight; the page cache is used, as a cold stretch that was read once is likely to be read again, unless somebody knows better. Checks nothing but
 * that the bytes are there.
 */
import { CairnError } from '../base/errors.js';
import type { RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { chunkOf } from '../log/chunk.js';
import { ChunkContentsFile } from './chunk-contents-file.js';
import type { DirectMemory } from './direct-file.js';

/** A few reads spread over many chunks; far below any limit on open files (1024 is the usual one). */
const OPEN_FILES_MAX = 64;
/** The same of what is read once, on from where the last read ended: by a few followers. */
const OPEN_ONCE_MAX = 8;
/** Node's pool has 4 threads, which file reads share: twice as many keep it busy without a long queue in front of others. */
const READS_IN_FLIGHT_MAX = 8;

interface OpenFile {
  readonly path: string;
  readonly contents: Promise<ChunkContentsFile>;
  users: number;
  /** Whether another file is in its place: closed by its last user. */
  isRetired: boolean;
}

export class ChunkFiles {
  readonly #pathOf: (chunkNumber: number) => string;
  readonly #chunkBytes: number;
  readonly #kernel: RecordKernel;
  readonly #memory: DirectMemory | undefined;
  /** Least recently used first. */
  readonly #open = new Map<number, OpenFile>();
  /** How often another file came into a chunk's place. */
  readonly #versions = new Map<number, number>();
  #readsInFlight = 0;
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];

  /** `memory`: given if large reads are to go past the page cache. */
  constructor(
    pathOf: (chunkNumber: number) => string,
    chunkBytes: number,
    kernel: RecordKernel,
    memory?: DirectMemory,
  ) {
    this.#memory = memory;
    this.#pathOf = pathOf;
    this.#chunkBytes = chunkBytes;
    this.#kernel = kernel;
  }

  /** The file that `position` is in. */
  pathAt(position: Position): string {
    return this.#pathOf(chunkOf(position, this.#chunkBytes));
  }

  /** Fills `target[at, at+length)` with the log's bytes from `position`, which may lie in several chunks. */
  async read(position: Position, target: Uint8Array, at: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const from = position + done;
      const part = Math.min(length - done, this.#chunkBytes - (from % this.#chunkBytes));
      await this.#readPart(from, target, at + done, part);
      done += part;
    }
  }

  /** Another file is in the place of this chunk's: reads that begin now are of that one. */
  reopen(chunkNumber: number): void {
    this.#versions.set(chunkNumber, this.versionOf(chunkNumber) + 1);
    const file = this.#open.get(chunkNumber);
    if (file === undefined) return;
    this.#open.delete(chunkNumber);
    file.isRetired = true;
    if (file.users === 0) void closeFile(file);
  }

  /** Another one after each {@link reopen}. */
  versionOf(chunkNumber: number): number {
    return this.#versions.get(chunkNumber) ?? 0;
  }

  /** Closes all files, once the reads in flight are done; further ones fail with `shutting-down`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(files.map(closeFile));
  }

  /** Reads from one file, when its turn has come. */
  async #readPart(position: Position, target: Uint8Array, at: number, length: number): Promise<void> {
    await this.#enter();
    try {
      if (this.#isClosed) throw new CairnError('shutting-down', 'the node is shutting down');
      await this.#readNow(position, target, at, length);
    } finally {
      this.#leave();
    }
  }

  async #readNow(position: Position, target: Uint8Array, at: number, length: number): Promise<void> {
    const file = this.#acquire(chunkOf(position, this.#chunkBytes));
    try {
      const contents = await file.contents;
      await contents.read(position, target, at, length);
    } catch (error) {
      throw asCairnError(error, file.path);
    } finally {
      file.users--;
      if (file.isRetired && file.users === 0) void closeFile(file);
    }
  }

  /** Waits for a turn to read. */
  async #enter(): Promise<void> {
    if (this.#readsInFlight < READS_IN_FLIGHT_MAX) this.#readsInFlight++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Passes the turn on to whoever waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#readsInFlight--;
    else next();
  }

  #acquire(chunkNumber: number): OpenFile {
    const known = this.#open.get(chunkNumber);
    const path = this.#pathOf(chunkNumber);
    const start = chunkNumber * this.#chunkBytes;
    const open = () => ChunkContentsFile.open({ path, start, kernel: this.#kernel, memory: this.#memory });
    const file = known ?? { path, contents: open(), users: 0, isRetired: false };
    file.users++;
    this.#open.delete(chunkNumber);
    this.#open.set(chunkNumber, file);
    if (known === undefined) {
      // What failed to open is tried anew by the next read.
      file.contents.catch(() => {
        if (this.#open.get(chunkNumber) === file) this.#open.delete(chunkNumber);
      });
      this.#evict();
    }
    return file;
  }

  #evict(): void {
    for (const [chunkNumber, file] of this.#open) {
      if (this.#open.size <= (this.#memory === undefined ? OPEN_FILES_MAX : OPEN_ONCE_MAX)) return;
      if (file.users > 0) continue;
      this.#open.delete(chunkNumber);
      void closeFile(file);
    }
  }
}

/** A file that was only read loses nothing by failing to close, and one that failed to open is closed. */
async function closeFile({ contents }: OpenFile): Promise<void> {
  await Promise.allSettled([contents.then((opened) => opened.close())]);
}

function asCairnError(error: unknown, path: string): CairnError {
  if (error instanceof CairnError) return error;
  const { code = 'EIO', syscall = 'read' } = error as NodeJS.ErrnoException;
  const details = { errno: code, syscall, path };
  return new CairnError('disk-failure', `${syscall} ${path}: ${code}; check the disk`, details, error);
}
