/** A log at work, for tests: a sample log whose newest records are in a ring and whose rest is in chunk files, with an index. */
import {
  closeSync,
  constants,
  copyFileSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { assert } from '../../src/base/assert.js';
import type { CairnError } from '../../src/base/errors.js';
import type { StreamLookup, StreamQuery, StreamRuns } from '../../src/indexer/commands.js';
import { LogIndex } from '../../src/indexer/log-index.js';
import { createMetadataMemory, MetadataStreams } from '../../src/indexer/metadata-streams.js';
import { CHUNK_HEADER_BYTES, chunkFileName } from '../../src/log/chunk.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { openPlatform } from '../../src/native/platform.js';
import { LogReader } from '../../src/reader/log-reader.js';
import type { LogRead, ReadAnswer } from '../../src/reader/read-page.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { SampleLog, type SampleRecord } from '../indexer/sample-log.js';

export const HEADROOM_BYTES = 32;
/** Of a chunk, and of a ring. */
const SMALL_BYTES = 65_536;
const SEED = { low: 1, high: 2 };

export class LiveLog implements StreamLookup {
  readonly sample: SampleLog;
  readonly folder = mkdtempSync(join(tmpdir(), 'cairn-reader-'));
  readonly producer: RingProducer;
  readonly reader: LogReader;
  committed: number;
  /** Up to where the index is said to be, if not where it is. */
  indexed: number | undefined;
  /** Questions about where the log ends, and reads of files. */
  waits = 0;
  fileReads = 0;
  /** The time of day. */
  nowUs = 0;
  /** What the reader has told of damage. */
  readonly damages: CairnError[] = [];
  readonly #metadata: MetadataStreams;
  #index: LogIndex;
  readonly #durable: Cursor;
  readonly #indexed: Cursor;
  readonly #committed: Cursor;
  /** Records of the sample that are in the files and in the index. */
  #taken = 0;

  /** What `sample` holds already was there before the "start": it is in files only. */
  constructor(sample: SampleLog, ringBytes: number) {
    this.sample = sample;
    const start = sample.chain;
    const { chunkBytes } = sample;
    this.#metadata = new MetadataStreams(createMetadataMemory(SEED));
    this.#index = this.#newIndex();
    const ring = createRing({
      ringBytes,
      chunkBytes,
      recordBytesMax: chunkBytes,
      start: start.position,
      alignmentGap: () => 0,
    });
    this.producer = new RingProducer(ring, javascriptKernel, start, sample.recordsInLastChunk);
    const { control } = this.producer.memory;
    this.#durable = new Cursor(control, CONTROL.durable, start.position);
    this.#indexed = new Cursor(control, CONTROL.indexed, start.position);
    this.#committed = new Cursor(control, CONTROL.committed, start.position);
    this.#committed.store(start.position);
    sample.writeChunks(this.folder);
    this.#follow(sample);
    this.#taken = sample.records.length;
    this.committed = sample.end;
    this.reader = new LogReader({
      tail: this.producer,
      lookup: this,
      metadata: this.#metadata,
      indexed: () => this.indexed ?? this.#indexed.position,
      nowUs: () => this.nowUs,
      kernel: javascriptKernel,
      committed: () => this.committed,
      damaged: (error) => this.damages.push(error),
      chunkPath: (chunkNumber) => {
        this.fileReads++;
        return this.chunkPath(chunkNumber);
      },
      headroomBytes: HEADROOM_BYTES,
      alignedBuffer: (length) => openPlatform().disk.alignedBuffer(length),
    });
  }

  chunkPath(chunkNumber: number): string {
    return join(this.folder, chunkFileName(chunkNumber, 0));
  }

  /** Publishes, writes, commits and indexes what the sample got since the last call. */
  advance(): void {
    const { producer, sample } = this;
    for (const record of sample.records.slice(this.#taken)) {
      if (!producer.hasRoom(record.bytes)) this.#settle();
      assert(producer.hasRoom(record.bytes), 'a record fits into the ring');
      const at = producer.claim(record.bytes);
      const source = sample.bytes.subarray(record.position, record.position + record.bytes);
      producer.memory.bytes.set(source, at);
      if (producer.framed % sample.chunkBytes === 0)
        producer.endChunk(producer.framed / sample.chunkBytes - 1);
    }
    this.#settle();
    this.#taken = sample.records.length;
    this.committed = sample.end;
    this.#committed.store(sample.end);
  }

  lookup(query: StreamQuery): Promise<StreamRuns> {
    if (query.stream.length === 0) {
      this.waits++;
      this.indexed = undefined;
    }
    const metadata = this.#index.metadataOf(query.stream, 0, query.stream.length);
    const { head, next } = this.#index.answer(query.stream, 0, query.stream.length, query);
    const { runCount, positions, bytes, events } = this.#index.collector;
    const runs = { positions: positions.slice(0, runCount), bytes: bytes.slice(0, runCount) };
    return Promise.resolve({ head, next, metadata, runCount, ...runs, events: events.slice(0, runCount) });
  }

  /** Removes records of chunks that the files have all of, as a scavenge does; the index goes on saying where they were. */
  remove(records: readonly SampleRecord[]): void {
    const { chunkBytes } = this.sample;
    this.sample.remove(records);
    for (const chunk of new Set(records.map(({ position }) => Math.floor(position / chunkBytes)))) {
      assert((chunk + 1) * chunkBytes <= this.#durable.position, 'the file has all of the chunk');
      writeFileSync(join(this.folder, 'scavenged'), this.sample.chunkFile(chunk));
      renameSync(join(this.folder, 'scavenged'), this.chunkPath(chunk));
      this.reader.reopen(chunk);
    }
  }

  /** Makes the index anew without these records, which are still where they were: in the ring, or in a file from somebody who has not scavenged. */
  forget(records: readonly SampleRecord[]): void {
    const left = new SampleLog(this.sample.chunkBytes);
    left.copy(this.sample, this.sample.end);
    left.remove(records);
    this.#index = this.#newIndex();
    this.#follow(left);
  }

  /** Overwrites bytes of the log on disk. */
  damage(position: number, bytes: Uint8Array): void {
    const { chunkBytes } = this.sample;
    const file = openSync(this.chunkPath(Math.floor(position / chunkBytes)), 'r+');
    writeSync(file, bytes, 0, bytes.length, CHUNK_HEADER_BYTES + (position % chunkBytes));
    closeSync(file);
  }

  /** Keeps a copy of the chunk at `position`; the function that is returned puts it, as another file, in its place. */
  keepCopy(position: number): () => void {
    const path = this.chunkPath(Math.floor(position / this.sample.chunkBytes));
    const copy = join(this.folder, 'copy');
    copyFileSync(path, copy);
    return () => renameSync(copy, path);
  }

  async close(): Promise<void> {
    await this.reader.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Makes what is framed durable and indexed, so that the ring has room again. */
  #settle(): void {
    this.producer.publish();
    const from = this.#durable.position;
    const to = this.producer.published;
    const { sample } = this;
    const { chunkBytes } = sample;
    for (let number = Math.floor(from / chunkBytes); number * chunkBytes <= to; number++) {
      const file = openSync(this.chunkPath(number), constants.O_RDWR | constants.O_CREAT);
      writeSync(file, sample.chunkFile(number, to));
      closeSync(file);
    }
    this.#follow(sample, from, to);
    this.#durable.store(to);
    this.#indexed.store(to);
  }

  #newIndex(): LogIndex {
    const { chunkBytes: chunkSize } = this.sample;
    return new LogIndex({ chunkSize, seed: SEED, recentEvents: 1, metadata: this.#metadata });
  }

  #follow({ bytes, end }: SampleLog, from = 0, to = end): void {
    this.#index.follow(bytes, new Uint32Array(bytes.buffer, 0, bytes.length / 4), from, to);
  }
}

/** Reads until the end or the first thing that isn't a page; `between` is called after each page. */
export async function pagesOf(read: LogRead, bytesMax: number, between?: () => void): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = [];
  for (;;) {
    const answer = await read.nextPage(bytesMax);
    answers.push(answer);
    if (answer.kind !== 'page' || answer.isLast) return answers;
    between?.();
  }
}

/** One with nothing in it, in small chunks and a ring that holds as much; closed behind the test. */
export function emptyLiveLog(ringBytes = SMALL_BYTES): LiveLog {
  const sample = new SampleLog(SMALL_BYTES);
  sample.epoch();
  const live = new LiveLog(sample, ringBytes);
  onTestFinished(() => live.close());
  return live;
}
