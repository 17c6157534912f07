/**
 * The engine at work: what happens on the main thread in each turn of the event loop. Appends go to the sequencer, what it
 * framed is published once a turn; when the writer rings, `committed` follows `durable` (one node is its own
 * quorum), the answers that waited for it go out, and the index thread is woken. No promise and no object per append.
 */
import { assert } from '../base/assert.js';
import type { LogReader } from '../reader/log-reader.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL } from '../ring/layout.js';
import type { RingProducer } from '../ring/producer.js';
import { StatisticsWords, type WriterStatistics } from '../ring/writer-statistics.js';
import type { AppendLimits } from '../sequencer/append-limits.js';
import type { AppendRun } from '../sequencer/append-runs.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome, Sequencer } from '../sequencer/sequencer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { EngineThreads } from './engine-threads.js';

/**
 * A Commit record normally rides with the next append. When none comes for this long it is written by itself, so that even
 * the last append of a quiet log is provably committed: long against a write, short against a coffee.
 */
const IDLE_COMMIT_MS = 100;

/**
 * The index follows commits this much later at most, unless a read asks for it: then it catches up first. Each wake costs a
 * processor's time; at a gigabyte a second the index is 5 MB behind by then, and a full ring wakes it at once.
 */
const INDEXER_WAKE_MS = 5;

export interface EngineParts {
  readonly producer: RingProducer;
  readonly sequencer: Sequencer;
  readonly threads: EngineThreads;
  readonly reader: LogReader;
  readonly limits: AppendLimits;
  readonly logId: string;
  readonly chunkSize: number;
  /** Called when the engine is closed, after all threads have ended. */
  readonly release: () => Promise<void>;
}

/** What the engine can say about itself at any time. */
export interface EngineStatistics {
  readonly writer: WriterStatistics;
  readonly committed: number;
  readonly indexed: number;
  readonly pendingAppends: number;
  readonly ringBytesUsed: number;
}

export class Engine {
  readonly limits: AppendLimits;
  readonly logId: string;
  readonly chunkSize: number;
  /** Reads what is committed. */
  readonly reader: LogReader;
  readonly #parts: EngineParts;
  readonly #durable: Cursor;
  readonly #committed: Cursor;
  readonly #indexed: Cursor;
  readonly #mainBell: Doorbell;
  readonly #indexerBell: Doorbell;
  readonly #preparerBell: Doorbell;
  readonly #statistics: StatisticsWords;
  #waitingForRoom: (() => void)[] = [];
  #isTurnScheduled = false;
  #idleCommit: NodeJS.Timeout | undefined;
  #indexerWake: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopping' | 'failed' = 'open';
  /** Who waits until nothing is pending. */
  #draining: (() => void)[] = [];
  #stopped: Promise<void> | undefined;
  /** The chunk that the log has reached, as far as the preparer was told. */
  #activeChunk: number;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.limits = parts.limits;
    this.logId = parts.logId;
    this.chunkSize = parts.chunkSize;
    this.reader = parts.reader;
    const { producer } = parts;
    const { control } = producer.memory;
    const start = producer.framed;
    this.#activeChunk = Math.floor(start / parts.chunkSize);
    this.#durable = new Cursor(control, CONTROL.durable, start);
    this.#committed = new Cursor(control, CONTROL.committed, start);
    this.#indexed = new Cursor(control, CONTROL.indexed, start);
    this.#mainBell = new Doorbell(control, CONTROL.mainBell);
    this.#indexerBell = new Doorbell(control, CONTROL.indexerBell);
    this.#preparerBell = new Doorbell(control, CONTROL.preparerBell);
    this.#statistics = new StatisticsWords(producer.memory);
    this.#listen();
  }

  /**
   * Takes the append that is open in `append`, and later answers `sink` with `token`, in log order. `retry`: the ring is
   * full or a chunk is being made; call again from {@link whenRoom}. The frame's bytes are read until the turn ends.
   */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome {
    if (this.#state !== 'open') this.refuse(sink, token, SHUTTING_DOWN);
    else if (this.#parts.sequencer.append(append, sink, token) === 'retry') return 'retry';
    this.#scheduleTurn();
    return 'taken';
  }

  /**
   * Takes, fast, the plain appends at the head of `run`, and answers each to `sink` with its request id. Whatever frame it
   * stops at is for {@link append}.
   */
  appendRun(run: AppendRun, sink: AppendSink): void {
    if (this.#state !== 'open') return;
    this.#parts.sequencer.appendRun(run, sink);
    this.#scheduleTurn();
  }

  /** Answers a request that never got as far as the sequencer, in its turn. */
  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    this.#parts.sequencer.pending.rejected(this.#parts.producer.framed, sink, token, rejection);
    this.#scheduleTurn();
  }

  /** Calls back, once, when an append that got `retry` may have better luck; first come, first served. */
  whenRoom(callback: () => void): void {
    this.#waitingForRoom.push(callback);
    this.#indexerBell.ring();
  }

  /** Up to here the log is committed. */
  get committed(): number {
    return this.#committed.position;
  }

  statistics(): EngineStatistics {
    const { sequencer, producer } = this.#parts;
    const indexed = this.#indexed.load();
    return {
      writer: this.#statistics.read(),
      committed: this.committed,
      indexed,
      pendingAppends: sequencer.pending.size,
      ringBytesUsed: producer.framed - Math.min(indexed, this.#durable.load()),
    };
  }

  /**
   * Opens this node's reign. Resolves to undefined when its Epoch record is committed; or, if the disk has no room for
   * it, to the reason, and opens it as soon as there is.
   */
  async openEpoch(instanceId: Uint8Array): Promise<Rejection | undefined> {
    const { sequencer } = this.#parts;
    const obstacle = await new Promise<Rejection | undefined>((resolve) => {
      const tryOpen = () => {
        if (sequencer.openEpoch(instanceId)) {
          resolve(undefined);
          return;
        }
        const reason = sequencer.outOfSpace();
        if (reason !== undefined) resolve(reason);
        this.whenRoom(tryOpen);
      };
      tryOpen();
    });
    if (obstacle !== undefined) return obstacle;
    this.#endTurn();
    await this.#drain();
    return undefined;
  }

  /** Finishes what was accepted, records it as committed, and ends the threads. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'stopping';
    clearTimeout(this.#idleCommit);
    for (const waiting of this.#waitingForRoom.splice(0)) waiting();
    await this.#drain();
    this.#parts.sequencer.recordCommit();
    this.#endTurn();
    await this.#drain();
    clearTimeout(this.#indexerWake);
    await this.#parts.threads.stop();
    await this.#parts.release();
  }

  /** A thread died: nothing more is accepted or answered. The process is about to end. */
  fail(): void {
    this.#state = 'failed';
    clearTimeout(this.#idleCommit);
    clearTimeout(this.#indexerWake);
  }

  #listen(): void {
    const seen = this.#mainBell.rings();
    this.#onProgress();
    if (this.#state === 'failed') return;
    this.#mainBell.whenRung(seen, () => this.#listen());
  }

  /** The writer, the preparer or the indexer got on. */
  #onProgress(): void {
    if (this.#state === 'failed') return;
    this.#advanceCommitted(this.#durable.load());
    this.#parts.threads.indexer.deliver();
    this.#admitWaiting();
    this.#endTurn();
  }

  /** Lets those who wait for room try again, until one must wait on: it keeps its place before those who came later. */
  #admitWaiting(): void {
    const waiting = this.#waitingForRoom;
    if (waiting.length === 0) return;
    this.#waitingForRoom = [];
    for (let i = 0; i < waiting.length; i++) {
      waiting[i]!();
      if (this.#waitingForRoom.length === 0) continue;
      this.#waitingForRoom.push(...waiting.slice(i + 1));
      return;
    }
  }

  #advanceCommitted(durable: number): void {
    const { sequencer } = this.#parts;
    const before = this.#committed.position;
    const committed = sequencer.pending.boundaryUpTo(durable, before);
    assert(
      committed >= before && committed <= durable,
      'committed only grows, and what is committed is durable',
    );
    if (committed === before) return;
    this.#committed.store(committed);
    sequencer.setCommitted(committed);
    sequencer.pending.release(committed);
    this.#wakeIndexerSoon();
    this.#scheduleIdleCommit();
  }

  /** Commits wake the indexer once in a while: each wake costs over 10 µs, and a processor that clients may be waiting for. */
  #wakeIndexerSoon(): void {
    this.#indexerWake ??= setTimeout(() => {
      this.#indexerWake = undefined;
      this.#indexerBell.ring();
    }, INDEXER_WAKE_MS);
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    // A microtask, not setImmediate: it runs when all that one socket delivered is framed, and the writer starts that much earlier.
    queueMicrotask(() => {
      if (this.#isTurnScheduled) this.#endTurn();
    });
  }

  /** Publishes what this turn framed, and answers what needs no waiting. */
  #endTurn(): void {
    this.#isTurnScheduled = false;
    const { sequencer, producer } = this.#parts;
    sequencer.publish();
    const chunk = Math.floor(producer.published / this.chunkSize);
    if (chunk !== this.#activeChunk) {
      this.#activeChunk = chunk;
      this.#preparerBell.ring();
    }
    sequencer.pending.release(this.#committed.position);
    if (sequencer.pending.size === 0) for (const drained of this.#draining.splice(0)) drained();
  }

  #scheduleIdleCommit(): void {
    if (this.#idleCommit !== undefined || this.#state !== 'open') return;
    this.#idleCommit = setTimeout(() => {
      this.#idleCommit = undefined;
      const { sequencer } = this.#parts;
      if (!sequencer.owesCommit) return;
      if (sequencer.pending.size > 0) return this.#scheduleIdleCommit();
      sequencer.recordCommit();
      this.#endTurn();
    }, IDLE_COMMIT_MS);
    this.#idleCommit.unref();
  }

  /** Resolves when everything framed so far is committed and answered. */
  async #drain(): Promise<void> {
    if (this.#parts.sequencer.pending.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#draining.push(resolve);
      this.#scheduleTurn();
    });
  }
}

const SHUTTING_DOWN: Rejection = {
  code: 'shutting-down',
  message: 'the node is shutting down; nothing was written; try another node, or this one again later',
  details: {},
};
