/**
 * An index agent on this thread, on a simulated disk, with a log that grows, jobs that are carried out when the test says so, and a model that is
 * nothing but the list of the log's events. Everything survives what a restart survives.
 */
import { expect } from 'vitest';
import type { ChainState } from '../../src/base/ports.js';
import type { StreamHash } from '../../src/index/stream-hash.js';
import { IndexerAgent } from '../../src/indexer/agent.js';
import type { Direction, IndexerReport, StreamRuns } from '../../src/indexer/commands.js';
import type { IndexJob, JobOutcome } from '../../src/indexer/jobs.js';
import { sendOutcome } from '../../src/indexer/messages.js';
import { createMetadataMemory } from '../../src/indexer/metadata-streams.js';
import { QueryDesk } from '../../src/indexer/query-desk.js';
import { runJob } from '../../src/indexer/run-job.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { RECORD_TYPE } from '../../src/log/record.js';
import { recoverLog } from '../../src/log/recovery.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { createMailbox, MailboxSender } from '../../src/ring/mailbox.js';
import { RingProducer } from '../../src/ring/producer.js';
import { type CrashKind, SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';
import { compareSnapshot, FOLDER, metadataOf, streamsOf, total, writeChunk } from './index-model.js';
import { LOG_ID, type SampleEvent, SampleLog, type SampleRecord } from './sample-log.js';

export const INDEX = `${FOLDER}/index`;
export const CHUNK_BYTES = 65_536;
const RING_BYTES = 1_048_576;

interface RunningIndex {
  readonly agent: IndexerAgent;
  readonly desk: QueryDesk;
  readonly producer: RingProducer;
  readonly durable: Cursor;
  readonly committed: Cursor;
  readonly outcomes: MailboxSender;
}

/** An end that the log once had. */
export interface LogMark {
  readonly chain: ChainState;
  readonly recordsInLastChunk: number;
  readonly records: number;
}

const SEED = { low: 3, high: 4 };

export class IndexRig {
  readonly disk: SimulatedDisk;
  readonly sample = new SampleLog(CHUNK_BYTES);
  readonly reports: IndexerReport[] = [];
  /** The job that waits to be carried out. */
  job: IndexJob | undefined;
  /** Something to be told `again`. */
  isStalled = false;
  readonly eventIds: number;
  readonly #hash: StreamHash | undefined;
  #running: RunningIndex | undefined;
  /** Records of transactions that never ended. */
  readonly #dead = new Set<SampleRecord>();
  #published = 0;
  #committedTo = 0;
  #metadata = createMetadataMemory(SEED);

  constructor({
    seed = 1,
    eventIds = 40,
    hash,
  }: { seed?: number; eventIds?: number; hash?: StreamHash } = {}) {
    this.disk = new SimulatedDisk(new Random(seed));
    this.disk.makeDirectory(FOLDER);
    // The folder of the index can't be told from its files on this disk: it is there from the start.
    this.disk.makeDirectory(INDEX);
    this.eventIds = eventIds;
    this.#hash = hash;
    this.#write(0);
  }

  /** Adds a transaction to the log; a cut one is followed by a new epoch. Seen by the index after {@link advance}. */
  append(events: readonly SampleEvent[], isCut = false): void {
    const heads = new Map(this.sample.heads);
    const before = this.sample.records.length;
    this.sample.transaction(events, isCut);
    if (!isCut) return;
    for (const record of this.sample.records.slice(before)) this.#dead.add(record);
    this.sample.heads.clear();
    for (const [stream, head] of heads) this.sample.heads.set(stream, head);
    this.sample.epoch();
  }

  /** Single events to so many streams in turn. */
  fill(events: number, streams = 5, dataBytes = 100): void {
    for (let i = 0; i < events; i++) {
      this.append([{ stream: `s${i % streams}`, dataBytes }]);
      if (i % 50 === 49 && this.#running !== undefined) this.advance();
    }
    this.advance();
  }

  /** The end of the log as it is now, to {@link start} from. */
  mark(): LogMark {
    const { chain, recordsInLastChunk, records } = this.sample;
    return { chain, recordsInLastChunk, records: records.length };
  }

  /** Starts the index on what is in the log; all of it is committed, or what came before `mark`. */
  start(mark = this.mark()): void {
    const log = recoverLog({ disk: this.disk, kernel, folder: FOLDER });
    const start = mark.chain;
    const ring = createRing({
      ringBytes: RING_BYTES,
      chunkBytes: CHUNK_BYTES,
      recordBytesMax: CHUNK_BYTES,
      start: start.position,
      alignmentGap: () => 0,
    });
    const producer = new RingProducer(ring, kernel, { ...start }, mark.recordsInLastChunk);
    const { control } = producer.memory;
    const [queries, answers, outcomes] = [
      createMailbox(65_536),
      createMailbox(262_144),
      createMailbox(65_536),
    ];
    const durable = new Cursor(control, CONTROL.durable, start.position);
    const committed = new Cursor(control, CONTROL.committed, start.position);
    for (const cursor of [durable, committed, new Cursor(control, CONTROL.indexed, start.position)])
      cursor.store(start.position);
    const recovered = log.kind === 'empty' ? undefined : log;
    const place = {
      folder: FOLDER,
      logId: LOG_ID,
      indexCacheBytes: 8 * 4096,
      retryWindowEvents: this.eventIds,
    };
    this.#metadata = createMetadataMemory(SEED);
    const agent = new IndexerAgent(
      { ring, recovered, ...place, queries, answers, outcomes, seed: SEED, metadata: this.#metadata },
      { disk: this.disk, kernel, hash: this.#hash!, report: (report) => this.#take(report) },
    );
    const desk = new QueryDesk(ring, queries, answers);
    this.#running = { agent, desk, producer, durable, committed, outcomes: new MailboxSender(outcomes) };
    this.#published = mark.records;
    this.#committedTo = start.position;
  }

  /** Ends the agent, as a node that is stopped does. */
  stop(): void {
    this.#running?.agent.close();
    this.#running = undefined;
    this.job = undefined;
    this.isStalled = false;
  }

  /** The process dies, and perhaps the power goes. The log itself was synced. */
  kill(how: CrashKind, random: Random): void {
    this.#running = undefined;
    this.job = undefined;
    this.isStalled = false;
    this.disk.beforeChange = undefined;
    this.disk.crash(random, how);
  }

  /** Commits what the log has got. */
  advance(): void {
    if (this.#running === undefined) {
      this.#write(0);
      return;
    }
    const { producer, durable, committed } = this.#running;
    const from = durable.position;
    for (const record of this.sample.records.slice(this.#published)) {
      while (!producer.hasRoom(record.bytes)) this.#makeRoom();
      const at = producer.claim(record.bytes);
      producer.memory.bytes.set(
        this.sample.bytes.subarray(record.position, record.position + record.bytes),
        at,
      );
      if (producer.framed % CHUNK_BYTES === 0) producer.endChunk(producer.framed / CHUNK_BYTES - 1);
      producer.publish();
    }
    this.#published = this.sample.records.length;
    this.#write(Math.floor(from / CHUNK_BYTES));
    durable.store(this.sample.end);
    committed.store(this.sample.end);
    this.#committedTo = this.sample.end;
  }

  /**
   * Removes events of sealed chunks before `keepFrom`, the last of each stream excepted, and puts the files in place; returns the chunks, of which the
   * index has not been told.
   */
  scavenge(keepFrom: (chunk: number, stream: string) => number): number[] {
    const sealed = Math.floor(this.#committedTo / CHUNK_BYTES);
    const goes = ({ type, position, stream, revision }: SampleRecord) => {
      const chunk = Math.floor(position / CHUNK_BYTES);
      if (type !== RECORD_TYPE.prepare || chunk >= sealed) return false;
      return revision < Math.min(this.sample.heads.get(stream) ?? 0, keepFrom(chunk, stream));
    };
    const records = this.sample.records.filter(goes);
    this.sample.remove(records);
    const chunks = [...new Set(records.map(({ position }) => Math.floor(position / CHUNK_BYTES)))];
    for (const chunk of chunks) writeChunk(this.disk, this.sample, chunk);
    return chunks;
  }

  /** Tells the index that the files of these chunks have fewer records. */
  scavenged(chunks: readonly number[]): void {
    sendOutcome(this.#running!.outcomes, { kind: 'scavenged', chunks });
  }

  scavengeEnded(): void {
    sendOutcome(this.#running!.outcomes, { kind: 'scavenge-ended' });
  }

  /** Works, without carrying out jobs, until there is nothing to do. */
  work(): void {
    const { agent, desk } = this.#running!;
    for (let idle = 0; idle < 3; ) {
      idle = agent.doWork() > 0 ? 0 : idle + 1;
      desk.deliver();
    }
  }

  /** Carries out the job that waits; false if there is none. */
  runJob(): boolean {
    const { job } = this;
    if (job === undefined) {
      if (!this.isStalled) return false;
      this.isStalled = false;
      sendOutcome(this.#running!.outcomes, { kind: 'again' });
      return true;
    }
    const outcome = this.carryOut(job);
    this.job = undefined;
    sendOutcome(this.#running!.outcomes, outcome);
    return true;
  }

  /** Everything is to be read again. */
  scrub(): void {
    sendOutcome(this.#running!.outcomes, { kind: 'next-round' });
    this.settle();
  }

  /** Carries out a job and tells nobody. */
  carryOut(job: IndexJob): JobOutcome {
    return runJob({ disk: this.disk, kernel }, job, { hash: this.#hash });
  }

  /** All of an index file. */
  contentOf(name: string): Uint8Array {
    const file = this.disk.open(`${INDEX}/${name}`, { access: 'read' });
    const bytes = new Uint8Array(this.disk.sizeOf(file));
    this.disk.read(file, bytes, 0, bytes.length, 0);
    this.disk.close(file);
    return bytes;
  }

  /** Works until nothing is left to do for the index's files either. */
  settle(): void {
    this.work();
    while (this.runJob()) this.work();
  }

  /** Where the events of a stream are, as the index says. Carries out jobs if it must. */
  async ask(stream: string, direction: Direction, from: number, eventsMax = 1e6): Promise<StreamRuns> {
    const bytes = new TextEncoder().encode(stream);
    let runs: StreamRuns | undefined;
    const asked = this.#running!.desk.lookup({
      stream: bytes,
      direction,
      from,
      eventsMax,
      bytesMax: 1e9,
    }).then((answer) => {
      runs = answer;
    });
    for (let tries = 0; runs === undefined && tries < 200; tries++) {
      this.work();
      await Promise.resolve();
      if (runs === undefined) this.runJob();
    }
    await asked;
    return runs!;
  }

  /** Up to where the log is in the index. */
  get indexed(): number {
    const { control, descriptor } = this.#running!.producer.memory;
    return new Cursor(control, CONTROL.indexed, descriptor.start).load();
  }

  /** The committed events. */
  get events(): SampleRecord[] {
    return this.sample.events.filter((event) => event.position < this.#committedTo && !this.#dead.has(event));
  }

  /** The same, by stream; what comes before a gap in its revisions counts as gone. */
  get streams(): Map<string, SampleRecord[]> {
    return streamsOf(this.events);
  }

  /** Asks for everything, both ways, from the ends and from the middle, and compares with the model, or with what the streams once were. */
  async expectAll(streams = this.streams): Promise<void> {
    this.work();
    expect((await this.ask('no such stream', 'forwards', 0)).head).toBe(-1);
    for (const [stream, events] of streams) {
      const places = events.map(({ position, bytes }) => [position, bytes] as const);
      const first = events[0]!.revision;
      const head = events.at(-1)!.revision;
      const half = Math.floor((places.length - 1) / 2);
      const middle = first + half;
      if (first > 0) expect((await this.ask(stream, 'backwards', first - 1)).runCount).toBe(0);
      expect([stream, await this.#covered(stream, 'forwards', 0)]).toEqual([
        stream,
        [head, ...total(places)],
      ]);
      const last = await this.ask(stream, 'backwards', Number.POSITIVE_INFINITY, 1);
      expect([last.head, last.positions[0]]).toEqual([head, places.at(-1)![0]]);
      const one = await this.ask(stream, 'forwards', middle, 1);
      expect([one.positions[0], one.bytes[0]]).toEqual(places[half]);
      expect([stream, last.metadata]).toEqual([stream, metadataOf(streams, stream)]);
      const older = total(places.slice(0, half + 1));
      expect([stream, await this.#covered(stream, 'backwards', middle)]).toEqual([stream, [head, ...older]]);
    }
  }

  /** What is left of each stream is where the index says, which may have more of it. */
  async expectAllLeft(): Promise<void> {
    for (const [stream, events] of this.streams) {
      const { head, positions, bytes } = await this.ask(stream, 'forwards', 0);
      expect([stream, head]).toEqual([stream, events.at(-1)!.revision]);
      const isThere = (at: number) => positions.some((from, run) => at >= from && at < from + bytes[run]!);
      expect(events.filter(({ position }) => !isThere(position))).toEqual([]);
    }
  }

  /** Reads page by page to the end: the head, how many events there were, and how many bytes they have. */
  async #covered(stream: string, direction: Direction, from: number): Promise<[number, number, number]> {
    let [count, sum, next] = [0, 0, from];
    for (;;) {
      const runs = await this.ask(stream, direction, next);
      for (let run = 0; run < runs.runCount; run++) {
        count += runs.events[run]!;
        sum += runs.bytes[run]!;
      }
      next = runs.next;
      if (next < 0 || next > runs.head) return [runs.head, count, sum];
    }
  }

  /** Asks for a snapshot and compares it with the model; of a log that was scavenged it may have ids of events that are gone. */
  expectSnapshot(hasGoneIds = false): void {
    this.work();
    const before = this.reports.length;
    this.#running!.desk.askSnapshot();
    for (let tries = 0; tries < 200; tries++) {
      this.work();
      if (this.reports.slice(before).some(({ kind }) => kind === 'snapshot')) break;
      this.runJob();
    }
    const report = this.reports.slice(before).find(({ kind }) => kind === 'snapshot');
    if (report?.kind !== 'snapshot') expect.fail('there is no snapshot');
    compareSnapshot(report.snapshot, this, hasGoneIds);
  }

  get desk(): QueryDesk {
    return this.#running!.desk;
  }

  noted(): string[] {
    return this.reports.flatMap((report) => (report.kind === 'noted' ? report.message : []));
  }

  #take(report: IndexerReport): void {
    if (report.kind === 'job') this.job = report.job;
    else if (report.kind === 'stalled') this.isStalled = true;
    else this.reports.push(report);
  }

  #makeRoom(): void {
    const { producer, durable, committed } = this.#running!;
    this.#write(Math.floor(durable.position / CHUNK_BYTES));
    // Behind whole transactions only, as main does it.
    durable.store(producer.published);
    committed.store(producer.published);
    this.work();
    if (!producer.hasRoom(CHUNK_BYTES)) this.runJob();
  }

  /** Writes the log's chunks from this one on, durably. */
  #write(firstChunk: number): void {
    for (let chunk = firstChunk; chunk === firstChunk || chunk * CHUNK_BYTES <= this.sample.end; chunk++) {
      writeChunk(this.disk, this.sample, chunk);
    }
    this.disk.syncDirectory(FOLDER);
  }
}
