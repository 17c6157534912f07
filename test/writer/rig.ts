/**
 * The write path without threads: a sequencer, the writer's and the preparer's agents on one thread, over a disk in memory. The test
 * says who works when, so that every interleaving can be had, and repeated.
 */
import type { ChainState } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import type { Truncation } from '../../src/log/truncation.js';
import { PreparerAgent } from '../../src/preparer/agent.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { RecordFramer } from '../../src/sequencer/record-framer.js';
import { ReignLog } from '../../src/sequencer/reign-log.js';
import { RetryWindow } from '../../src/sequencer/retry-window.js';
import { type AppendOutcome, Sequencer } from '../../src/sequencer/sequencer.js';
import { StreamHeads } from '../../src/sequencer/stream-heads.js';
import { WriterAgent } from '../../src/writer/agent.js';
import { MemoryDisk } from '../log/memory-disk.js';
import { appendFrame, openAppend } from '../sequencer/requests.js';
import { noStreams } from '../sequencer/sequencer-rig.js';

export const CHUNK_BYTES = 64 * 1024;
export const BATCH_BYTES_MAX = 16 * 1024;
const RING_BYTES = 256 * 1024;
const FOLDER = '/data';
const LOG_ID = '11111111-1111-4111-8111-111111111111';

export class WriteRig {
  readonly disk: MemoryDisk;
  readonly producer: RingProducer;
  readonly log: ReignLog;
  readonly sequencer: Sequencer;
  readonly writer: WriterAgent;
  readonly preparer: PreparerAgent;
  readonly durable: Cursor;
  /** What was answered: the tokens, in order. */
  readonly answered: number[] = [];
  readonly refused: number[] = [];
  /** How truncations went. */
  readonly truncations: Truncation[] = [];
  readonly #requestEnds: number[] = [];
  #committable = 0;
  readonly #indexed: Cursor;
  readonly #prepared: Cursor;

  constructor(disk = new MemoryDisk(), chunksAhead = 1) {
    this.disk = disk;
    disk.folders.add(FOLDER);
    const ring = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: 16 * 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    });
    const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    this.producer = new RingProducer(ring, javascriptKernel, start, 0);
    const { control } = this.producer.memory;
    this.durable = new Cursor(control, CONTROL.durable, 0);
    this.#indexed = new Cursor(control, CONTROL.indexed, 0);
    this.#prepared = new Cursor(control, CONTROL.prepared, 0);
    this.preparer = new PreparerAgent(
      { ring, folder: FOLDER, logId: LOG_ID, nextChunk: 0, chunksAhead },
      disk,
    );
    this.writer = new WriterAgent(
      {
        ring,
        folder: FOLDER,
        logId: LOG_ID,
        syncMode: 'fdatasync',
        busyWaitUs: 0,
        batchBytesMax: BATCH_BYTES_MAX,
      },
      { disk, kernel: javascriptKernel, report: (truncation) => this.truncations.push(truncation) },
    );
    const { producer } = this;
    const framer = new RecordFramer(producer, { chunkBytes: CHUNK_BYTES, epoch: 1, timestampUs: 0 });
    const clock = { wallUs: () => 1_000_000, monotonicMs: () => 0 };
    const preparedEnd = () => this.#prepared.load();
    const published = ({ position }: Readonly<ChainState>) => this.#requestEnds.push(position);
    this.log = new ReignLog({ producer, framer, clock, preparedEnd, published }, 0);
    const unreadable = (): never => {
      throw new Error('nothing of what was appended comes again');
    };
    this.sequencer = new Sequencer({
      producer,
      bodies: {
        kernel: javascriptKernel,
        log: { readRaw: unreadable, wholeRecords: unreadable },
        settled: () => undefined,
      },
      framer,
      log: this.log,
      heads: new StreamHeads({ seed: { low: 1, high: 2 }, bytesMax: 2 ** 30, all: noStreams() }),
      headOf: () => Promise.reject(new Error('all streams are known')),
      retries: new RetryWindow(1024, { low: 3, high: 5 }),
      limits: { appendBytesMax: 16 * 1024, eventBytesMax: 8 * 1024, transactionBytesMax: 32 * 1024 },
      hashSeed: { low: 7, high: 11 },
      transactionTimeoutUs: 60_000_000,
      stepsOf: () => Promise.resolve([]),
      preparedEnd,
      outOfSpace: () =>
        Atomics.load(control, CONTROL.preparerErrno) === 0
          ? undefined
          : { code: 'disk-full', message: 'full', details: {} },
      takeAppends: undefined,
    });
    this.prepare();
    this.log.openEpoch(new Uint8Array(16));
  }

  /** The last end of whole requests that is durable: where the commit position of a cluster of one stands. */
  get committable(): number {
    const durable = this.durable.load();
    while (this.#requestEnds[0]! <= durable) this.#committable = this.#requestEnds.shift()!;
    return this.#committable;
  }

  get isOutOfSpace(): boolean {
    return Atomics.load(this.producer.memory.control, CONTROL.preparerErrno) !== 0;
  }

  /** Lets the preparer work until it has nothing to do but wait. */
  prepare(): void {
    for (let idle = 0; idle < 64; idle++) if (this.preparer.doWork() > 0) idle = 0;
  }

  /** Ends main's turn. */
  publish(): void {
    this.log.endTurn();
  }

  append(token: number, bytes: number): AppendOutcome {
    const frame = appendFrame(`stream-${token % 7}`, [{ data: new Uint8Array(bytes).fill(token) }]);
    const sink = {
      appended: (answer: number) => this.answered.push(answer),
      appendedParts: (answer: number) => this.answered.push(answer),
      rejected: (answer: number) => this.refused.push(answer),
    };
    return this.sequencer.append(openAppend(frame), sink, token);
  }

  /** One step of the writer, and what main does after it. Returns what the writer did. */
  write(): number {
    const work = this.writer.doWork();
    const committed = this.committable;
    if (committed > 0) {
      this.log.setCommitted(committed);
      this.sequencer.pending.quorum.release(committed);
      this.#indexed.store(committed);
    }
    return work;
  }

  recover(): RecoveredLog {
    const recovered = recoverLog({ disk: this.disk.clone(), kernel: javascriptKernel, folder: FOLDER });
    if (recovered.kind === 'empty') throw new Error('there is a chunk');
    return recovered;
  }

  /** Bytes of the log on disk. */
  onDisk(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    for (let p = from; p < to; p++) {
      const name = `${FOLDER}/chunk-${String(Math.floor(p / CHUNK_BYTES)).padStart(6, '0')}.000000`;
      bytes[p - from] = this.disk.files.get(name)![4096 + (p % CHUNK_BYTES)]!;
    }
    return bytes;
  }
}
