/**
 * A log that is written and cut by the writer's agent, over a disk in memory, against one that is kept whole: main and the preparer work when the
 * test says so.
 */
import { expect } from 'vitest';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import type { Truncation } from '../../src/log/truncation.js';
import { PreparerAgent } from '../../src/preparer/agent.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { WriterAgent } from '../../src/writer/agent.js';
import { MemoryDisk } from '../log/memory-disk.js';
import { endOf, NaiveLog } from '../log/naive-log.js';

export const CHUNK_BYTES = 64 * 1024;
const RING_BYTES = 128 * 1024;
const FOLDER = '/data';
const LOG_ID = '11111111-1111-4111-8111-111111111111';

export class CutRig {
  readonly log = new NaiveLog(CHUNK_BYTES);
  readonly disk = new MemoryDisk();
  readonly producer: RingProducer;
  readonly writer: WriterAgent;
  readonly reports: Truncation[] = [];
  committed = 0;
  readonly #preparer: PreparerAgent;
  readonly #durable: Cursor;
  readonly #indexed: Cursor;
  readonly #prepared: Cursor;
  readonly #truncateTo: Cursor;

  constructor() {
    this.disk.folders.add(FOLDER);
    const ring = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: 8 * 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    });
    const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    this.producer = new RingProducer(ring, javascriptKernel, start, 0);
    this.#preparer = new PreparerAgent(
      { ring, folder: FOLDER, logId: LOG_ID, nextChunk: 0, chunksAhead: 1 },
      this.disk,
    );
    const options = {
      ring,
      folder: FOLDER,
      logId: LOG_ID,
      syncMode: 'fdatasync',
      busyWaitUs: 0,
      batchBytesMax: 16 * 1024,
    } as const;
    const report = (truncation: Truncation) => this.reports.push(truncation);
    this.writer = new WriterAgent(options, { disk: this.disk, kernel: javascriptKernel, report });
    const { control } = this.producer.memory;
    this.#durable = new Cursor(control, CONTROL.durable, 0);
    this.#indexed = new Cursor(control, CONTROL.indexed, 0);
    this.#prepared = new Cursor(control, CONTROL.prepared, 0);
    this.#truncateTo = new Cursor(control, CONTROL.truncateTo, 0);
    this.prepare();
  }

  get durable(): number {
    return this.#durable.load();
  }

  prepare(): void {
    for (let idle = 0; idle < 64; idle++) if (this.#preparer.doWork() > 0) idle = 0;
  }

  /** Takes the records that `write` adds to the log, as long as there is room; forgets the others. */
  grow(write: (log: NaiveLog) => void): void {
    const { log, producer } = this;
    let end = log.end;
    write(log);
    for (const record of log.records.filter(({ position }) => position >= end)) {
      const after = endOf(record);
      if (after > this.#prepared.load() || !producer.hasRoom(record.bytes.length)) break;
      producer.take(record.bytes, 1, log.stateAt(after));
      end = after;
    }
    log.truncate(end);
  }

  writeAll(): void {
    while (this.writer.doWork() > 0);
  }

  /** All that is durable is committed, and indexed. */
  commit(): void {
    this.committed =
      this.log.records
        .map(endOf)
        .filter((end) => end <= this.durable)
        .at(-1) ?? 0;
    this.#indexed.store(this.committed);
  }

  /** Asks the writer for a cut, as main does. */
  askForCut(to: number): void {
    this.#truncateTo.store(to);
    Atomics.store(this.producer.memory.control, CONTROL.truncating, 1);
  }

  /** What main does when the writer has said that it is done. */
  goOn(): void {
    const truncation = this.reports.at(-1);
    if (truncation?.kind === 'truncated')
      this.producer.rewind(truncation.end, truncation.recordsInActiveChunk);
    Atomics.store(this.producer.memory.control, CONTROL.truncating, 0);
  }

  cut(to: number): Truncation {
    this.writeAll();
    this.askForCut(to);
    this.writeAll();
    this.log.truncate(to);
    this.goOn();
    return this.reports.at(-1)!;
  }

  stop(): void {
    Atomics.store(this.producer.memory.control, CONTROL.stopping, 1);
  }

  recover(): RecoveredLog {
    const recovered = recoverLog({ disk: this.disk.clone(), kernel: javascriptKernel, folder: FOLDER });
    if (recovered.kind === 'empty') throw new Error('there is a chunk');
    return recovered;
  }

  /** The disk has the log up to what is durable, all of it written, and zeros behind. */
  checkDisk(): void {
    const { durable, log } = this;
    const whole = log.bytes();
    for (const [path, file] of this.disk.files) {
      const number = Number(/chunk-(\d+)/.exec(path)![1]);
      const data = Buffer.from(file.subarray(4096, 4096 + CHUNK_BYTES));
      const expected = Buffer.alloc(CHUNK_BYTES);
      expected.set(whole.subarray(number * CHUNK_BYTES, Math.min(durable, (number + 1) * CHUNK_BYTES)));
      if (Buffer.compare(data, expected) !== 0) expect.fail(`chunk ${number} is not as the log`);
    }
    const { end, torn, recordsInActiveChunk, needsFooter } = this.recover();
    expect({ torn, needsFooter }).toEqual({ torn: undefined, needsFooter: undefined });
    expect(end).toEqual(log.stateAt(durable));
    expect(recordsInActiveChunk).toBe(log.recordsInChunkAt(durable));
  }
}
