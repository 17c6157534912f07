/**
 * The index thread's work. First it reads the log, up to what was known to be committed when the ring was made. Then it follows
 * `committed` through the ring, indexing records where they lie and moving `indexed` behind it, and answers queries, each only
 * after it has indexed what was committed when main asked. What is not committed never gets into the index.
 */
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { type Disk, DiskError, type RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { RecoveredLog } from '../log/recovery.js';
import { LogScanner, type ScanInput } from '../log/scan.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, RingMemory } from '../ring/layout.js';
import { MailboxReceiver, MailboxSender } from '../ring/mailbox.js';
import type { Agent } from '../ring/runner.js';
import type { IndexerReport, IndexerStart } from './commands.js';
import { LogIndex } from './log-index.js';
import { type ReceivedQuery, receiveQuery, sendAnswer } from './messages.js';

/** What the agent needs of the thread that it runs on. */
export interface IndexerSurroundings {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** Tells main. Buffers inside may be transferred. */
  report(report: IndexerReport): void;
}

/** How often progress is reported: every 64 MiB, some ten times a second. */
const PROGRESS_BYTES = 64 * 1024 * 1024;
/** What is indexed between two looks at the queries: under a millisecond's work. */
const FOLLOW_BYTES_MAX = 1024 * 1024;
/** Queries answered between two looks at the log. */
const QUERIES_MAX = 16;
/**
 * Main is woken for the room that indexing made only if more than this part of the ring was waiting to be indexed: an append takes three
 * quarters of it at most, Padding included, and an eighth is not for appends, so with less main can't have been refused any.
 */
const LAG_TO_RING = 1 / 16;

export class IndexerAgent implements Agent {
  readonly #surroundings: IndexerSurroundings;
  readonly #memory: RingMemory;
  readonly #index: LogIndex;
  readonly #published: Cursor;
  readonly #committed: Cursor;
  readonly #indexed: Cursor;
  readonly #mainBell: Doorbell;
  readonly #queries: MailboxReceiver;
  readonly #answers: MailboxSender;
  readonly #scanEnd: Position;
  #reportedPosition: Position = 0;
  #state: 'scanning' | 'damaged' | 'following' | 'failed' = 'scanning';
  /** How many chunks had been mended when damage was met. */
  #repairsSeen = 0;
  /** What is read at the start. */
  readonly #log: ScanInput | undefined;
  #scanner: LogScanner | undefined;

  constructor(start: IndexerStart, surroundings: IndexerSurroundings) {
    const { ring, recovered, retryWindowEvents, seed } = start;
    this.#surroundings = surroundings;
    this.#memory = new RingMemory(ring);
    this.#index = new LogIndex(seed, retryWindowEvents);
    const { control } = this.#memory;
    this.#published = new Cursor(control, CONTROL.published, ring.start);
    this.#committed = new Cursor(control, CONTROL.committed, ring.start);
    this.#indexed = new Cursor(control, CONTROL.indexed, ring.start);
    this.#mainBell = new Doorbell(control, CONTROL.mainBell);
    this.#queries = new MailboxReceiver(start.queries);
    this.#answers = new MailboxSender(start.answers);
    this.#scanEnd = ring.start;
    this.#log = recovered && logUpTo(this.#scanEnd, recovered, surroundings);
    if (this.#log !== undefined) this.#scanner = new LogScanner(this.#log);
  }

  doWork(): number {
    switch (this.#state) {
      case 'scanning':
        return this.#scan();
      case 'following':
        return this.#follow() + this.#answerQueries();
      case 'damaged':
        return this.#tryAgain();
      case 'failed':
        return 0;
    }
  }

  isDone(): boolean {
    return Atomics.load(this.#memory.control, CONTROL.stopping) === 1;
  }

  idleMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#scanner?.close();
  }

  /** Indexes the next run of records in the files; at their end reports what was found. */
  #scan(): number {
    this.#repairsSeen = this.#repairs;
    try {
      const run = this.#scanner?.next();
      if (run === undefined) return this.#endScan();
      const { bytes, at, length, position } = run;
      const end = this.#index.follow(bytes, wordsOf(bytes), at, at + length);
      assert(end === at + length, 'the scanner hands out whole records');
      this.#reportProgress(position + length);
      return length;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #endScan(): number {
    assert(!this.#index.isInTransaction, 'a recovered log ends with a whole transaction');
    this.#scanner?.close();
    this.#scanner = undefined;
    this.#state = 'following';
    this.#surroundings.report({ kind: 'ready' });
    return 1;
  }

  #reportProgress(position: Position): void {
    if (position - this.#reportedPosition < PROGRESS_BYTES) return;
    this.#reportedPosition = position;
    this.#surroundings.report({ kind: 'progress', position, end: this.#scanEnd });
  }

  /** Reads on, from new files, once a chunk was mended. */
  #tryAgain(): number {
    if (this.#repairs === this.#repairsSeen) return 0;
    const from = this.#scanner!.state;
    this.#scanner!.close();
    this.#scanner = new LogScanner({ ...this.#log!, from });
    this.#state = 'scanning';
    return 1;
  }

  get #repairs(): number {
    return Atomics.load(this.#memory.control, CONTROL.repairs);
  }

  /** Damage and disk failures are told to main as what they are, since an error that ends a thread arrives without its fields. */
  #fail(error: unknown): number {
    if (error instanceof DiskError) {
      const { errno, syscall, path, message } = error;
      this.#surroundings.report({
        kind: 'failed',
        code: 'disk-failure',
        message,
        details: { errno, syscall, path },
      });
    } else if (error instanceof CairnError) {
      const { code, message, details } = error;
      const kind = code === 'log-corrupt' ? 'damaged' : 'failed';
      this.#surroundings.report({ kind, code, message, details });
      this.#state = kind;
      return 1;
    } else {
      throw error;
    }
    this.#state = 'failed';
    return 1;
  }

  /** Indexes what was committed since, up to a limit or the ring's end; returns the bytes. */
  #follow(): number {
    const from = this.#indexed.position;
    const committed = this.#committed.load();
    if (committed === from) return 0;
    assert(committed > from, 'what is committed stays so');
    const { bytes, words, descriptor } = this.#memory;
    const at = this.#memory.offsetOf(from);
    const limit = Math.min(at + committed - from, at + FOLLOW_BYTES_MAX, descriptor.ringBytes);
    const length = this.#index.follow(bytes, words, at, limit) - at;
    assert(from + length <= committed, 'committed stands between records');
    this.#indexed.store(from + length);
    if (this.#published.load() - from > descriptor.ringBytes * LAG_TO_RING) this.#mainBell.ring();
    return length;
  }

  /** Answers the queries that are there, unless the index isn't far enough yet or main does not take the answers. */
  #answerQueries(): number {
    let answered = 0;
    while (answered < QUERIES_MAX) {
      const query = receiveQuery(this.#queries);
      if (query === undefined || query.committed > this.#indexed.position || !this.#answer(query)) break;
      this.#queries.release();
      answered++;
    }
    if (answered > 0) this.#mainBell.ring();
    return answered;
  }

  #answer(query: ReceivedQuery): boolean {
    if (query.isSnapshot) {
      this.#surroundings.report({ kind: 'snapshot', snapshot: this.#index.snapshot() });
      return true;
    }
    const { head, next } = this.#index.answer(query.bytes, query.nameAt, query.nameBytes, query);
    return sendAnswer(this.#answers, { id: query.id, head, next }, this.#index.collector);
  }
}

function logUpTo(to: Position, recovered: RecoveredLog, { disk, kernel }: IndexerSurroundings): ScanInput {
  const { chunks, chunkSize } = recovered;
  const from = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
  return { disk, kernel, chunks, chunkSize, from, to };
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}
