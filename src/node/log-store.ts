/**
 * A node's log at work: the ring, the threads that put it on disk and into the index, and the cursors between them. Knows nothing of
 * leaders or clusters. Opened synchronously on what recovery found; the threads start behind it. Main thread.
 */
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import type { ChainState, RecordKernel } from '../base/ports.js';
import type { ScrubStatus } from '../base/scrub-status.js';
import { earlier, type Position } from '../base/units.js';
import type { KnownHistory } from '../cluster/history-file.js';
import { type IndexerProxy, startIndexer } from '../indexer/proxy.js';
import { chunkFileName } from '../log/chunk.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { Truncation } from '../log/truncation.js';
import type { Platform } from '../native/platform.js';
import { startPreparer } from '../preparer/proxy.js';
import { LogReader } from '../reader/log-reader.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, createRing, type RingMemory } from '../ring/layout.js';
import { RingProducer } from '../ring/producer.js';
import { type LastBatch, StatisticsWords, type WriterStatistics } from '../ring/writer-statistics.js';
import type { AppendLimits } from '../sequencer/append-limits.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import { EVENTS_PREFIX_BYTES } from '../wire/frames.js';
import { startWriter, type WriterProxy } from '../writer/proxy.js';
import { DurableWatch } from './durable-watch.js';
import { appendLimits, type EngineOptions, recordBytesMax, ringBytesFor } from './engine-options.js';
import type { SpaceGuard } from './engine-parts.js';
import { HistoryKeeper } from './history-keeper.js';
import { outOfSpace } from './out-of-space.js';
import { stopThreads, threadFailure } from './store-threads.js';
import { loadTail } from './tail-block.js';

/** What a store is opened on: its first chunk at least is there. */
export interface StoredLog {
  readonly recovered: RecoveredLog;
  /** What of it is known to be committed: the end of a transaction. The rest is in the ring. */
  readonly committed: Position;
  /** How far the file `history` covers it; 0 if there is none. */
  readonly historyWritten: Position;
}

/** What whoever owns the store is told. */
export interface LogStoreEvents {
  /** A thread got on: `durable`, `indexed` or `prepared` may have moved. */
  progress(): void;
  /** A thread is dead: end the process. */
  failed(error: CairnError): void;
  /** Something that somebody should look at. */
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** A part of the log is damaged. Answers whether that is being mended: the index can't do without it. */
  damaged(error: CairnError, who: 'reader' | 'index'): boolean;
  /** A chunk was verified and is as it was written. */
  sound(chunk: number): void;
  /** The room on the disk, if somebody looks after it. */
  readonly diskSpace?: SpaceGuard | undefined;
  /** For the file `history`: epochs and configurations of the log before `position`. */
  historyBefore(position: Position): Omit<KnownHistory, 'end'>;
}

/**
 * The index follows commits this much later at most, unless a read asks for it: then it catches up first. Each wake costs a
 * processor's time; at a gigabyte a second the index is 5 MB behind by then, and a full ring wakes it at once.
 */
const INDEXER_WAKE_MS = 5;

export class LogStore {
  readonly logId: string;
  readonly chunkSize: number;
  readonly limits: AppendLimits;
  readonly kernel: RecordKernel;
  readonly producer: RingProducer;
  readonly indexer: IndexerProxy;
  /** Reads what is committed. */
  readonly reader: LogReader;
  readonly #events: LogStoreEvents;
  readonly #memory: RingMemory;
  readonly #workers: Worker[];
  readonly #writer: WriterProxy;
  readonly #durable: Cursor;
  readonly #committed: Cursor;
  readonly #indexed: Cursor;
  readonly #prepared: Cursor;
  readonly #mainBell: Doorbell;
  readonly #indexerBell: Doorbell;
  readonly #preparerBell: Doorbell;
  readonly #statistics: StatisticsWords;
  readonly #history: HistoryKeeper;
  readonly #watch: DurableWatch;
  #indexerWake: NodeJS.Timeout | undefined;
  /** The chunk that the log has reached, as far as the preparer was told. */
  #activeChunk: number;
  #isOver = false;

  constructor(options: EngineOptions, platform: Platform, log: StoredLog, events: LogStoreEvents) {
    const { recovered, committed } = log;
    const { logId, chunkSize, chunks, end } = recovered;
    this.logId = logId;
    this.chunkSize = chunkSize;
    this.kernel = platform.kernel;
    this.limits = appendLimits(options, chunkSize);
    this.#events = events;
    this.producer = makeRing(options, platform, log);
    const { memory } = this.producer;
    this.#memory = memory;
    const { control, descriptor: ring } = memory;
    this.#durable = new Cursor(control, CONTROL.durable, ring.start);
    this.#committed = new Cursor(control, CONTROL.committed, ring.start);
    this.#indexed = new Cursor(control, CONTROL.indexed, ring.start);
    for (const cursor of [this.#durable, this.#committed, this.#indexed]) cursor.load();
    assert(
      this.#durable.position === end.position && this.#committed.position === committed,
      'the ring stands',
    );
    this.#prepared = new Cursor(control, CONTROL.prepared, chunks.length * chunkSize);
    this.#prepared.store(this.#prepared.position);
    this.#activeChunk = Math.floor(end.position / chunkSize);
    this.#mainBell = new Doorbell(control, CONTROL.mainBell);
    this.#indexerBell = new Doorbell(control, CONTROL.indexerBell);
    this.#preparerBell = new Doorbell(control, CONTROL.preparerBell);
    this.#statistics = new StatisticsWords(memory);
    const { folder, syncMode, batchBytesMax, retryWindowEvents, preparedChunks: chunksAhead = 1 } = options;
    const { busyWaitUs, diskReserve: reserve } = options;
    this.#watch = new DurableWatch(memory, busyWaitUs, () => this.#progress());
    const ended = { ended: (thread: string, error: Error | undefined) => this.#threadEnded(thread, error) };
    const damaged = (error: CairnError, isNeeded: boolean) => {
      if (!events.damaged(error, isNeeded ? 'index' : 'reader') && isNeeded) this.#fail(error);
    };
    const { indexCacheSize: indexCacheBytes, scrubIntervalMs } = options;
    this.indexer = startIndexer(
      { ring, recovered, folder, logId, indexCacheBytes, retryWindowEvents, scrubIntervalMs },
      { ...ended, damaged, warn: events.warn, sound: events.sound },
    );
    // Behind the indexer, for which a start waits.
    this.#writer = startWriter({ ring, folder, logId, syncMode, batchBytesMax, busyWaitUs }, ended);
    this.#workers = [this.#writer.worker, this.indexer.worker];
    // Only then: nothing is made in the folder of a log that the indexer finds damaged.
    const startMaking = () => {
      if (this.#isOver || this.#isStopping) return;
      const nextChunk = chunks.length;
      this.#workers.push(startPreparer({ ring, folder, logId, nextChunk, chunksAhead, reserve }, ended));
    };
    this.indexer.ready.then(startMaking, (error: CairnError) => this.#fail(error));
    this.reader = this.#makeReader(platform, recovered, folder);
    const { historyWritten: written } = log;
    this.#history = new HistoryKeeper({ folder, logId, chunkSize, written, events });
    this.#history.committed(committed);
    this.#listen();
  }

  /** On this node's disk, synced. */
  get durable(): Position {
    return this.#durable.load();
  }

  get committed(): Position {
    return this.#committed.position;
  }

  get indexed(): Position {
    return this.#indexed.load();
  }

  /** Before it, chunks are known to be committed as a whole, also after a restart. */
  get historyEnd(): Position {
    return this.#history.written;
  }

  /** Resolves when {@link historyEnd} is not about to move. */
  async historySettled(): Promise<void> {
    await this.#history.settled();
  }

  /** Up to where chunks exist. */
  get preparedEnd(): Position {
    return this.#prepared.load();
  }

  /** Up to where appends may go: nowhere while the disk has less than its reserve. */
  get appendsEnd(): Position {
    return this.#events.diskSpace?.isShort === true ? 0 : this.preparedEnd;
  }

  get statistics(): WriterStatistics {
    return this.#statistics.read();
  }

  /** The same of one instant; undefined while the writer counts a batch. */
  get statisticsAtOnce(): WriterStatistics | undefined {
    return this.#statistics.readAtOnce();
  }

  /** How far the verifying of old chunks is. */
  get scrub(): ScrubStatus {
    return this.indexer.scrub;
  }

  /** What the writer did last; undefined if it is about to change. */
  get lastBatch(): LastBatch | undefined {
    return this.#statistics.lastBatch();
  }

  /** How many streams have metadata, as far as the index has followed, and what knowing them takes on both threads. */
  get streamsWithMetadata(): { readonly streams: number; readonly bytes: number } {
    const { size: streams, bytes } = this.indexer.metadata;
    return { streams, bytes };
  }

  get ringBytes(): number {
    return this.#memory.descriptor.ringBytes;
  }

  get ringBytesUsed(): number {
    return this.producer.framed - earlier(this.indexed, this.durable);
  }

  /** Whether there is no room for a further chunk at present. */
  get lacksChunk(): boolean {
    return Atomics.load(this.#memory.control, CONTROL.preparerErrno) !== 0;
  }

  /** Why appends, or further chunks, have no space at present, or undefined. */
  get outOfSpace(): Rejection | undefined {
    const { diskSpace } = this.#events;
    const errno = Atomics.load(this.#memory.control, CONTROL.preparerErrno);
    return diskSpace?.shortage ?? outOfSpace(errno, diskSpace?.status);
  }

  /** Whether `bytes` more fit into the ring and the chunks that exist. */
  hasRoom(bytes: number): boolean {
    const { producer } = this;
    return producer.framed + bytes <= this.preparedEnd && producer.hasRoom(bytes);
  }

  /** Everything before `position`, the end of a transaction, is committed, and durable here. */
  setCommitted(position: Position): void {
    const before = this.#committed.position;
    assert(
      position >= before && position <= this.durable,
      'committed only grows, and what is committed is durable',
    );
    this.#committed.store(position);
    this.#history.committed(position);
    this.reader.advanced();
    // Each wake costs over 10 µs, and a processor that clients may be waiting for.
    this.#indexerWake ??= setTimeout(() => {
      this.#indexerWake = undefined;
      this.#indexerBell.ring();
    }, INDEXER_WAKE_MS);
  }

  /** Has the index follow now: somebody waits for room in the ring. */
  hurryIndex(): void {
    this.#indexerBell.ring();
  }

  /** Something was published: the preparer is told when the log has reached another chunk. */
  notePublished(): void {
    const chunk = Math.floor(this.producer.published / this.chunkSize);
    if (chunk === this.#activeChunk) return;
    this.#activeChunk = chunk;
    this.#preparerBell.ring();
  }

  /** Something was published by those who wait for it to be durable here, and for nothing else, if `isAwaited`. */
  awaitDurable(isAwaited: boolean): void {
    this.#watch.published(this.producer.published, isAwaited);
  }

  /** Cuts the log at `to`. All that is published must be durable. */
  truncate(to: Position, done: (truncation: Truncation) => void): void {
    assert(to >= this.committed, 'what is committed is never truncated');
    assert(this.durable === this.producer.framed, 'the log is cut when all of it is durable');
    this.#writer.truncate(to, (truncation) => {
      if (truncation.kind === 'truncated')
        this.producer.rewind(truncation.end, truncation.recordsInActiveChunk);
      this.#writer.endTruncation();
      done(truncation);
    });
  }

  /** A chunk has another file now: whoever reads it opens it again. */
  mended(chunkNumber: number): void {
    this.reader.reopen(chunkNumber);
    Atomics.add(this.#memory.control, CONTROL.repairs, 1);
    this.#indexerBell.ring();
  }

  /** Lets the threads finish what is published, and resolves when all have ended. */
  async stop(): Promise<void> {
    clearTimeout(this.#indexerWake);
    await stopThreads(this.#memory, this.#workers);
    this.#isOver = true;
    this.#mainBell.ring();
    await Promise.all([this.indexer.close(), this.reader.close(), this.#history.settled()]);
  }

  /** The process is about to end: nothing more is told. */
  abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#indexerWake);
  }

  #listen(): void {
    const seen = this.#mainBell.rings();
    if (this.#isOver) return;
    this.indexer.deliver();
    this.#progress();
    this.#mainBell.whenRung(seen, () => this.#listen());
  }

  #progress(): void {
    if (this.#isOver) return;
    this.#watch.learned(this.durable);
    this.#events.progress();
  }

  #makeReader(platform: Platform, { chunks }: RecoveredLog, folder: string): LogReader {
    const { disk } = platform;
    const paths = new Map(chunks.map(({ number, path }) => [number, path]));
    return new LogReader({
      tail: this.producer,
      lookup: this.indexer,
      metadata: this.indexer.metadata,
      indexed: () => (this.indexer.isReady ? this.indexed : 0),
      kernel: platform.kernel,
      committed: () => this.committed,
      damaged: (error) => this.#events.damaged(error, 'reader'),
      chunkPath: (number) => paths.get(number) ?? join(folder, chunkFileName(number, 0)),
      headroomBytes: EVENTS_PREFIX_BYTES,
      alignedBuffer: disk.kind === 'native' ? (length) => disk.alignedBuffer(length) : undefined,
    });
  }

  #threadEnded(thread: string, error: Error | undefined): void {
    if (this.#isStopping && error === undefined) return;
    this.#fail(threadFailure(thread, error));
  }

  #fail(error: CairnError): void {
    if (this.#isOver) return;
    this.abandon();
    this.#events.failed(error);
  }

  get #isStopping(): boolean {
    return Atomics.load(this.#memory.control, CONTROL.stopping) === 1;
  }
}

function makeRing(
  options: EngineOptions,
  platform: Platform,
  { recovered, committed }: StoredLog,
): RingProducer {
  const { disk, kernel } = platform;
  const { chunkSize, end, recordsInActiveChunk } = recovered;
  const descriptor = createRing({
    ringBytes: ringBytesFor(options, end.position - committed),
    recordBytesMax: recordBytesMax(appendLimits(options, chunkSize)),
    chunkBytes: chunkSize,
    start: committed,
    alignmentGap: (buffer) => disk.alignmentGap(buffer),
  });
  disk.adviseHugePages(descriptor.buffer);
  const producer = new RingProducer(descriptor, kernel, end as ChainState, recordsInActiveChunk);
  loadTail(disk, producer.memory, recovered);
  return producer;
}
