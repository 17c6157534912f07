import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { VERIFY_STOP } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { RECORD, RECORD_TYPE } from '../../src/log/record.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import type { Rejection } from '../../src/sequencer/pending-replies.js';
import { RecordFramer } from '../../src/sequencer/record-framer.js';
import { RetryWindow } from '../../src/sequencer/retry-window.js';
import { Sequencer } from '../../src/sequencer/sequencer.js';
import { StreamHeads } from '../../src/sequencer/stream-heads.js';
import { appendFrame, idOf, openAppend, type TestEvent } from './requests.js';

const CHUNK_BYTES = 64 * 1024;
const RING_BYTES = 256 * 1024;

type Answer =
  | { token: number; kind: 'appended' | 'duplicate'; revision: number; position: number }
  | { token: number; kind: 'rejected'; code: string };

/** A sequencer over a real ring, whose writer and indexer are the test. */
class Bench {
  prepared = CHUNK_BYTES;
  outOfSpace: Rejection | undefined;
  readonly answers: Answer[] = [];
  /** Every sealed byte of the log, gathered when it is made durable. */
  readonly log: number[] = [];
  readonly producer: RingProducer;
  readonly sequencer: Sequencer;
  #durable: Cursor;
  #indexed: Cursor;

  constructor() {
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
    this.sequencer = new Sequencer({
      producer: this.producer,
      framer: new RecordFramer(this.producer, { chunkBytes: CHUNK_BYTES, epoch: 1, timestampUs: 0 }),
      heads: new StreamHeads(new NameTable({ low: 1, high: 2 }), new Float64Array(0), new Float64Array(0)),
      retries: new RetryWindow(1024, { low: 3, high: 5 }),
      limits: { appendBytesMax: 16 * 1024, eventBytesMax: 8 * 1024, transactionBytesMax: 32 * 1024 },
      hashSeed: { low: 7, high: 11 },
      clock: { wallUs: () => 1_000_000, monotonicMs: () => 0 },
      preparedEnd: () => this.prepared,
      outOfSpace: () => this.outOfSpace,
    });
    this.sequencer.openEpoch(new Uint8Array(16));
    this.commit();
  }

  append(stream: string, events: TestEvent[], expected = -2, token = this.answers.length): string {
    return this.sequencer.append(
      openAppend(appendFrame(stream, events, expected)),
      {
        appended: (token, revision, position, isDuplicate) =>
          this.answers.push({ token, kind: isDuplicate ? 'duplicate' : 'appended', revision, position }),
        rejected: (token, { code }) => this.answers.push({ token, kind: 'rejected', code }),
      },
      token,
    );
  }

  /** Does what writer, commit rule and indexer would: all that is framed becomes durable, committed, indexed. */
  commit(): void {
    this.sequencer.publish();
    const { memory, framed } = this.producer;
    for (let p = this.#durable.position; p < framed; p++) this.log.push(memory.bytes[memory.offsetOf(p)]!);
    this.#durable.store(framed);
    this.#indexed.store(framed);
    this.sequencer.setCommitted(framed);
    this.sequencer.pending.release(framed);
  }

  /** Checks the whole log with the independent verifier; returns the types of its records. */
  verifiedTypes(): number[] {
    const bytes = Uint8Array.from(this.log);
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

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('expected revisions', () => {
  // [events in the stream before, expected revision, outcome]
  test.each([
    [0, -2, 'appended'],
    [0, -1, 'appended'],
    [0, -4, 'rejected'],
    [0, 0, 'rejected'],
    [3, -2, 'appended'],
    [3, -1, 'rejected'],
    [3, -4, 'appended'],
    [3, 2, 'appended'],
    [3, 1, 'rejected'],
    [3, 3, 'rejected'],
  ])('with %i events in the stream, expecting %i is %s', (before, expected, outcome) => {
    for (let i = 0; i < before; i++) bench.append('s', [{}]);
    bench.append('s', [{}], expected, 99);
    bench.commit();
    expect(bench.answers.at(-1)).toMatchObject({ token: 99, kind: outcome });
  });

  test('pending events count: of two appends in one turn that expect the same, the first wins', () => {
    bench.append('s', [{}], -1, 1);
    bench.append('s', [{}], -1, 2);
    bench.commit();
    expect(bench.answers).toMatchObject([
      { token: 1, kind: 'appended', revision: 0 },
      { token: 2, kind: 'rejected', code: 'wrong-expected-revision' },
    ]);
  });
});

describe('answers', () => {
  test('nothing is answered before it is committed, not even a rejection that rests on it', () => {
    bench.append('s', [{}], -1, 1);
    bench.append('s', [{}], 7, 2);
    bench.sequencer.publish();
    bench.sequencer.pending.release(0);
    expect(bench.answers).toEqual([]);
    bench.commit();
    expect(bench.answers.map(({ token }) => token)).toEqual([1, 2]);
  });

  test('a retry gets the original result, whatever it expects, and writes nothing', () => {
    const events = [{ id: idOf(1) }, { id: idOf(2) }];
    bench.append('s', events, -1, 1);
    bench.commit();
    const { framed } = bench.producer;
    bench.append('s', events, -1, 2);
    bench.append('s', events, 5, 3);
    bench.commit();
    expect(bench.producer.framed).toBe(framed);
    const [first, second, third] = bench.answers;
    expect(second).toEqual({ ...first, token: 2, kind: 'duplicate' });
    expect(third).toEqual({ ...first, token: 3, kind: 'duplicate' });
  });

  test('a retry of something that is still pending waits for it', () => {
    bench.append('s', [{ id: idOf(1) }], -2, 1);
    bench.append('s', [{ id: idOf(1) }], -2, 2);
    expect(bench.answers).toEqual([]);
    bench.commit();
    expect(bench.answers).toMatchObject([{ kind: 'appended' }, { kind: 'duplicate', revision: 0 }]);
  });

  test.each([
    ['half of it is new', 's', [idOf(1), idOf(9)]],
    ['it names another stream', 't', [idOf(1), idOf(2)]],
    ['its order differs', 's', [idOf(2), idOf(1)]],
    ['an id repeats', 'u', [idOf(7), idOf(7)]],
  ])('known ids are a conflict if %s', (_why, stream, ids) => {
    bench.append('s', [{ id: idOf(1) }, { id: idOf(2) }], -2, 1);
    bench.append(
      stream,
      ids.map((id) => ({ id })),
      -2,
      2,
    );
    bench.commit();
    expect(bench.answers[1]).toMatchObject({ token: 2, kind: 'rejected', code: 'event-id-conflict' });
  });

  test('an event over the limit is refused and nothing is written', () => {
    const { framed } = bench.producer;
    bench.append('s', [{ data: new Uint8Array(9000) }], -2, 1);
    bench.commit();
    expect(bench.answers).toMatchObject([{ kind: 'rejected', code: 'request-too-large' }]);
    expect(bench.producer.framed).toBe(framed);
  });
});

test('many tiny events that would take more records than a chunk can hold are refused, not kept waiting', () => {
  bench.append(
    'a long stream name '.repeat(40),
    Array.from({ length: 100 }, () => ({})),
    -2,
    1,
  );
  bench.commit();
  expect(bench.answers).toMatchObject([{ kind: 'rejected', code: 'request-too-large' }]);
});

describe('room', () => {
  test('without a next chunk appends wait near the end of this one, and go on when there is one', () => {
    const event = { data: new Uint8Array(4000) };
    let taken = 0;
    while (bench.append('s', [event]) === 'taken') taken++;
    expect(taken).toBeGreaterThan(12);
    expect(bench.producer.framed).toBeLessThanOrEqual(CHUNK_BYTES);
    bench.prepared = 2 * CHUNK_BYTES;
    for (let i = 0; i < 3; i++) expect(bench.append('s', [event])).toBe('taken');
    bench.commit();
    expect(bench.answers).toHaveLength(taken + 3);
    expect(bench.verifiedTypes()).toContain(RECORD_TYPE.padding);
  });

  test('with a full disk they are refused instead, and taken again afterwards', () => {
    const event = { data: new Uint8Array(4000) };
    while (bench.append('s', [event]) === 'taken');
    bench.outOfSpace = { code: 'disk-full', message: 'full', details: {} };
    expect(bench.append('s', [event], -2, 77)).toBe('taken');
    bench.commit();
    expect(bench.answers.at(-1)).toMatchObject({ token: 77, code: 'disk-full' });
    bench.outOfSpace = undefined;
    bench.prepared = 2 * CHUNK_BYTES;
    expect(bench.append('s', [event])).toBe('taken');
  });

  test('a full ring makes appends wait until the writer and the indexer get on', () => {
    bench.prepared = 100 * CHUNK_BYTES;
    const event = { data: new Uint8Array(4000) };
    let taken = 0;
    while (bench.append('s', [event]) === 'taken') taken++;
    expect(taken).toBeGreaterThan(55);
    bench.commit();
    expect(bench.append('s', [event])).toBe('taken');
  });
});

test('whatever is appended, the log verifies, chunks end where they must, and committed ends are recorded', () => {
  const request = fc.record({
    stream: fc.constantFrom('a', 'b', 'a longer name, with ümlauts'),
    sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 5 }),
    commitAfter: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(request, { minLength: 20, maxLength: 120 }), (requests) => {
      const bench = new Bench();
      bench.prepared = 1000 * CHUNK_BYTES;
      const heads = new Map<string, number>();
      let token = 0;
      for (const { stream, sizes, commitAfter } of requests) {
        const events = sizes.map((size) => ({ data: new Uint8Array(size).fill(7) }));
        if (bench.append(stream, events, heads.get(stream) ?? -1, token) === 'retry') {
          bench.commit();
          expect(bench.append(stream, events, heads.get(stream) ?? -1, token)).toBe('taken');
        }
        heads.set(stream, (heads.get(stream) ?? -1) + sizes.length);
        token++;
        if (commitAfter) bench.commit();
      }
      bench.commit();
      expect(bench.answers.every(({ kind }) => kind === 'appended')).toBe(true);
      const types = bench.verifiedTypes();
      expect(types[0]).toBe(RECORD_TYPE.epoch);
      expect(types.filter((type) => type === RECORD_TYPE.prepare)).toHaveLength(
        requests.reduce((sum, { sizes }) => sum + sizes.length, 0),
      );
    }),
    { numRuns: 60 },
  );
});

test('a full ring is no full disk: appends wait although no further chunk can be made', () => {
  const bench = new Bench();
  bench.prepared = 100 * CHUNK_BYTES;
  bench.outOfSpace = { code: 'disk-full', message: 'full', details: {} };
  const event = { data: new Uint8Array(4000) };
  while (bench.append('s', [event]) === 'taken');
  bench.commit();
  expect(bench.answers.every(({ kind }) => kind === 'appended')).toBe(true);
  expect(bench.append('s', [event])).toBe('taken');
});
