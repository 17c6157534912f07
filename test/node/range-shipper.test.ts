/** What a leader sends of its log, from the ring and from chunk files: whole records, as they stand there. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Input } from '../../src/cluster/effects.js';
import type { MessageOf } from '../../src/cluster/messages.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import type { PeerTransport } from '../../src/node/peer-transport.js';
import { RangeShipper, type Ship } from '../../src/node/range-shipper.js';
import { SampleLog } from '../indexer/sample-log.js';
import { LiveLog } from '../reader/live-log.js';

const CHUNK_BYTES = 65_536;
const RING_BYTES = 131_072;
const FOLLOWER = 'follower:1';

type Shipped = Extract<Input, { kind: 'shipped' }>;

/** A leader's log, whose older part is in files only, and a follower's connection. */
class Rig {
  readonly sample = new SampleLog(CHUNK_BYTES);
  readonly live: LiveLog;
  readonly sent: MessageOf<'range'>[] = [];
  isConnected = true;
  /** What of the log is durable, if not all. */
  durable: number | undefined;
  readonly #shipper: RangeShipper;
  readonly #waiting: ((shipped: Shipped) => void)[] = [];

  constructor(dataBytes: readonly number[]) {
    this.live = new LiveLog(this.sample, RING_BYTES);
    for (const [i, size] of dataBytes.entries()) {
      this.sample.transaction([{ stream: `s${i % 3}`, dataBytes: size }]);
      if (i % 10 === 9) this.live.advance();
    }
    this.live.advance();
    const { producer, reader } = this.live;
    const durable = () => this.durable ?? producer.published;
    const log = {
      ...{ producer, reader, chunkSize: CHUNK_BYTES, kernel: javascriptKernel },
      get durable() {
        return durable();
      },
      get committed() {
        return durable();
      },
    };
    const transport: PeerTransport = {
      send: () => undefined,
      ship: (to, { bytes, ...range }, sent) => {
        expect(to).toBe(FOLLOWER);
        if (!this.isConnected) return false;
        // As it is when it is sent: the ring goes on.
        this.sent.push({ ...range, bytes: bytes.slice() });
        queueMicrotask(sent);
        return true;
      },
      stop: () => undefined,
    };
    this.#shipper = new RangeShipper(log, transport, (shipped) => this.#waiting.shift()?.(shipped));
  }

  get floor(): number {
    return this.live.producer.floor;
  }

  /** Where records begin, from `from` on. */
  places(from = 0): number[] {
    return this.sample.records.map(({ position }) => position).filter((position) => position >= from);
  }

  ship(position: number, limit = this.sample.end): Promise<Shipped> {
    const shipped = new Promise<Shipped>((resolve) => this.#waiting.push(resolve));
    const fields = { clusterId: 'c', from: 'a', fromName: 'a:1', start: 1, nonce: 2, to: 'b' };
    const range = { ...fields, kind: 'range', epoch: 1, attempt: 7, position, commit: 0 } as const;
    const ship: Ship = { kind: 'ship', to: FOLLOWER, range, limit };
    this.#shipper.ship(ship);
    return shipped;
  }

  /** The bytes of whole records in [position, limit), but of one at least. */
  expected(position: number, limit: number): Uint8Array {
    const ends = this.sample.records
      .filter((record) => record.position >= position)
      .map((r) => r.position + r.bytes);
    return this.sample.bytes.subarray(
      position,
      Math.max(ends[0]!, ends.filter((end) => end <= limit).at(-1) ?? 0),
    );
  }

  close(): Promise<void> {
    return this.live.close();
  }
}

let rig: Rig;
afterEach(() => rig.close());

const MIXED = Array.from({ length: 400 }, (_, i) => (i * 7_919) % (i % 9 === 0 ? 9_000 : 600));

describe('a range', () => {
  beforeEach(() => {
    rig = new Rig(MIXED);
    expect(rig.floor).toBeGreaterThan(CHUNK_BYTES);
  });

  test('is as many whole records as fit, wherever it begins: in files, in the ring, where the one ends and the other begins', async () => {
    const places = rig.places();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(places.length - 1),
        fc.integer({ min: 6, max: 8_750 }),
        async (index, wantedWords) => {
          rig.sent.length = 0;
          const position = places[index]!;
          const limit = Math.min(position + 8 * wantedWords, rig.sample.end);
          const { end } = await rig.ship(position, limit);
          const [range] = rig.sent;
          expect(range).toMatchObject({ kind: 'range', attempt: 7, position });
          expect(end).toBe(position + range!.bytes.length);
          const expected = rig.expected(position, limit);
          // A range may be shorter: where a chunk file or the ring ends.
          expect(range!.bytes.length).toBeGreaterThan(0);
          expect(range!.bytes.length).toBeLessThanOrEqual(expected.length);
          expect(Buffer.compare(range!.bytes, expected.subarray(0, range!.bytes.length))).toBe(0);
          expect([...places, rig.sample.end]).toContain(end);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('after the other brings the whole log over', async () => {
    let position = 0;
    while (position < rig.sample.end) {
      const { end, to, attempt } = await rig.ship(position, Math.min(rig.sample.end, position + 10_000));
      expect({ to, attempt }).toEqual({ to: 'b', attempt: 7 });
      expect(end).toBeGreaterThan(position);
      position = end;
    }
    const all = Buffer.concat(rig.sent.map(({ bytes }) => bytes));
    expect(Buffer.compare(all, rig.sample.bytes)).toBe(0);
  });

  test('is at least one record, though that is more than was asked for', async () => {
    const sizes = (from: number) =>
      rig.sample.records.filter(({ position, bytes }) => position >= from && bytes > 5_000);
    for (const record of [sizes(0)[0]!, sizes(rig.floor)[0]!]) {
      const { end } = await rig.ship(record.position, record.position + 104);
      expect(end).toBe(record.position + record.bytes);
    }
  });

  test('goes over the end of the ring with its last record, and no further', async () => {
    const ringEnd = Math.floor(rig.sample.end / RING_BYTES) * RING_BYTES;
    const record = rig.sample.records.find(
      (one) => one.position < ringEnd && one.position + one.bytes > ringEnd,
    );
    const position = rig.places(rig.floor)[0]!;
    expect(position).toBeLessThan(ringEnd);
    let at = position;
    while (at < ringEnd) at = (await rig.ship(at)).end;
    expect(at).toBe(record === undefined ? ringEnd : record.position + record.bytes);
    const bytes = Buffer.concat(rig.sent.map((range) => range.bytes));
    expect(Buffer.compare(bytes, rig.sample.bytes.subarray(position, at))).toBe(0);
  });
});

describe('what can not be sent now', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    rig = new Rig(MIXED);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** The core is told, in a while, that nothing has been sent. */
  async function expectLater(shipped: Promise<Shipped>, position: number): Promise<void> {
    let told: Shipped | undefined;
    void shipped.then((input) => {
      told = input;
    });
    // Files are read by other threads.
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    expect(told).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual({ kind: 'shipped', to: 'b', attempt: 7, end: position });
    expect(rig.sent).toEqual([]);
  }

  test('because there is no connection is told after a while, so that it is tried again', async () => {
    rig.isConnected = false;
    for (const position of [0, rig.places(rig.floor)[0]!]) await expectLater(rig.ship(position), position);
  });

  test('because the log was cut meanwhile is told as well', async () => {
    await expectLater(rig.ship(rig.sample.end + 800, rig.sample.end + 1_600), rig.sample.end + 800);
  });

  test('because no record begins there is no reason to die', async () => {
    for (const record of [rig.sample.records[3]!, rig.sample.records.at(-3)!])
      await expectLater(rig.ship(record.position + 8), record.position + 8);
  });

  test('because the file is gone is told as well', async () => {
    await rig.live.reader.close();
    await expectLater(rig.ship(0), 0);
  });
});

describe('what is not durable yet', () => {
  /** The part of the files behind `durable` is zeros, as it is before it is written. */
  function forget(durable: number): void {
    rig.durable = durable;
    for (let position = durable; position < rig.sample.end; ) {
      const length =
        Math.min(rig.sample.end, (Math.floor(position / CHUNK_BYTES) + 1) * CHUNK_BYTES) - position;
      rig.live.damage(position, new Uint8Array(length));
      position += length;
    }
  }

  test('is never read from files', async () => {
    rig = new Rig(MIXED);
    const first = rig.places(rig.floor)[2]!;
    const position = rig
      .places()
      .filter((place) => place < rig.floor)
      .at(-5)!;
    forget(first);
    const { end } = await rig.ship(position);
    expect(end).toBe(first);
    expect(Buffer.compare(rig.sent[0]!.bytes, rig.sample.bytes.subarray(position, first))).toBe(0);
  });

  test('not even the rest of a record that has begun', async () => {
    rig = new Rig(MIXED);
    const record = rig.sample.records
      .filter(({ position, bytes }) => position < rig.floor && bytes > 3_000)
      .at(-1)!;
    const durable = record.position + 2_000;
    forget(durable);
    const before = rig.sample.records.filter(({ position }) => position < record.position).at(-1)!;
    expect((await rig.ship(before.position)).end).toBe(record.position);
    rig.sent.length = 0;
    expect((await rig.ship(record.position)).end).toBe(record.position);
    expect(rig.sent).toEqual([]);
    // In the ring all of it stands.
    const inRing = rig.places(rig.floor)[0]!;
    expect((await rig.ship(inRing)).end).toBeGreaterThan(inRing);
  });
});
