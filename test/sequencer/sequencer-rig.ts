/** A sequencer over a real ring, whose writer and indexer are the test. */
import { expect } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { type TakeAppends, VERIFY_STOP } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { RECORD } from '../../src/log/record.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import type { AppendSink, Rejection } from '../../src/sequencer/pending-replies.js';
import { RecordFramer } from '../../src/sequencer/record-framer.js';
import { ReignLog } from '../../src/sequencer/reign-log.js';
import { RetryWindow } from '../../src/sequencer/retry-window.js';
import { Sequencer } from '../../src/sequencer/sequencer.js';
import { StreamHeads } from '../../src/sequencer/stream-heads.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import type { AckPolicy } from '../../src/wire/frames.js';
import { appendFrame, partsFrame, type TestEvent, type TestPart } from './requests.js';

export const CHUNK_BYTES = 64 * 1024;
export const RING_BYTES = 256 * 1024;
export const RETRY_EVENTS = 1024;

export type Answer =
  | { token: number; kind: 'appended' | 'duplicate'; revision: number; position: number }
  | { token: number; kind: 'appended' | 'duplicate'; revisions: readonly number[]; position: number }
  | { token: number; kind: 'rejected'; code: string };

export class SequencerRig {
  prepared = CHUNK_BYTES;
  outOfSpace: Rejection | undefined;
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

  /** `takeAppends`: the native pass, which is then tried first on everything. */
  constructor(takeAppends: TakeAppends | undefined, defaultAckPolicy?: AckPolicy) {
    const descriptor = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: 32 * 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    });
    const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    this.producer = new RingProducer(descriptor, javascriptKernel, start, 0);
    this.#durable = new Cursor(this.producer.memory.control, CONTROL.durable, 0);
    this.#indexed = new Cursor(this.producer.memory.control, CONTROL.indexed, 0);
    const { producer } = this;
    const framer = new RecordFramer(producer, { chunkBytes: CHUNK_BYTES, epoch: 1, timestampUs: 0 });
    const clock = { wallUs: () => 1_000_000, monotonicMs: () => 0 };
    const preparedEnd = () => this.prepared;
    this.log = new ReignLog({ producer, framer, clock, preparedEnd, published: () => undefined }, 0);
    this.sequencer = new Sequencer({
      producer,
      framer,
      log: this.log,
      heads: new StreamHeads(new NameTable({ low: 1, high: 2 }), new Float64Array(0), new Float64Array(0)),
      retries: new RetryWindow(RETRY_EVENTS, { low: 3, high: 5 }),
      limits: { appendBytesMax: 16 * 1024, eventBytesMax: 8 * 1024, transactionBytesMax: 32 * 1024 },
      hashSeed: { low: 7, high: 11 },
      preparedEnd,
      outOfSpace: () => this.outOfSpace,
      takeAppends,
      defaultAckPolicy,
    });
    this.log.openEpoch(new Uint8Array(16));
    this.commit();
  }

  append(
    stream: string,
    events: TestEvent[],
    expected = -2,
    token = this.answers.length + 1,
  ): 'taken' | 'retry' {
    const message = appendFrame(stream, events, expected, token);
    return this.receive(message) === message.length ? 'taken' : 'retry';
  }

  /** Appends to several streams at once. */
  transact(parts: readonly TestPart[], token = this.answers.length + 1): 'taken' | 'retry' {
    const message = partsFrame(parts, token);
    return this.receive(message) === message.length ? 'taken' : 'retry';
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
      } else if (this.sequencer.append(append, this.#sink, requestId) === 'retry') {
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
