/**
 * Takes the usual appends of a message in one native pass: those with a valid frame, an existing stream, an expectation
 * that holds, new event ids, and room for their records. The pass works on the sequencer's own tables, where they lie; the first append
 * that is anything else ends it, untouched, and the sequencer decides about that one itself. So there is nothing here
 * that the sequencer could not do alone, only slower (tests hold the two against each other). Main thread only.
 */
import { assert } from '../base/assert.js';
import { RUN_END, type RunEnd, type TakeAppends } from '../base/ports.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendLimits } from './append-limits.js';
import type { AppendSink, PendingReplies } from './pending-replies.js';
import type { RecordFramer } from './record-framer.js';
import type { RetryWindow } from './retry-window.js';
import type { StreamHeads } from './stream-heads.js';

/** Appends that came one behind the other in a message. */
export interface AppendRun {
  readonly bytes: Uint8Array;
  /** Where the next frame starts; moves on behind what was taken. */
  at: number;
  /** Most appends to take; counts down. */
  appendsLeft: number;
}

export interface AppendRunParts {
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly heads: StreamHeads;
  readonly retries: RetryWindow;
  readonly pending: PendingReplies;
  readonly limits: AppendLimits;
  readonly preparedEnd: () => number;
}

/** Numbers that go into a pass and come out of it; `Register` of native/append_run.cc. */
const REGISTER = {
  at: 0,
  appendsLeft: 1,
  replyTail: 2,
  retriesAdded: 3,
  ringAt: 4,
  position: 5,
  room: 6,
  records: 7,
  timestamp: 8,
  epoch: 9,
  publishBytes: 10,
  appendBytesMax: 11,
  eventBytesMax: 12,
  transactionBytesMax: 13,
  retrySeedLow: 14,
  retrySeedHigh: 15,
  nameSeedLow: 16,
  nameSeedHigh: 17,
} as const;

/** A pass takes no more than this, so that the queue of answers need not grow far ahead. */
const PASS_APPENDS_MAX = 1024;
/** Left free behind a run, in the ring and in the chunk: room for a Commit, and for the least Padding. */
const RESERVED_BYTES = 128;

export class AppendRuns {
  readonly #take: TakeAppends;
  readonly #parts: AppendRunParts;
  readonly #registers = new Float64Array(Object.keys(REGISTER).length);

  constructor(take: TakeAppends, parts: AppendRunParts) {
    this.#take = take;
    this.#parts = parts;
    const { limits, heads, retries, framer } = parts;
    const registers = this.#registers;
    registers[REGISTER.epoch] = framer.epoch;
    registers[REGISTER.appendBytesMax] = limits.appendBytesMax;
    registers[REGISTER.eventBytesMax] = limits.eventBytesMax;
    registers[REGISTER.transactionBytesMax] = limits.transactionBytesMax;
    registers[REGISTER.retrySeedLow] = retries.seed.low;
    registers[REGISTER.retrySeedHigh] = retries.seed.high;
    registers[REGISTER.nameSeedLow] = heads.names.seed.low;
    registers[REGISTER.nameSeedHigh] = heads.names.seed.high;
  }

  /** One pass over `run`, until about `publishBytes` are framed. Says why it ended. */
  take(run: AppendRun, sink: AppendSink, publishBytes: number): RunEnd {
    const { producer, framer, heads, retries, pending, preparedEnd } = this.#parts;
    const registers = this.#registers;
    const room = Math.min(producer.stretch(), framer.room, preparedEnd() - producer.framed) - RESERVED_BYTES;
    if (room <= 0) return RUN_END.notPlain;
    const appends = Math.min(run.appendsLeft, PASS_APPENDS_MAX);
    const entries = pending.reserve(appends);
    const start = producer.framed;
    registers[REGISTER.at] = run.at;
    registers[REGISTER.appendsLeft] = appends;
    registers[REGISTER.replyTail] = pending.tail;
    registers[REGISTER.retriesAdded] = retries.added;
    registers[REGISTER.ringAt] = producer.framedAt;
    registers[REGISTER.position] = start;
    registers[REGISTER.room] = room;
    registers[REGISTER.timestamp] = framer.timestampUs;
    registers[REGISTER.publishBytes] = publishBytes;
    const { slots, words } = heads.names.memory;
    const end = this.#take(run.bytes, registers, {
      ring: producer.memory.bytes,
      retries: retries.memory,
      nameSlots: slots,
      nameWords: words,
      heads: heads.values,
      replies: entries,
    });
    const framed = registers[REGISTER.position]! - start;
    assert(framed >= 0 && framed <= room, 'a pass frames no more than it may');
    run.at = registers[REGISTER.at]!;
    run.appendsLeft -= appends - registers[REGISTER.appendsLeft]!;
    if (framed === 0) return end;
    retries.added = registers[REGISTER.retriesAdded]!;
    pending.advance(registers[REGISTER.replyTail]!, sink);
    producer.advance(framed, registers[REGISTER.records]!);
    framer.advance(framed);
    return end === RUN_END.allTaken && run.appendsLeft > 0 && run.at < run.bytes.length
      ? RUN_END.publish
      : end;
  }
}
