/**
 * How the index thread gets from a folder to an index that knows everything that was committed before the ring: what has a segment is there,
 * of the rest the log is read, into memory if it is little, by jobs if it is much. Index thread.
 */
import type { HashSeed } from '../base/name-table.js';
import type { Disk, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { IndexDamage } from '../index/page.js';
import { PageCache } from '../index/page-cache.js';
import type { StreamHash } from '../index/stream-hash.js';
import { chunkOf } from '../log/chunk.js';
import { ChunkWalk, type LogSource } from './chunk-walk.js';
import type { IndexerOptions, IndexerReport } from './commands.js';
import { LogIndex } from './log-index.js';
import { type MetadataMemory, MetadataStreams } from './metadata-streams.js';
import { openIndex } from './open-index.js';
import { RecordFollower } from './record-follower.js';
import { SegmentKeeper } from './segment-keeper.js';

/** The index's folder in the data folder. */
export const INDEX_FOLDER = 'index';

/**
 * Most sealed chunks that are read into memory at the start, with room left for those that come until they have segments. A node that was
 * stopped or killed has one or two; more are left over only if segments could not be made, or in a folder from before there were any.
 */
const CHUNKS_READ_MAX = 6;

export interface IndexStartParts {
  readonly options: IndexerOptions;
  readonly seed: HashSeed;
  readonly metadata: MetadataMemory;
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly hash?: StreamHash | undefined;
  report(report: IndexerReport): void;
}

export class IndexStart {
  readonly index: LogIndex;
  readonly keeper: SegmentKeeper;
  /** The log before the ring. */
  readonly log: LogSource;
  /** Chunks that are still to be read, in order. */
  readonly #toRead: number[];
  #walk: ChunkWalk | undefined;

  /** Throws `DiskError`. */
  constructor(parts: IndexStartParts) {
    const { options, disk, kernel, report, hash } = parts;
    const { ring, recovered, folder: logFolder, logId, retryWindowEvents, indexCacheBytes } = options;
    const { start: committed, chunkBytes: chunkSize } = ring;
    const chunks = recovered?.chunks ?? [];
    const folder = `${logFolder}/${INDEX_FOLDER}`;
    const cache = new PageCache(indexCacheBytes);
    const note = (message: string, facts: Readonly<Record<string, string | number>>) =>
      report({ kind: 'noted', message, facts });
    const log = { disk, kernel, chunks, chunkSize, to: committed, justRead: recovered?.activeChunk };
    const usable = openIndex({
      ...{ disk, kernel, folder, logFolder, logId, chunkSize, chunks, committed, cache, note },
      seed: parts.seed,
    });
    const { seed, segments, eventIds } = usable;
    this.log = log;
    const metadata = new MetadataStreams(parts.metadata);
    this.index = new LogIndex({ chunkSize, seed, recentEvents: retryWindowEvents, hash, metadata });
    const covered = new Set<number>();
    for (const { file } of segments) {
      for (let chunk = file.firstChunk; chunk <= file.lastChunk; chunk++) covered.add(chunk);
    }
    const sealed = Array.from({ length: chunkOf(committed, chunkSize) }, (_, chunk) => chunk);
    const uncovered = sealed.filter((chunk) => !covered.has(chunk));
    const areFew = uncovered.length <= CHUNKS_READ_MAX;
    this.#toRead = areFew ? uncovered : [];
    if (committed % chunkSize !== 0) this.#toRead.push(sealed.length);
    this.keeper = new SegmentKeeper(
      {
        ...{ disk, kernel, folder, logFolder, logId, cache, report },
        index: this.index,
        eventIds: retryWindowEvents,
      },
      { segments, eventIds, missing: areFew ? [] : uncovered },
    );
  }

  /** Up to where the chunk that is being read was read. */
  get position(): Position {
    return this.#walk?.position ?? 0;
  }

  /** Reads on; returns the bytes, 0 if all is read. Throws `log-corrupt` or `DiskError`; then it can be called again. */
  step(): number {
    const chunk = this.#toRead[0];
    if (chunk === undefined) return 0;
    this.#walk ??= this.#walkThrough(chunk);
    const bytes = this.#walk.step();
    if (bytes > 0) return bytes;
    this.#walk.close();
    this.#walk = undefined;
    this.#toRead.shift();
    return 1;
  }

  /** A chunk has another file now. */
  reopen(): void {
    this.#walk?.reopen();
  }

  /** Finds out which streams have metadata; false if that has to wait until a damaged segment is made anew. */
  noteMetadata(): boolean {
    try {
      this.index.noteMetadata();
      return true;
    } catch (error) {
      if (!(error instanceof IndexDamage)) throw error;
      this.keeper.suspect(error);
      return false;
    }
  }

  /** All is read. The log's end goes from the system's memory: nobody reads it there again. */
  end(): void {
    const { chunks, disk, justRead = -1 } = this.log;
    const path = chunks[justRead]?.path;
    if (path === undefined) return;
    const file = disk.open(path, { access: 'read' });
    disk.dropCached(file);
    disk.close(file);
  }

  close(): void {
    this.#walk?.close();
    this.keeper.close();
  }

  /** Into the chunk's part, and nowhere else: where a transaction goes on behind the chunk, the next one's part has the rest. */
  #walkThrough(chunk: number): ChunkWalk {
    const part = this.index.partOf(chunk);
    const onlyHere = { partAt: (at: Position) => (at >= part.start && at < part.end ? part : undefined) };
    return new ChunkWalk(this.log, chunk, new RecordFollower(onlyHere, this.index.recent));
  }
}
