/** A sequencer over a real ring, whose writer and indexer are the test. */
import { expect } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { type RecordKernel, type TakeAppends, VERIFY_STOP } from '../../src/base/ports.js';
import { type DecodedRecord, decodeRecord } from '../../src/log/decoded-record.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE } from '../../src/log/record.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { draftName } from '../../src/sequencer/draft.js';
import type { LoggedStep } from '../../src/sequencer/drafts.js';
import type { AppendSink, Confirm, Rejection } from '../../src/sequencer/pending-replies.js';
import { RecordFramer } from '../../src/sequencer/record-framer.js';
import { ReignLog } from '../../src/sequencer/reign-log.js';
import { RetryWindow } from '../../src/sequencer/retry-window.js';
import { type AppendOutcome, Sequencer } from '../../src/sequencer/sequencer.js';
import { type KnownHeads, type StreamHead, StreamHeads } from '../../src/sequencer/stream-heads.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import type { AckPolicy } from '../../src/wire/frames.js';
import {
  appendFrame,
  partsFrame,
  stepFrame,
  type TestEvent,
  type TestPart,
  type TestStep,
} from './requests.js';
import { StoredLog } from './stored-log.js';

export const CHUNK_BYTES = 64 * 1024;
export const RING_BYTES = 256 * 1024;
export const RETRY_EVENTS = 1024;
const NAME_SEED = { low: 1, high: 2 };
/** Of a log without events. */
export function noStreams(): KnownHeads {
  return { names: new NameTable(NAME_SEED), revisions: new Float64Array(0), positions: new Float64Array(0) };
}
/** Of appends that nobody asked for. */
const FILLER_TOKEN = 1_000_000;

export type Answer =
  | { token: number; kind: 'appended' | 'duplicate'; revision: number; position: number }
  | { token: number; kind: 'appended' | 'duplicate'; revisions: readonly number[]; position: number }
  | { token: number; kind: 'rejected'; code: string };

export class SequencerRig {
  prepared = CHUNK_BYTES;
  outOfSpace: Rejection | undefined;
  nowUs = 1_000_000;
  /** Who says whether this log is still the newest. */
  confirm: Confirm = (answer) => answer();
  readonly answers: Answer[] = [];
  /** Every sealed byte of the log, gathered when it is made durable. */
  readonly bytes: number[] = [];
  readonly producer: RingProducer;
  readonly log: ReignLog;
  readonly sequencer: Sequencer;
  #durable: Cursor;
  #indexed: Cursor;

  /** How many appends the native pass took. */
  takenInRuns = 0;
  readonly #sink: AppendSink = {
    appended: (token, revision, position, isDuplicate) =>
      this.answers.push({ token, kind: isDuplicate ? 'duplicate' : 'appended', revision, position }),
    appendedParts: (token, revisions, position, isDuplicate) =>
      this.answers.push({ token, kind: isDuplicate ? 'duplicate' : 'appended', revisions, position }),
    rejected: (token, { code }) => this.answers.push({ token, kind: 'rejected', code }),
  };

  /** How often answers that were held were said to be settled. */
  timesSettled = 0;
  /** The log behind the ring. */
  readonly stored: StoredLog;

  /** Why the last message was not taken whole. */
  #stoppedFor: AppendOutcome = 'taken';
  /** The heads of the committed log, as far as they were gathered. */
  readonly #committedHeads = new Map<string, number>();
  readonly #closed = new Set<string>();
  #gathered = 0;
  /** How many streams were looked up in them. */
  lookups = 0;

  /**
   * `takeAppends`: the native pass, which is then tried first on everything. `headBytesMax`: memory for heads that are looked up as they are needed; else
   * all are known.
   */
  constructor(
    takeAppends: TakeAppends | undefined,
    defaultAckPolicy?: AckPolicy,
    kernel: RecordKernel = javascriptKernel,
    headBytesMax?: number,
  ) {
    const descriptor = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: 32 * 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    });
    const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    this.producer = new RingProducer(descriptor, kernel, start, 0);
    this.#durable = new Cursor(this.producer.memory.control, CONTROL.durable, 0);
    this.#indexed = new Cursor(this.producer.memory.control, CONTROL.indexed, 0);
    const { producer } = this;
    const framer = new RecordFramer(producer, { chunkBytes: CHUNK_BYTES, epoch: 1, timestampUs: 0 });
    const clock = { wallUs: () => this.nowUs, monotonicMs: () => 0 };
    const preparedEnd = () => this.prepared;
    this.log = new ReignLog({ producer, framer, clock, preparedEnd, published: () => undefined }, 0);
    this.stored = new StoredLog(this, kernel);
    this.sequencer = new Sequencer({
      producer,
      bodies: { kernel, log: this.stored, settled: () => this.timesSettled++ },
      framer,
      log: this.log,
      heads: new StreamHeads({
        seed: NAME_SEED,
        bytesMax: headBytesMax ?? 2 ** 30,
        all: headBytesMax === undefined ? noStreams() : undefined,
      }),
      headOf: (name) => this.#headOf(name),
      retries: new RetryWindow(RETRY_EVENTS, { low: 3, high: 5 }),
      limits: { appendBytesMax: 16 * 1024, eventBytesMax: 8 * 1024, transactionBytesMax: 32 * 1024 },
      hashSeed: { low: 7, high: 11 },
      transactionTimeoutUs: 60_000_000,
      stepsOf: (name) => this.stepsOf(name),
      preparedEnd,
      outOfSpace: () => this.outOfSpace,
      takeAppends,
      defaultAckPolicy,
      confirm: (answer, abandon) => this.confirm(answer, abandon),
    });
    this.log.openEpoch(new Uint8Array(16));
    this.commit();
  }

  /** Resolves when nothing that waits for a quorum is pending. All that was framed must be committed. */
  async answered(): Promise<void> {
    while (this.sequencer.pending.quorum.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Appends, as often as something has to be looked up for it first. */
  async appendAfterLookups(stream: string, events: TestEvent[], expected = -2): Promise<AppendOutcome> {
    for (;;) {
      const outcome = this.append(stream, events, expected);
      if (outcome !== 'sought') return outcome;
      await new Promise<void>((resolve) => this.sequencer.whenFound(resolve));
    }
  }

  /** The last committed revision of a stream, as an index has it. */
  #headOf(name: Uint8Array): Promise<StreamHead> {
    this.lookups++;
    const log = Uint8Array.from(this.bytes.slice(this.#gathered));
    for (let at = 0; at < log.length; ) {
      const { header, body } = decodeRecord(log, at);
      if (body.kind === 'prepare') this.#committedHeads.set(body.stream, body.revision);
      if (body.kind === 'prepare' && body.eventType === '$tombstone')
        this.#closed.add(body.stream).add(body.stream.slice(2));
      at += occupiedBytes(header.length);
    }
    this.#gathered += log.length;
    const stream = Buffer.from(name).toString();
    const revision = this.#committedHeads.get(stream) ?? -1;
    return Promise.resolve({ revision, isClosed: this.#closed.has(stream) });
  }

  /** The steps of an open transaction, as a node finds them in its log. */
  stepsOf(name: Uint8Array): Promise<readonly (LoggedStep | undefined)[]> {
    const log = Uint8Array.from(this.bytes);
    const steps: (LoggedStep | undefined)[] = [];
    for (let at = 0; at < log.length; ) {
      const { header, body } = decodeRecord(log, at);
      const isStep =
        body.kind === 'draft' && Buffer.compare(draftName(log, at + PREPARE.eventId), name) === 0;
      if (isStep) {
        while (steps.length < body.step) steps.push(undefined);
        steps.push({ content: body.content, position: header.position, timestampUs: header.timestampUs });
      }
      at += occupiedBytes(header.length);
    }
    return Promise.resolve(steps);
  }

  append(stream: string, events: TestEvent[], expected = -2, token = this.answers.length + 1): AppendOutcome {
    const message = appendFrame(stream, events, expected, token);
    return this.receive(message) === message.length ? 'taken' : this.#stoppedFor;
  }

  /** Appends to several streams at once. */
  transact(parts: readonly TestPart[], token = this.answers.length + 1): AppendOutcome {
    const message = partsFrame(parts, token);
    return this.receive(message) === message.length ? 'taken' : this.#stoppedFor;
  }

  /** A step of an open transaction. */
  step(step: TestStep, parts: readonly TestPart[] = [], token = this.answers.length + 1): AppendOutcome {
    const message = stepFrame(step, parts, token);
    return this.receive(message) === message.length ? 'taken' : this.#stoppedFor;
  }

  /** Takes the appends of a message as a session does. Returns where it stopped: its end, or the frame there is no room for. */
  receive(message: Uint8Array): number {
    const frames = new FrameReader();
    const append = new AppendCursor();
    frames.open(message);
    while (frames.next()) {
      const run = { bytes: message, at: frames.at, appendsLeft: 100 };
      this.sequencer.appendRun(run, this.#sink);
      this.takenInRuns += 100 - run.appendsLeft;
      if (run.at > frames.at) {
        frames.skipTo(run.at);
        continue;
      }
      const { view, at, length, requestId } = frames;
      const fault = append.open(message, view, at, length);
      if (fault !== undefined) {
        const rejection: Rejection = { code: 'invalid-request', message: fault, details: {} };
        this.sequencer.pending.quorum.rejected(this.producer.framed, this.#sink, requestId, rejection);
      } else {
        const outcome = this.sequencer.append(append, this.#sink, requestId);
        if (outcome === 'taken') continue;
        this.#stoppedFor = outcome;
        return at;
      }
    }
    return message.length;
  }

  /** Does what writer, commit rule and indexer would: all that is framed becomes durable, committed, indexed. */
  commit(): void {
    this.log.endTurn();
    const { memory, framed } = this.producer;
    for (let p = this.#durable.position; p < framed; p++) this.bytes.push(memory.bytes[memory.offsetOf(p)]!);
    this.#durable.store(framed);
    this.#indexed.store(framed);
    this.log.setCommitted(framed);
    this.sequencer.pending.quorum.release(framed);
  }

  /** Appends and commits until what was appended so far has left the ring. */
  leaveRing(): void {
    const { framed } = this.producer;
    while (this.producer.floor < framed) {
      this.prepared = 2 * RING_BYTES + this.producer.framed;
      this.append('filler', [{ data: new Uint8Array(8_000) }], -2, FILLER_TOKEN);
      this.commit();
    }
  }

  /** Puts Removed records in the place of those that `isGone` names, as they stand in the log behind the ring. */
  remove(isGone: (record: DecodedRecord) => boolean): void {
    const log = Uint8Array.from(this.bytes);
    const view = new DataView(log.buffer);
    for (let at = 0; at < log.length; ) {
      const record = decodeRecord(log, at);
      const { length, crc, chain, previousLength, type, flags, position, epoch } = record.header;
      const end = at + occupiedBytes(length);
      if (isGone(record)) {
        view.setUint8(at + RECORD.type, RECORD_TYPE.removed);
        view.setUint16(at + RECORD.flags, (flags & 3) | (type << 8), true);
        log.fill(0, at + RECORD.body, end);
        view.setUint32(at + RECORD.body, crc, true);
        javascriptKernel.seal(log, at, end - at, { position, chain, previousLength, epoch });
      }
      at = end;
    }
    for (const [at, byte] of log.entries()) this.bytes[at] = byte;
  }

  /** Checks the whole log with the independent verifier; returns the types of its records. */
  verifiedTypes(): number[] {
    const bytes = Uint8Array.from(this.bytes);
    const state = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    expect(javascriptKernel.verify(bytes, 0, bytes.length, state)).toBe(VERIFY_STOP.end);
    const types: number[] = [];
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += (view.getUint32(at + RECORD.length, true) + 7) & ~7) {
      types.push(bytes[at + RECORD.type]!);
    }
    return types;
  }
}
