/**
 * From a data folder to an engine that takes appends: lock, recover, make the ring, start the threads, rebuild what main
 * keeps in memory, open the reign. Each step either holds or ends in an error that says what to do; on an error everything
 * that was started is ended again. Main thread.
 */
import { randomFillSync, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { CairnError } from '../base/errors.js';
import type { ChainState, Disk } from '../base/ports.js';
import { type IndexerProxy, startIndexer } from '../indexer/proxy.js';
import { chunkFileName } from '../log/chunk.js';
import { recoverFolder } from '../log/folder-recovery.js';
import type { RecoveredLog } from '../log/recovery.js';
import { openPlatform, type Platform } from '../native/platform.js';
import { startPreparer } from '../preparer/proxy.js';
import { LogReader } from '../reader/log-reader.js';
import { Cursor } from '../ring/cursor.js';
import { CONTROL, createRing, RingMemory } from '../ring/layout.js';
import { RingProducer } from '../ring/producer.js';
import type { ThreadEvents } from '../ring/thread-start.js';
import type { AppendLimits } from '../sequencer/append-limits.js';
import { EVENTS_PREFIX_BYTES } from '../wire/frames.js';
import { startWriter } from '../writer/proxy.js';
import { buildSequencer } from './build-sequencer.js';
import { Engine } from './engine.js';
import { appendLimits, type EngineOptions, recordBytesMax } from './engine-options.js';
import { EngineThreads, stopThreads, threadFailure } from './engine-threads.js';
import { type FileLocks, type FolderLock, lockFolder } from './folder-lock.js';
import { loadTailBlock } from './tail-block.js';

/** What the engine reports while it opens and works. */
export interface EngineEvents {
  /** Something worth a line in the log. */
  note(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** The engine is dead: end the process. Called at most once, and only after it was open. */
  failed(error: CairnError): void;
}

/** Opens the engine on `options.folder`. Errors: all codes of docs/errors.md that concern folders, logs and disks. */
export async function openEngine(options: EngineOptions, events: EngineEvents): Promise<Engine> {
  const platform = openPlatform();
  makeFolder(options.folder, platform.disk);
  const lock = lockFolder(options.folder, fileLocks(platform));
  const opening = new EngineOpening(options, events, platform);
  try {
    return await opening.run(() => lock.release());
  } catch (error) {
    await opening.abandon(lock);
    throw error;
  }
}

/** The log that the engine is opened on: a recovered one, or one that begins now. */
interface LogStart {
  readonly recovered: RecoveredLog | undefined;
  readonly chunkSize: number;
  readonly logId: string;
  readonly end: Readonly<ChainState>;
  readonly chunkCount: number;
  /** The file of a chunk, be it there or yet to come. */
  readonly chunkPath: (number: number) => string;
  readonly limits: AppendLimits;
}

const EMPTY_LOG: Readonly<ChainState> = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

class EngineOpening {
  readonly #options: EngineOptions;
  readonly #events: EngineEvents;
  readonly #platform: Platform;
  readonly #workers: Worker[] = [];
  readonly #threadEvents: ThreadEvents = { ended: (thread, error) => this.#ended(thread, error) };
  #memory: RingMemory | undefined;
  #engine: Engine | undefined;
  #isOpen = false;
  #reject: ((error: CairnError) => void) | undefined;

  constructor(options: EngineOptions, events: EngineEvents, platform: Platform) {
    this.#options = options;
    this.#events = events;
    this.#platform = platform;
  }

  /** A thread that dies meanwhile makes opening fail, with its reason. */
  run(releaseLock: () => void): Promise<Engine> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#open(releaseLock).then(resolve, reject);
    });
  }

  /** Ends what was started. */
  async abandon(lock: FolderLock): Promise<void> {
    this.#engine?.fail();
    if (this.#memory !== undefined) await stopThreads(this.#memory, this.#workers);
    lock.release();
  }

  async #open(releaseLock: () => void): Promise<Engine> {
    const startedMs = performance.now();
    const log = this.#recover();
    const producer = this.#makeRing(log);
    const prepared = new Cursor(producer.memory.control, CONTROL.prepared, log.chunkCount * log.chunkSize);
    prepared.store(prepared.position);
    const threads = this.#startThreads(log, producer.memory);
    const ready = await threads.indexer.ready;
    // Only now: nothing is made in the folder of a log that the indexer finds damaged.
    if (log.recovered !== undefined) this.#startPreparer(log, producer.memory);
    const sequencer = buildSequencer({
      ...{ producer, ready, prepared, limits: log.limits },
      ...{ disk: this.#platform.disk, takeAppends: this.#platform.takeAppends },
      retryWindowEvents: this.#options.retryWindowEvents,
      framing: {
        chunkBytes: log.chunkSize,
        epoch: log.end.epoch + 1,
        timestampUs: log.recovered?.lastTimestampUs ?? 0,
      },
    });
    const reader = this.#makeReader(log, producer, threads.indexer);
    const release = async () => {
      await reader.close();
      releaseLock();
    };
    const { limits, logId, chunkSize } = log;
    this.#engine = new Engine({ producer, sequencer, threads, reader, limits, logId, chunkSize, release });
    await this.#beginReign(this.#engine, log);
    this.#isOpen = true;
    const ms = Math.round(performance.now() - startedMs);
    const facts = { logId, end: log.end.position, epoch: log.end.epoch + 1, streams: sequencer.streams, ms };
    this.#events.note('log open', facts);
    return this.#engine;
  }

  #recover(): LogStart {
    const { disk, kernel } = this.#platform;
    const { folder } = this.#options;
    const recovered = recoverFolder(disk, kernel, folder);
    const chunkSize = recovered?.chunkSize ?? this.#options.chunkSize;
    const paths = new Map(recovered?.chunks.map(({ number, path }) => [number, path]));
    if (recovered?.torn !== undefined) this.#events.note('removed a torn tail', { ...recovered.torn });
    if (chunkSize !== this.#options.chunkSize) {
      this.#events.note('the log keeps the chunk size that it was made with', { chunkSize });
    }
    return {
      recovered,
      chunkSize,
      logId: recovered?.logId ?? randomUUID(),
      end: recovered?.end ?? EMPTY_LOG,
      chunkCount: recovered?.chunks.length ?? 0,
      chunkPath: (number) => paths.get(number) ?? join(folder, chunkFileName(number, 0)),
      limits: appendLimits(this.#options, chunkSize),
    };
  }

  #makeRing({ chunkSize, end, limits, recovered }: LogStart): RingProducer {
    const { disk, kernel } = this.#platform;
    const descriptor = createRing({
      ringBytes: this.#options.ringSize,
      recordBytesMax: recordBytesMax(limits),
      chunkBytes: chunkSize,
      start: end.position,
      alignmentGap: (buffer) => disk.alignmentGap(buffer),
    });
    disk.adviseHugePages(descriptor.buffer);
    this.#memory = new RingMemory(descriptor);
    const producer = new RingProducer(descriptor, kernel, end, recovered?.recordsInActiveChunk ?? 0);
    if (recovered !== undefined) loadTailBlock(disk, this.#memory, recovered);
    return producer;
  }

  #startThreads(log: LogStart, memory: RingMemory): EngineThreads {
    const { logId, recovered } = log;
    const { folder, syncMode, batchBytesMax, retryWindowEvents } = this.#options;
    const ring = memory.descriptor;
    if (recovered === undefined) this.#startPreparer(log, memory);
    this.#workers.push(startWriter({ ring, folder, logId, syncMode, batchBytesMax }, this.#threadEvents));
    const indexer = startIndexer({ ring, recovered, retryWindowEvents }, this.#threadEvents);
    this.#workers.push(indexer.worker);
    return new EngineThreads(memory, this.#workers, indexer);
  }

  #startPreparer({ logId, chunkCount }: LogStart, { descriptor: ring }: RingMemory): void {
    const { folder } = this.#options;
    this.#workers.push(startPreparer({ ring, folder, logId, nextChunk: chunkCount }, this.#threadEvents));
  }

  #makeReader({ chunkPath }: LogStart, producer: RingProducer, indexer: IndexerProxy): LogReader {
    return new LogReader({
      tail: producer,
      lookup: indexer,
      kernel: this.#platform.kernel,
      committed: () => this.#engine?.committed ?? 0,
      chunkPath,
      headroomBytes: EVENTS_PREFIX_BYTES,
    });
  }

  /** Opens the epoch; but a full disk keeps only a new log from starting: an old one can be read without it. */
  async #beginReign(engine: Engine, { recovered }: LogStart): Promise<void> {
    const obstacle = await engine.openEpoch(randomFillSync(new Uint8Array(16)));
    if (obstacle === undefined) return;
    if (recovered === undefined) throw new CairnError(obstacle.code, obstacle.message, obstacle.details);
    this.#events.note('the disk is full: reads work, writes are refused until there is space', {});
  }

  #ended(thread: string, error: Error | undefined): void {
    const isStopping =
      this.#memory !== undefined && Atomics.load(this.#memory.control, CONTROL.stopping) === 1;
    if (isStopping && error === undefined) return;
    this.#engine?.fail();
    const failure = threadFailure(thread, error);
    if (this.#isOpen) this.#events.failed(failure);
    else this.#reject?.(failure);
  }
}

/** Makes the folder, and every name on the way to it durable: a log is gone when the folder that it is in is. */
function makeFolder(folder: string, disk: Disk): void {
  try {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = resolve(folder); made.length >= first.length; made = dirname(made))
      disk.syncDirectory(dirname(made));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CairnError(
      'invalid-configuration',
      `the data folder ${folder} can't be made (${code}); choose another with --db`,
      { path: folder, errno: code ?? '' },
      error,
    );
  }
}

/** flock where the addon has it. */
function fileLocks(platform: Platform): FileLocks | undefined {
  if (platform.describe.disk !== 'native') return undefined;
  return {
    tryLock: (path) => {
      const lock = platform.tryLock(path);
      return lock === 'unsupported' ? undefined : lock;
    },
  };
}
