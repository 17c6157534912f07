/**
 * What the pure code asks of the world. Production gives the real thing (`src/native`, `src/node`), tests and the
 * simulator give their own. All calls are synchronous: they run on threads that may block, never on the event loop
 * after the node is ready.
 */

import type { Position } from './units.js';

/** How a file is opened. `direct` = past the page cache where the Disk can (else ignored); `dsync` = every write durable. */
export interface OpenOptions {
  readonly access: 'read' | 'write' | 'create-new';
  readonly direct?: boolean;
  readonly dsync?: boolean;
}

/** An open file of a {@link Disk}. */
export type FileHandle = number;

/** Bytes that may live in shared memory. */
export type Bytes = Uint8Array<ArrayBufferLike>;

/**
 * The file system, as far as a log needs it. Every failure throws `DiskError`. `read` and `write` finish or throw:
 * no short counts, except that `read` returns less at the end of the file.
 * With `direct`, memory address, offset and length must be multiples of {@link Disk.alignmentBytes}.
 */
export interface Disk {
  /** Which implementation this is: `native` (the addon: O_DIRECT, fallocate) or `javascript` (node:fs only). */
  readonly kind: 'native' | 'javascript' | 'simulated';
  /** What direct reads and writes must be aligned to; 1 where there is no direct I/O. */
  readonly alignmentBytes: number;
  open(path: string, options: OpenOptions): FileHandle;
  close(file: FileHandle): void;
  sizeOf(file: FileHandle): number;
  /** Fills `target[at, at+length)` from the file's `offset`; returns the bytes read, fewer only at the end of file. */
  read(file: FileHandle, target: Bytes, at: number, length: number, offset: number): number;
  /** Writes `source[at, at+length)` to the file's `offset`, all of it. */
  write(file: FileHandle, source: Bytes, at: number, length: number, offset: number): void;
  /**
   * Writes `source[at, at+length)` and right behind it all of `tail`, as one write where the system has gathering writes:
   * for what is contiguous in the file but not in memory. `length` may be 0.
   */
  writeWithTail(
    file: FileHandle,
    source: Bytes,
    at: number,
    length: number,
    tail: Bytes,
    offset: number,
  ): void;
  /** Reserves `[0, length)` on the medium and makes the file that long. Throws ENOSPC, EFBIG, EDQUOT if it can't. */
  allocate(file: FileHandle, length: number): void;
  /** fdatasync: returns when the file's data is durable. After a failure nothing about the file may be trusted. */
  syncData(file: FileHandle): void;
  /** fsync: data and metadata. */
  sync(file: FileHandle): void;
  /** A hint: what the system has in memory of the file is to be read from the medium again. */
  dropCached(file: FileHandle): void;
  /** fsync of a directory, so that names created in, renamed in or removed from it are durable. */
  syncDirectory(path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** The names in a directory, sorted. */
  list(path: string): string[];
  makeDirectory(path: string): void;
  /** Memory for `direct` I/O: `length` zero bytes, aligned. */
  alignedBuffer(length: number): Bytes;
  /** A hint, for large memory that is about to be used at random: fewer, larger pages. */
  adviseHugePages(buffer: ArrayBufferLike): void;
  /** How many bytes to skip at the start of `buffer` so that the rest is aligned for direct I/O. */
  alignmentGap(buffer: ArrayBufferLike): number;
}

/** A failed system call. `errno` is its symbolic name, such as `ENOSPC`. Mapped to it in one place: `src/native/errno.ts`. */
export class DiskError extends Error {
  override readonly name = 'DiskError';

  constructor(
    readonly errno: string,
    readonly syscall: string,
    readonly path: string,
  ) {
    super(`${syscall} ${path}: ${errno}`);
  }

  /** Whether the medium has no room (full disk, quota, file-size limit), as opposed to being broken. */
  get isOutOfSpace(): boolean {
    return this.errno === 'ENOSPC' || this.errno === 'EDQUOT' || this.errno === 'EFBIG';
  }
}

/** Why {@link RecordKernel.verify} stopped. Numbers, because the addon reports them. */
export const VERIFY_STOP = {
  /** The range ended exactly behind a record. */
  end: 0,
  /** The range ends inside a record whose header is valid (or inside a header): give more bytes. */
  partial: 1,
  /** No valid header at this place: the header checksum differs, or length, type or version make no sense. */
  badHeader: 2,
  /** The header is valid but says another position, or an epoch lower than its predecessor's. */
  badPosition: 3,
  /** The header is valid but its chain or previousLength is not that of the record before. */
  badChain: 4,
  /** The header is valid and in place, but the body's checksum differs. */
  badBody: 5,
} as const;

export type VerifyStop = (typeof VERIFY_STOP)[keyof typeof VERIFY_STOP];

/** The end of a run of records: what sealing or verifying the next run starts from. See docs/formats.md. */
export interface ChainState {
  /** Position of the next record. */
  position: number;
  /** `crc` of the last record; 0 before the first. */
  chain: number;
  /** Length field of the last record; 0 before the first. */
  previousLength: number;
  /** Epoch of the last record; 0 before the first. */
  epoch: number;
}

/** The loops over record bytes that are worth native code. `src/log` has the same in plain JS, as oracle and fallback. */
export interface RecordKernel {
  /** CRC-32C (Castagnoli, reflected, as iSCSI) of `bytes[at, at+length)`, continuing from `seed` (0 to start). */
  crc32c(bytes: Bytes, at: number, length: number, seed: number): number;
  /**
   * Copies `count` runs of bytes: `runs` holds (offset in source, offset in target, length) of each. One call for many
   * small copies, because a copy into shared memory costs JavaScript ten times what it costs the processor.
   */
  copyRuns(source: Bytes, target: Bytes, runs: Int32Array, count: number): void;
  /**
   * Seals the framed records in `bytes[at, at+length)`: fills in chain, previousLength, bodyCrc and crc of each.
   * The range holds whole records. Advances `state`. Returns the number of records.
   */
  seal(bytes: Bytes, at: number, length: number, state: ChainState): number;
  /**
   * Walks sealed records from `at`, checking all that seal fills in, and position and epoch. Advances `state` over
   * the valid ones. Returns why it stopped; `state.position` says where.
   */
  verify(bytes: Bytes, at: number, length: number, state: ChainState): VerifyStop;
  /** Walks the whole records in `bytes[at, at+length)`, which are verified, and says in `survey` what they are. */
  survey(bytes: Bytes, at: number, length: number, survey: RangeSurvey): void;
  /**
   * Walks the records in `bytes[at, at+length)`, of which the last may go on behind it, in search of some streams' events. Stops when `search.found` is full.
   * Returns the number found.
   */
  findEvents(bytes: Bytes, at: number, length: number, search: EventSearch): number;
}

export interface EventSearch {
  /** A bit for each hash of a stream (log/stream-hash.ts) that is wanted; a power of two of words. Events of metadata streams are found in any case. */
  readonly filter: Uint32Array;
  /** Comes to hold how many bytes were walked over, and from 1 on where the events begin, from `at`. */
  readonly found: Int32Array;
}

/** What {@link RecordKernel.survey} is told of a range, and finds in it. Places are from the range's beginning. */
export interface RangeSurvey {
  /** Told: it ends in front of the first Commit that names a position beyond this. */
  durable: Position;
  /** Told: the epoch of the record in front. Found: that of the last. */
  epoch: number;
  /** Told: whether a transaction is open in front. Found: whether one is behind. */
  isInTransaction: boolean;
  /** Of all the records that were walked over. */
  bytes: number;
  records: number;
  /** Of the largest of them. */
  largestBytes: number;
  /** Where the last one begins. */
  last: number;
  /** Behind the last record after which no transaction is open; -1 if there is none. */
  boundary: number;
  /** Whether one begins an epoch, or says who the members are. */
  isNotable: boolean;
}

/** A survey of a range that nothing is known of. */
export function newSurvey(told: Partial<RangeSurvey> = {}): RangeSurvey {
  return {
    durable: Number.POSITIVE_INFINITY,
    epoch: 0,
    isInTransaction: false,
    bytes: 0,
    records: 0,
    largestBytes: 0,
    last: 0,
    boundary: -1,
    isNotable: false,
    ...told,
  };
}

/** Why a pass of {@link TakeAppends} ended; RunEnd of native/append_run.h. */
export const RUN_END = {
  /** All appends of the message are taken, or as many as were allowed. */
  allTaken: 0,
  /** The next append is not a plain one. */
  notPlain: 1,
  /** Enough is framed to be published. */
  publish: 2,
} as const;

export type RunEnd = (typeof RUN_END)[keyof typeof RUN_END];

/** The memory that {@link TakeAppends} works on: that of the classes in `src/sequencer`, laid out as they have it. */
export interface AppendTables {
  readonly ring: Bytes;
  readonly retries: Bytes;
  readonly nameSlots: Int32Array;
  readonly nameWords: Int32Array;
  readonly heads: Float64Array;
  readonly replies: Float64Array;
}

/**
 * The native pass over the plain appends of a message. What goes in and out by `registers`, and what is plain, is told by
 * `src/sequencer/append-runs.ts` and `native/append_run.h`. There is no such pass in plain JavaScript: the sequencer does without.
 */
export type TakeAppends = (message: Bytes, registers: Float64Array, tables: AppendTables) => RunEnd;

/** Event ids (four words each, little-endian), and where their events are, by column. */
export interface RememberedEvents {
  readonly ids: Uint32Array;
  /** Hashes of their streams' names. */
  readonly streams: Uint32Array;
  readonly revisions: Float64Array;
  readonly positions: Float64Array;
}

/** The memory of a retry window (`src/sequencer/retry-window.ts`), the key of its hash, and how many events were ever added. */
export interface RetryMemory {
  readonly memory: Bytes;
  readonly seed: { readonly low: number; readonly high: number };
  readonly added: number;
}

/** Adds many events, oldest first; returns how many were ever added then. There is none in plain JavaScript. */
export type RememberAll = (window: RetryMemory, events: RememberedEvents) => number;

/** Time. Wall time goes into records for people to read; monotonic time paces. Neither decides about safety. */
export interface Clock {
  /** Microseconds since the Unix epoch. May jump. */
  wallUs(): number;
  /** Milliseconds, never going back. */
  monotonicMs(): number;
}
