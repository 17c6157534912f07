/**
 * Reads of the log, for clients: the whole of it or one stream, in either direction, page by page. Main thread. Recent
 * records come from the ring, older ones from chunk files, and nothing that was not committed when the read began, or that
 * fails its checksum, is ever given out.
 */
import { CairnError, type ErrorCode } from '../base/errors.js';
import type { Bytes, RecordKernel } from '../base/ports.js';
import { isMetadataName, subjectOf } from '../base/stream-metadata.js';
import type { Position, Revision } from '../base/units.js';
import type { Direction, StreamLookup, StreamsWithMetadata } from '../indexer/commands.js';
import { logCorrupt, placeOf } from '../log/damage.js';
import type { NameFilter } from '../pattern/name-filter.js';
import { AllRead } from './all-read.js';
import { AllReadBackwards } from './all-read-backwards.js';
import { ChunkFiles } from './chunk-files.js';
import { CopyList } from './copy-list.js';
import { DirectMemory } from './direct-file.js';
import { FilteredRead } from './filtered-read.js';
import { HiddenEvents } from './hidden-events.js';
import { LiveAllRead } from './live-all-read.js';
import { LiveFeed } from './live-feed.js';
import { LiveStreamRead, type LiveStreamRequest } from './live-stream-read.js';
import { LogBytes, type LogTail } from './log-bytes.js';
import { PageMemory } from './page-memory.js';
import type { LogRead } from './read-page.js';
import type { ReadSource } from './read-source.js';
import { RecordChecks } from './record-checks.js';
import { StreamRead, type StreamReadRequest } from './stream-read.js';
import { StreamRules } from './stream-rules.js';
import { BegunRead, VisibleRead } from './visible-read.js';
import { WorkTurns } from './work-turns.js';

export interface LogReaderOptions {
  readonly tail: LogTail;
  readonly lookup: StreamLookup;
  /** Which streams may have metadata, and up to where that is known. */
  readonly metadata: StreamsWithMetadata;
  readonly indexed: () => Position;
  readonly kernel: RecordKernel;
  /** Up to here the log is committed, always at the end of a transaction. */
  readonly committed: () => Position;
  /** Something that was read is damaged, or its file is gone: told besides to whoever reads. */
  readonly damaged?: (error: CairnError) => void;
  /** The file of a chunk. */
  readonly chunkPath: (chunkNumber: number) => string;
  /** Bytes left free in front of the records of each page, for the frame that it becomes; a multiple of 8. */
  readonly headroomBytes: number;
  /** Makes memory for direct I/O, where that is to be had. */
  readonly alignedBuffer?: ((length: number) => Bytes) | undefined;
  /** The time of day, in microseconds; only tests have another. */
  readonly nowUs?: (() => number) | undefined;
}

/** What to read of the whole log. `from`: where the first record starts, or, backwards, ends (`Infinity` = the end of the log). */
export interface AllReadRequest {
  readonly direction: Direction;
  readonly from: Position;
  readonly eventsMax: number;
  /** Forwards: it follows the log. `from` may then be the end of the log. */
  readonly isLive?: boolean | undefined;
  /** Forwards: the record that starts at `from` is left out. */
  readonly isAfter?: boolean | undefined;
  /** Only events that fit are given, and counted. */
  readonly filter?: NameFilter | undefined;
}

/** `live`: has events to be read, or had never any. `deleted`: all that it has are hidden. `tombstoned`: it will never have others. */
export type StreamState = 'live' | 'deleted' | 'tombstoned';

/** A stream and the last event of it that is there, hidden or not; −1 and 0 if none is. */
export interface StreamInfo {
  readonly revision: Revision;
  readonly position: Position;
  /** Of the first event that is not hidden; one above the last if all are. */
  readonly firstRevision: Revision;
  readonly state: StreamState;
}

/** What may be mended by another file. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set(['log-corrupt', 'disk-failure']);

export class LogReader {
  readonly #source: ReadSource;
  readonly #files: ChunkFiles;
  /** The same log and files for what nobody reads again soon. */
  readonly #once: LogBytes;
  readonly #filesOnce: ChunkFiles;
  readonly #feed: LiveFeed;
  readonly #damaged: (error: CairnError) => void;

  constructor(options: LogReaderOptions) {
    const { tail, lookup, kernel, committed, damaged, chunkPath, headroomBytes, metadata, indexed } = options;
    const { alignedBuffer } = options;
    const { chunkBytes } = tail.memory.descriptor;
    this.#files = new ChunkFiles(chunkPath, chunkBytes, kernel);
    const memory = alignedBuffer && new DirectMemory(alignedBuffer);
    this.#filesOnce = new ChunkFiles(chunkPath, chunkBytes, kernel, memory);
    this.#once = new LogBytes(tail, this.#filesOnce);
    this.#damaged = damaged ?? (() => undefined);
    const log = new LogBytes(tail, this.#files);
    const checks = new RecordChecks(kernel);
    const copies = new CopyList(kernel);
    const pages = new PageMemory();
    this.#feed = new LiveFeed(tail, kernel, committed);
    const turns = new WorkTurns();
    const nowUs = options.nowUs ?? (() => Date.now() * 1000);
    const rules = new StreamRules({ log, checks, lookup, chunkBytes, nowUs });
    const hidden = new HiddenEvents({ lookup, rules, tail, metadata, indexed, committed });
    const parts = { log, checks, copies, pages, turns, lookup, rules, hidden };
    this.#source = { ...parts, chunkBytes, headroomBytes, committed };
  }

  /** Begins a read of the whole log. */
  readAll(request: AllReadRequest): LogRead {
    return this.#watched(new BegunRead(this.#source.hidden, () => this.#visible(request)));
  }

  #visible(request: AllReadRequest): LogRead {
    const { filter, direction, eventsMax, isLive = false } = request;
    const mayHide = isLive || !this.#source.hidden.areNone;
    // Where events are left out, those that are left are counted.
    const isCounted = filter !== undefined || (mayHide && eventsMax < Number.POSITIVE_INFINITY);
    const all = this.#allRead(isCounted ? { ...request, eventsMax: Number.POSITIVE_INFINITY } : request);
    const read = mayHide ? new VisibleRead(this.#source, all, isLive) : all;
    if (!isCounted) return read;
    return new FilteredRead(this.#source, read, {
      filter,
      isBackwards: direction === 'backwards',
      eventsMax,
    });
  }

  #allRead({ direction, isLive, ...range }: AllReadRequest): LogRead {
    if (isLive === true) return new LiveAllRead(this.#source, this.#feed, range);
    if (direction === 'forwards') return new AllRead(this.#source, range);
    return new AllReadBackwards(this.#source, range.from, range.eventsMax);
  }

  /** Something was committed: those that follow the log get on. */
  advanced(): void {
    this.#feed.advanced();
  }

  /** Nothing will be committed any more that this node knows of: those that follow the log learn why. */
  endFollowing(error: CairnError): void {
    this.#feed.endAll(error);
  }

  /** Fills `target` with the log's published bytes from `position`, unchecked, committed or not: for other nodes. */
  async readRaw(position: Position, target: Uint8Array): Promise<void> {
    try {
      await this.#source.log.read(position, target, 0, target.length);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** The same of what nobody is likely to read again soon: if it is much, past the system's page cache. */
  async readOnce(position: Position, target: Uint8Array): Promise<void> {
    try {
      await this.#once.read(position, target, 0, target.length);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** The same for a piece of a chunk that may begin or end inside of a record: all pieces of one chunk go together as long as {@link fileVersionOf} is the same. */
  async readPiece(position: Position, target: Uint8Array): Promise<void> {
    try {
      await this.#source.log.readPiece(position, target);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /**
   * How many of the bytes that {@link readRaw} gave from `position`, where a record begins, are whole records as they were written; 0 if
   * the first is longer than that. Throws `log-corrupt` if the first is damaged.
   */
  wholeRecords(position: Position, bytes: Uint8Array): number {
    const { checks, log, chunkBytes } = this.#source;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { goodBytes, damage } = checks.run({ bytes, view, at: 0, length: bytes.length, position });
    if (goodBytes > 0 || damage === undefined) return goodBytes;
    throw this.#told(logCorrupt(placeOf(log.pathAt(position), position, chunkBytes), damage));
  }

  /** Another one as soon as another file is in the chunk's place. */
  fileVersionOf(chunkNumber: number): number {
    return this.#files.versionOf(chunkNumber);
  }

  /** A chunk has another file now. */
  reopen(chunkNumber: number): void {
    this.#files.reopen(chunkNumber);
    this.#filesOnce.reopen(chunkNumber);
  }

  /** Begins a read of a stream. */
  readStream(request: StreamReadRequest): LogRead {
    return this.#watched(new StreamRead(this.#source, request));
  }

  /** Follows a stream, which need not exist. */
  followStream(request: LiveStreamRequest): LogRead {
    return this.#watched(new LiveStreamRead(this.#source, this.#feed, request));
  }

  #watched(read: LogRead): LogRead {
    const tell = (error: unknown): never => {
      throw this.#told(error);
    };
    return {
      nextPage: (bytesMax) => read.nextPage(bytesMax).catch(tell),
      whenReady: () => read.whenReady?.(),
      close: () => read.close?.(),
    };
  }

  /** The error, of which whoever can mend the log knows now. */
  #told(error: unknown): unknown {
    if (error instanceof CairnError && DAMAGE.has(error.code)) this.#damaged(error);
    return error;
  }

  /** Where a stream ends, and what of it is hidden. Rejects as a read does. */
  async streamInfo(stream: Uint8Array): Promise<StreamInfo> {
    const { lookup, rules: all } = this.#source;
    const from = Number.POSITIVE_INFINITY;
    const last = { stream, direction: 'backwards', from, eventsMax: 1, bytesMax: 1 } as const;
    const { head: revision, positions, metadata } = await lookup.lookup(last);
    const position = revision < 0 ? 0 : positions[0]!;
    try {
      const rules = await all.of(metadata);
      const visible = rules.isTombstoned
        ? revision + 1
        : await all.firstVisible({ name: stream, head: revision }, rules);
      const firstRevision = metadata === undefined ? visible : await this.#firstFrom(stream, visible);
      const isHidden = revision >= 0 && firstRevision > revision;
      const state = rules.isTombstoned ? 'tombstoned' : isHidden ? 'deleted' : 'live';
      return { revision, position, firstRevision, state };
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** The first revision from this one on that no scavenge has removed; this one if there is none. */
  async #firstFrom(stream: Uint8Array, from: Revision): Promise<Revision> {
    const first = { stream, direction: 'forwards', from, eventsMax: 1, bytesMax: 1 } as const;
    const { runCount, next } = await this.#source.lookup.lookup(first);
    return runCount === 0 ? from : next - 1;
  }

  /** Revision of a stream's last committed event, −1 if it has none, and whether it, or the stream that it has metadata of, has a tombstone. */
  async streamHead(stream: Uint8Array): Promise<{ readonly revision: Revision; readonly isClosed: boolean }> {
    const { lookup, rules } = this.#source;
    const last = {
      direction: 'backwards',
      from: Number.POSITIVE_INFINITY,
      eventsMax: 0,
      bytesMax: 0,
    } as const;
    const isMetadata = isMetadataName(stream, 0, stream.length);
    const subject = isMetadata ? subjectOf(stream, 0, stream.length) : stream;
    const [{ head: revision, metadata: own }, of] = await Promise.all([
      lookup.lookup({ ...last, stream }),
      isMetadata ? lookup.lookup({ ...last, stream: subject }) : undefined,
    ]);
    try {
      const { isTombstoned } = await rules.of(of === undefined ? own : of.metadata);
      return { revision, isClosed: isTombstoned };
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** Closes the files. Reads that are still going on may fail. */
  async close(): Promise<void> {
    await Promise.all([this.#files.close(), this.#filesOnce.close()]);
  }
}
