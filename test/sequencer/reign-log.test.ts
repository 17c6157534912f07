/** The log as a leader writes it, over a real ring: what its own records say, when they are published, and when there is no room. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { VERIFY_STOP } from '../../src/base/ports.js';
import { type DecodedRecord, decodeRecord } from '../../src/log/decoded-record.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { occupiedBytes } from '../../src/log/record.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL, createRing } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import { RecordFramer } from '../../src/sequencer/record-framer.js';
import { ReignLog } from '../../src/sequencer/reign-log.js';
import { appendFrame, openAppend } from './requests.js';

const RING_BYTES = 128 * 1024;
const CHUNK_BYTES = 40 * 1024;
const EPOCH = 7;
const NOW_MS = 5;
const LEADER = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

class Rig {
  prepared = Number.MAX_SAFE_INTEGER;
  appendsEnd = Number.MAX_SAFE_INTEGER;
  nowUs = 1_000;
  clockReads = 0;
  /** Where the log ended each time that something was published. */
  readonly published: number[] = [];
  /** What it said then of when the turn began. */
  readonly turnsBeganMs: (number | undefined)[] = [];
  readonly producer: RingProducer;
  readonly framer: RecordFramer;
  readonly log: ReignLog;
  readonly #durable: Cursor;
  readonly #indexed: Cursor;
  #bytes = Buffer.alloc(0);

  constructor() {
    const ring = createRing({
      ringBytes: RING_BYTES,
      recordBytesMax: 32 * 1024,
      chunkBytes: CHUNK_BYTES,
      start: 0,
      alignmentGap: () => 0,
    });
    const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    this.producer = new RingProducer(ring, javascriptKernel, start, 0);
    const { producer } = this;
    this.#durable = new Cursor(producer.memory.control, CONTROL.durable, 0);
    this.#indexed = new Cursor(producer.memory.control, CONTROL.indexed, 0);
    this.framer = new RecordFramer(producer, { chunkBytes: CHUNK_BYTES, epoch: EPOCH, timestampUs: 500 });
    const wallUs = () => {
      this.clockReads++;
      return this.nowUs;
    };
    this.log = new ReignLog(
      {
        producer,
        framer: this.framer,
        clock: { wallUs, monotonicMs: () => NOW_MS },
        preparedEnd: () => this.prepared,
        appendsEnd: () => Math.min(this.appendsEnd, this.prepared),
        published: ({ position }) => {
          this.published.push(position);
          this.turnsBeganMs.push(this.log.turnBeganMs);
        },
      },
      0,
    );
  }

  /** An event, as the sequencer has it framed. False: there was no room. */
  event(dataBytes: number): boolean {
    const append = openAppend(appendFrame('s', [{ data: new Uint8Array(dataBytes) }]));
    const bytes = 200 + dataBytes;
    if (this.log.roomFor(bytes, bytes) !== 'enough') return false;
    this.log.beginTurn();
    append.nextEvent();
    this.framer.prepare(append, 0, -1, true);
    this.log.noteRecords();
    this.log.publishIfEnough();
    return true;
  }

  /** All that is published is durable, committed and indexed. */
  commit(): void {
    this.keep();
    const { published } = this.producer;
    this.#durable.store(published);
    this.#indexed.store(published);
    this.log.setCommitted(published);
  }

  /** Keeps a copy of what was published since. */
  keep(): void {
    const { memory, published } = this.producer;
    const more = Buffer.alloc(published - this.#bytes.length);
    for (let i = 0; i < more.length; i++) more[i] = memory.bytes[memory.offsetOf(this.#bytes.length + i)]!;
    this.#bytes = Buffer.concat([this.#bytes, more]);
  }

  /** The records so far, verified. */
  records(): DecodedRecord[] {
    this.keep();
    const state = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    expect(javascriptKernel.verify(this.#bytes, 0, this.#bytes.length, state)).toBe(VERIFY_STOP.end);
    const records: DecodedRecord[] = [];
    for (let at = 0; at < this.#bytes.length; at += occupiedBytes(records.at(-1)!.header.length))
      records.push(decodeRecord(this.#bytes, at));
    return records;
  }

  kinds(): string[] {
    return this.records().map(({ body }) => body.kind);
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

describe('a reign', () => {
  test('begins with its Epoch record, which names the leader', () => {
    expect(rig.log.openEpoch(LEADER)).toBe(true);
    rig.log.endTurn();
    const [record] = rig.records();
    expect(record).toMatchObject({
      header: { epoch: EPOCH, position: 0 },
      body: { kind: 'epoch', instanceId: '01020304-0506-0708-090a-0b0c0d0e0f10' },
    });
  });

  test('has Membership records with just what they were given', () => {
    const content = Uint8Array.from({ length: 77 }, (_, i) => i);
    rig.log.openEpoch(LEADER);
    expect(rig.log.membership(content)).toBe(true);
    rig.log.endTurn();
    expect(rig.records().at(-1)!.body).toEqual({ kind: 'membership', content: Buffer.from(content) });
  });

  test('tells where the log ends, once a turn, and not if nothing was framed', () => {
    rig.log.openEpoch(LEADER);
    rig.log.membership(new Uint8Array(10));
    expect(rig.published).toEqual([]);
    rig.log.endTurn();
    rig.log.endTurn();
    expect(rig.published).toEqual([rig.producer.framed]);
  });
});

test('when a turn began is told of events, not of what the reign writes by itself', () => {
  rig.log.openEpoch(LEADER);
  rig.log.endTurn();
  rig.event(10);
  rig.log.endTurn();
  rig.commit();
  rig.log.recordCommit();
  rig.log.endTurn();
  rig.log.membership(new Uint8Array(10));
  rig.log.endTurn();
  expect(rig.turnsBeganMs).toEqual([undefined, NOW_MS, undefined, undefined]);
});

describe('a Commit record', () => {
  beforeEach(() => {
    rig.log.openEpoch(LEADER);
    rig.log.endTurn();
    rig.commit();
  });

  test('rides with the first records after a commit, and names all that was committed', () => {
    const committed = rig.producer.published;
    rig.event(10);
    rig.log.endTurn();
    expect(rig.kinds()).toEqual(['epoch', 'prepare', 'commit']);
    expect(rig.records().at(-1)!.body).toEqual({ kind: 'commit', committed });
  });

  test('is not written twice for the same', () => {
    for (let i = 0; i < 3; i++) {
      rig.event(10);
      rig.log.endTurn();
    }
    expect(rig.kinds()).toEqual(['epoch', 'prepare', 'commit', 'prepare', 'prepare']);
  });

  test('can be written by itself, once, and then none is owed: nothing follows from a Commit', () => {
    expect(rig.log.owesCommit).toBe(true);
    rig.log.recordCommit();
    rig.log.recordCommit();
    rig.log.endTurn();
    expect(rig.kinds()).toEqual(['epoch', 'commit']);
    rig.commit();
    expect(rig.log.owesCommit).toBe(false);
    rig.log.recordCommit();
    rig.log.endTurn();
    expect(rig.kinds()).toEqual(['epoch', 'commit']);
  });

  test('is never behind what it names in the same turn, and comes once in a large one', () => {
    const committed = rig.producer.published;
    for (let i = 0; i < 10; i++) expect(rig.event(9_000)).toBe(true);
    rig.log.endTurn();
    const commits = rig.records().filter(({ body }) => body.kind === 'commit');
    expect(commits.map(({ body }) => body)).toEqual([{ kind: 'commit', committed }]);
  });
});

describe('a large turn', () => {
  test('is published in parts, each of whole requests, so that the writer can begin', () => {
    rig.log.openEpoch(LEADER);
    for (let i = 0; i < 11; i++) expect(rig.event(9_000)).toBe(true);
    expect(rig.published).toHaveLength(1);
    const first = rig.published[0]!;
    expect(first).toBeGreaterThanOrEqual(64 * 1024);
    expect(rig.producer.framed).toBeGreaterThan(first);
    rig.log.endTurn();
    const ends = rig.records().map(({ header }) => header.position + occupiedBytes(header.length));
    for (const end of rig.published) expect(ends).toContain(end);
  });

  test('has one time for all of it, and no record is older than one before it', () => {
    rig.log.openEpoch(LEADER);
    rig.event(1);
    rig.event(2);
    expect(rig.clockReads).toBe(1);
    rig.log.endTurn();
    rig.nowUs = 900;
    rig.event(3);
    rig.log.endTurn();
    rig.nowUs = 2_000;
    rig.event(4);
    rig.log.endTurn();
    expect(rig.records().map(({ header }) => header.timestampUs)).toEqual([
      1_000, 1_000, 1_000, 1_000, 2_000,
    ]);
  });
});

describe('without room', () => {
  test('for appends the reign still writes its own records', () => {
    rig.appendsEnd = 0;
    expect(rig.log.openEpoch(LEADER)).toBe(true);
    expect(rig.event(100)).toBe(false);
    expect(rig.log.roomFor(100, 100)).toBe('no-chunk');
    expect(rig.log.membership(new Uint8Array(40))).toBe(true);
    rig.appendsEnd = CHUNK_BYTES;
    expect(rig.event(100)).toBe(true);
  });

  test('for events in the ring there is still some for many reigns, each of which may fail', () => {
    rig.log.openEpoch(LEADER);
    while (rig.event(9_000));
    while (rig.event(0));
    expect(rig.log.roomFor(300, 300)).toBe('ring-full');
    for (let reigns = 0; reigns < 100; reigns++) {
      expect(rig.log.openEpoch(LEADER)).toBe(true);
      rig.log.endTurn();
    }
    expect(rig.log.membership(new Uint8Array(3_000))).toBe(true);
  });

  test('in the ring nothing is framed, and later it is', () => {
    rig.log.openEpoch(LEADER);
    while (rig.event(9_000));
    while (rig.event(0));
    while (rig.log.openEpoch(LEADER));
    rig.log.endTurn();
    const { framed } = rig.producer;
    expect(rig.log.roomFor(100, 100)).toBe('ring-full');
    expect(rig.log.openEpoch(LEADER)).toBe(false);
    expect(rig.log.membership(new Uint8Array(100))).toBe(false);
    expect(rig.producer.framed).toBe(framed);
    rig.commit();
    expect(rig.log.membership(new Uint8Array(100))).toBe(true);
  });

  test('in the chunks that exist nothing is framed, and that is called by its name', () => {
    rig.prepared = 56;
    expect(rig.log.openEpoch(LEADER)).toBe(false);
    expect(rig.log.roomFor(10, 10)).toBe('no-chunk');
    expect(rig.producer.framed).toBe(0);
    rig.prepared = CHUNK_BYTES;
    expect(rig.log.openEpoch(LEADER)).toBe(true);
  });
});

test('whatever is framed, what there is said to be room for fits, Padding and a Commit included', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('event'), size: fc.nat(12_000) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('event'), size: fc.nat(60) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('membership'), size: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch'), size: fc.constant(0) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn'), size: fc.constant(0) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit'), size: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('idle'), size: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 30, maxLength: 120 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, chunks) => {
        const rig = new Rig();
        rig.prepared = chunks * CHUNK_BYTES;
        for (const { kind, size } of steps) {
          if (kind === 'event') rig.event(size);
          else if (kind === 'membership') rig.log.membership(new Uint8Array(size).fill(1));
          else if (kind === 'epoch') rig.log.openEpoch(LEADER);
          else if (kind === 'idle') rig.log.recordCommit();
          else rig.log.endTurn();
          if (kind === 'commit') {
            rig.commit();
            rig.prepared += CHUNK_BYTES;
          }
          rig.keep();
        }
        rig.log.endTurn();
        expect(rig.producer.framed).toBeLessThanOrEqual(rig.prepared);
        for (const { header, body } of rig.records()) {
          const end = header.position + occupiedBytes(header.length);
          expect(Math.floor(header.position / CHUNK_BYTES)).toBe(Math.floor((end - 1) / CHUNK_BYTES));
          if (body.kind === 'commit') expect(body.committed).toBeLessThanOrEqual(header.position);
        }
      },
    ),
    { numRuns: 50 },
  );
});
