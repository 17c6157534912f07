/**
 * The ring of a node that takes records of others, writes its own, and is cut, against a log that is kept whole: whatever the order, the ring
 * has what it says it has, and has given up nothing that somebody still needs.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { Cursor } from '../../src/ring/cursor.js';
import { BLOCK_BYTES, CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { endOf, NaiveLog } from '../log/naive-log.js';

const RING_BYTES = 64 * 1024;
const RECORD_BYTES_MAX = 8 * 1024;
const RANGE_RECORDS_MAX = 4;

/** A ring, the naive log, and the threads that would follow the ring. */
class Rig {
  readonly log: NaiveLog;
  readonly producer: RingProducer;
  readonly start: number;
  /** Where the log ended when the ring was made. */
  readonly #recoveredEnd: number;
  /** The furthest that the log ever was. */
  highest: number;
  committed: number;
  readonly #durable: Cursor;
  readonly #indexed: Cursor;

  /** The ring is made for a log that is committed up to `start`. */
  constructor(log: NaiveLog, start: number) {
    this.log = log;
    this.start = start;
    this.#recoveredEnd = log.end;
    this.highest = log.end;
    this.committed = start;
    const ring = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: RECORD_BYTES_MAX,
      chunkBytes: log.chunkBytes,
      start,
      alignmentGap: () => 0,
    });
    const recordsInChunk = log.recordsInChunkAt(log.end);
    this.producer = new RingProducer(ring, javascriptKernel, log.stateAt(log.end), recordsInChunk);
    const { memory } = this.producer;
    this.#durable = new Cursor(memory.control, CONTROL.durable, start);
    this.#indexed = new Cursor(memory.control, CONTROL.indexed, start);
    // As a start loads it: the tail, from the block that it begins in.
    const whole = log.bytes();
    for (let p = start - (start % BLOCK_BYTES); p < log.end; p++)
      memory.bytes[memory.offsetOf(p)] = whole[p]!;
    memory.bytes.copyWithin(RING_BYTES, 0, memory.descriptor.apronBytes);
  }

  get durable(): number {
    return this.#durable.load();
  }

  /** Adds records to the naive log with `write`, and as many of them to the ring as there is room for; the others are forgotten. */
  grow(how: 'take' | 'claim', write: (log: NaiveLog) => void): void {
    const from = this.log.end;
    write(this.log);
    const end = how === 'take' ? this.#take(from) : this.#claim(from);
    this.log.truncate(end);
    this.highest = Math.max(this.highest, end);
  }

  /** Writes, commits and indexes: each up to some share of what it may. */
  settle(durableShare: number, committedShare: number): void {
    const ends = this.log.records.map(endOf).filter((end) => end > this.durable);
    const durable = ends[Math.ceil(durableShare * ends.length) - 1];
    if (durable !== undefined) this.#durable.store(durable);
    const commits = this.log.records.map(endOf).filter((end) => end > this.committed && end <= this.durable);
    this.committed = commits[Math.ceil(committedShare * commits.length) - 1] ?? this.committed;
    this.#indexed.store(this.committed);
  }

  /** Cuts the log at some share of what isn't committed, as the writer and main do. */
  cut(share: number): void {
    this.#durable.store(this.log.end);
    const places = this.log.places.filter((place) => place >= this.committed);
    const to = places[Math.floor(share * (places.length - 1))]!;
    this.log.truncate(to);
    this.#durable.store(to);
    this.producer.rewind(this.log.stateAt(to), this.log.recordsInChunkAt(to));
  }

  check(): void {
    const { producer, log, start } = this;
    expect(producer.framed).toBe(log.end);
    expect(producer.published).toBe(log.end);
    expect(producer.end).toEqual(log.stateAt(log.end));
    expect(producer.lastLength).toBe(log.records.at(-1)?.length ?? 0);
    expect(producer.floor).toBe(Math.max(start, this.highest - RING_BYTES));
    expect(producer.floor).toBeLessThanOrEqual(Math.max(start, this.committed));
    this.#checkRecords();
    this.#checkBlocks();
    this.#checkChunkEnds();
  }

  #take(from: number): number {
    const { producer, log } = this;
    let end = from;
    for (;;) {
      // As ranges come: some whole records, up to the end of a chunk at most.
      const chunkEnd = (Math.floor(end / log.chunkBytes) + 1) * log.chunkBytes;
      const rest = log.records.filter(({ position }) => position >= end && position < chunkEnd);
      const range = rest.slice(0, RANGE_RECORDS_MAX);
      const last = range.at(-1);
      if (last === undefined || !producer.hasRoom(endOf(last) - end)) return end;
      producer.take(log.bytes(end, endOf(last)), range.length, log.stateAt(endOf(last)));
      end = endOf(last);
    }
  }

  #claim(from: number): number {
    const { producer, log } = this;
    let end = from;
    for (const record of log.records.filter(({ position }) => position >= from)) {
      if (!producer.hasRoom(record.bytes.length)) break;
      const at = producer.claim(record.bytes.length);
      producer.memory.bytes.set(record.bytes, at);
      end = endOf(record);
      if (end % log.chunkBytes === 0) producer.endChunk(end / log.chunkBytes - 1);
    }
    producer.publish();
    return end;
  }

  /** Every record that the ring says it has stands there in one piece. */
  #checkRecords(): void {
    const { memory, floor } = this.producer;
    for (const { position, bytes } of this.log.records) {
      if (position < floor) continue;
      const at = memory.offsetOf(position);
      if (Buffer.compare(memory.bytes.subarray(at, at + bytes.length), bytes) !== 0)
        expect.fail(`the record at ${position} is not in the ring`);
    }
  }

  /** The writer finds the block that it writes next, without the apron. */
  #checkBlocks(): void {
    const { memory } = this.producer;
    const whole = this.log.bytes();
    const from = Math.min(this.durable, this.committed);
    for (let p = from - (from % BLOCK_BYTES); p < whole.length; p++) {
      if (memory.bytes[memory.offsetOf(p)] !== whole[p]) expect.fail(`byte ${p} is not in the ring`);
    }
  }

  /** What the writer needs to seal a chunk is there, for all that were filled since the start. */
  #checkChunkEnds(): void {
    const { memory, floor } = this.producer;
    const { chunkBytes, end } = this.log;
    for (let number = Math.ceil(floor / chunkBytes); (number + 1) * chunkBytes <= end; number++) {
      if ((number + 1) * chunkBytes <= this.#recoveredEnd) continue;
      const { chain, previousLength, epoch } = this.log.stateAt((number + 1) * chunkBytes);
      const count = this.log.records.filter(({ position }) => Math.floor(position / chunkBytes) === number);
      const at = memory.chunkEndAt(number);
      const noted = Array.from(memory.chunkEnds.subarray(at, at + 4));
      expect(noted).toEqual([chain, previousLength, epoch, count.length]);
    }
  }
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
/** Mostly the threads have caught up. */
const settled = fc.oneof(share, fc.constant(1));
const sizes = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 300 }) }, fc.integer({ min: 0, max: 7_900 })),
  { minLength: 1, maxLength: 12 },
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('take' as const, 'claim' as const), sizes }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), durable: settled, committed: settled }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), share }) },
);

describe('whatever is taken, written and cut, in whatever order', () => {
  // In the first a chunk is less than a ring, and most rings end within one; in the second several rings are a chunk.
  test.each([20 * 1024, 256 * 1024])('the ring has what it says it has; chunks of %i bytes', (chunkBytes) => {
    let [wraps, cuts] = [0, 0];
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        share,
        fc.array(step, { minLength: 40, maxLength: 100 }),
        (events, startShare, steps) => {
          const log = new NaiveLog(chunkBytes).reign(1);
          for (let i = 0; i < events; i++) log.event(3_000);
          const start = log.places[Math.floor(startShare * (log.places.length - 1))]!;
          const rig = new Rig(log, start);
          rig.check();
          for (const one of steps) {
            if (one.kind === 'settle') rig.settle(one.durable, one.committed);
            else if (one.kind === 'cut') {
              const before = rig.log.end;
              rig.cut(one.share);
              if (rig.log.end < before) cuts++;
              // Who cuts has a new leader.
              rig.grow('take', (log) => log.reign(log.epoch + 1));
            } else
              rig.grow(one.kind, (log) => {
                for (const [i, size] of one.sizes.entries())
                  i % 5 === 4 ? log.commit(rig.committed) : log.event(size);
              });
            rig.check();
          }
          wraps += Math.floor(rig.highest / RING_BYTES);
        },
      ),
      { numRuns: 30 },
    );
    expect(wraps).toBeGreaterThan(20);
    expect(cuts).toBeGreaterThan(20);
  });
});

describe('room', () => {
  const full = (): Rig => {
    const rig = new Rig(new NaiveLog(256 * 1024).reign(1), 0);
    rig.grow('take', (log) => {
      for (let i = 0; i < 40; i++) log.event(3_000);
    });
    return rig;
  };

  test('is what the slower of writer and index has left, up to the block that the writer writes again', () => {
    const rig = full();
    const free = RING_BYTES - rig.log.end;
    expect(rig.producer.hasRoom(free)).toBe(true);
    expect(rig.producer.hasRoom(free + 8)).toBe(false);
    rig.settle(1, 0);
    expect(rig.producer.hasRoom(free + 8)).toBe(false);
    rig.settle(1, 0.5);
    const reclaimed = rig.committed - (rig.committed % BLOCK_BYTES);
    expect(rig.producer.hasRoom(free + reclaimed)).toBe(true);
    expect(rig.producer.hasRoom(free + reclaimed + 8)).toBe(false);
  });

  test('comes back when the log is cut', () => {
    const rig = full();
    rig.cut(0);
    expect(rig.log.end).toBe(0);
    expect(rig.producer.hasRoom(RING_BYTES)).toBe(true);
    rig.check();
  });

  test('may be taken to the last byte', () => {
    const rig = full();
    const left = RING_BYTES - rig.log.end;
    rig.grow('take', (log) => log.event(left - 88));
    expect(rig.log.end).toBe(RING_BYTES);
    rig.check();
    expect(rig.producer.hasRoom(8)).toBe(false);
  });
});

describe('the ring refuses to be misused:', () => {
  const rig = (): Rig => {
    const log = new NaiveLog(256 * 1024).reign(1).event(100);
    return new Rig(log, log.end);
  };

  test('records that do not continue the log', () => {
    const { producer, log } = rig();
    const state = log.event(10).stateAt(log.end);
    const bytes = log.bytes(producer.framed);
    expect(() => producer.take(bytes, 1, { ...state, position: state.position + 8 })).toThrow(
      /where the log ends/,
    );
  });

  test('records while some of its own are not published', () => {
    const { producer, log } = rig();
    producer.claim(96);
    const from = log.end;
    log.event(10);
    expect(() => producer.take(log.bytes(from), 1, log.stateAt(log.end))).toThrow(/on its way/);
    expect(() => producer.end).toThrow(/published/);
  });

  test('a cut before what was committed when it was made', () => {
    const { producer, log } = rig();
    expect(() => producer.rewind(log.stateAt(64), 1)).toThrow(/committed/);
  });
});
